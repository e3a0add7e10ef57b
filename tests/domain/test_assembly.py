"""What is sent, and where each part of it comes from."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from llmlab.domain.assembly import (
    Assembled,
    OriginMessage,
    OriginSpan,
    Segment,
    SpanOrigin,
    assemble,
    frame,
    origin_spans,
)
from llmlab.domain.budget import Budget, Section, WayOut, budget_of, reserve, ways_out
from llmlab.domain.model import ModelSpec
from llmlab.domain.modes import ReasoningMode, ReasoningUse
from llmlab.domain.prompting import ChatMessage, RenderedPrompt, Span
from llmlab.domain.recipe import Recipe
from llmlab.domain.shots import Shot, ShotSet, ShotUse
from llmlab.domain.template import PromptTemplate, TemplateUse, Variable

MODEL = ModelSpec(name="m", path="/m.gguf", system="model's own")
SHOTS = ShotSet(
    name="s",
    language="en",
    title="S",
    rows=(Shot("one", "1", "It is one."), Shot("two", "2"), Shot("off", "0", on=False)),
)
STEPS = ReasoningMode(
    name="steps", language="en", title="Steps", question="Think first.", answer="Let me see:", shot_reasoning=True
)
TRANSLATE = PromptTemplate(
    name="t",
    language="en",
    title="T",
    system="You know {to}.",
    user="Say {text} in {to}.",
    variables=(Variable(name="text"), Variable(name="to", default="French")),
    main="text",
)


def render(source: str, values: Mapping[str, object]) -> str:
    """Braces for Jinja: assembly knows no template language."""
    return source.format(**values)


def parts(message: OriginMessage) -> list[tuple[str, SpanOrigin, int]]:
    return [(segment.text, segment.origin, segment.index) for segment in message.segments]


def test_a_bare_question_has_the_models_system_prompt() -> None:
    made = assemble(Recipe(model=MODEL), (), "hi", render)
    assert [(message.role, parts(message)) for message in made.messages] == [
        ("system", [("model's own", "system", 0)]),
        ("user", [("hi", "question", 0)]),
    ]
    assert made.prefill is None


TEMPLATES_OWN: list[tuple[str, SpanOrigin, int]] = [
    ("You know ", "template", 0),
    ("French", "question", 0),
    (".", "template", 0),
]


@pytest.mark.parametrize(("system", "expected"), [(None, TEMPLATES_OWN), ("mine", [("mine", "system", 0)])])
def test_the_chats_system_prompt_comes_before_the_templates(
    system: str | None, expected: list[tuple[str, SpanOrigin, int]]
) -> None:
    recipe = Recipe(model=MODEL, system=system, template=TemplateUse(TRANSLATE))
    assert parts(assemble(recipe, (), "tea", render).messages[0]) == expected


def test_an_empty_system_prompt_is_none() -> None:
    assert [message.role for message in assemble(Recipe(model=MODEL, system=""), (), "hi", render).messages] == ["user"]


def test_examples_are_put_as_the_question_is_and_stand_between_system_prompt_and_history() -> None:
    recipe = Recipe(model=MODEL, template=TemplateUse(TRANSLATE), shots=ShotUse(SHOTS, k=5))
    made = assemble(recipe, (ChatMessage("user", "a"), ChatMessage("assistant", "b", "hm")), "tea", render)
    assert [(message.role, message.text, message.segments[0].origin) for message in made.messages[1:]] == [
        ("user", "Say one in French.", "example"),
        ("assistant", "1", "example"),
        ("user", "Say two in French.", "example"),
        ("assistant", "2", "example"),
        ("user", "a", "history"),
        ("assistant", "b", "history"),
        ("user", "Say tea in French.", "template"),
    ]
    assert made.messages[-2].thinking == "", "old thinking stays out"
    kept = Recipe(model=MODEL, keep_thinking=True)
    assert assemble(kept, (ChatMessage("assistant", "b", "hm"),), "tea", render).messages[1].thinking == "hm"


def test_a_reasoning_mode_adds_its_cues_and_the_steps_of_the_examples() -> None:
    recipe = Recipe(model=MODEL, shots=ShotUse(SHOTS, k=1), reasoning=ReasoningUse(STEPS))
    made = assemble(recipe, (), "three", render)
    assert [message.text for message in made.messages[1:]] == [
        "one\n\nThink first.",
        "It is one.\n1",
        "three\n\nThink first.",
    ]
    assert made.prefill == Segment("Let me see:", "cue")
    assert assemble(recipe, (), "three", render, prefill="So far").prefill == Segment("So far", "answer")


def test_inline_examples_are_part_of_the_question() -> None:
    recipe = Recipe(model=MODEL, system="", shots=ShotUse(SHOTS, k=2, style="inline"))
    made = assemble(recipe, (), "three", render)
    assert parts(made.messages[0]) == [
        ("Input: one\nOutput: 1\n\n", "example", 1),
        ("Input: two\nOutput: 2\n\n", "example", 2),
        ("Input: ", "template", 0),
        ("three", "question", 0),
        ("\nOutput:", "template", 0),
    ]


def test_an_answer_that_goes_on_has_the_examples_of_its_question() -> None:
    history = (ChatMessage("user", "Input: two\nOutput:"),)
    inline = Recipe(model=MODEL, system="", shots=ShotUse(SHOTS, k=1, style="inline"))
    made = assemble(inline, history, None, render, prefill="2")
    assert parts(made.messages[0]) == [
        ("Input: one\nOutput: 1\n\n", "example", 1),
        ("Input: two\nOutput:", "history", 1),
    ]
    nearest = Recipe(model=MODEL, system="", shots=ShotUse(SHOTS, k=1, choice="nearest"))
    made = assemble(nearest, (ChatMessage("user", "is it two?"),), None, render)
    assert [message.text for message in made.messages] == ["two", "2", "is it two?"]


def test_the_text_of_a_file_is_a_document() -> None:
    template = PromptTemplate(
        name="d", language="en", title="D", user="{doc}: {q}", main="q",
        variables=(Variable(name="doc", kind="file"), Variable(name="q")),
    )  # fmt: skip
    segments = frame(Recipe(model=MODEL, template=TemplateUse(template, {"doc": "novel"})), "who?", render)
    assert [segment.origin for segment in segments] == ["document", "template", "question"]


def prompt_of(*pieces: tuple[str, int]) -> RenderedPrompt:
    """A rendered prompt, one token a character."""
    text, spans = "", []
    for piece, owner in pieces:
        spans.append(Span(len(text), len(text) + len(piece), owner, len(piece)))
        text += piece
    return RenderedPrompt(text, tuple(range(len(text))), tuple(spans), False, tuple(range(len(text))))


def test_spans_are_cut_where_segments_meet_and_joined_where_one_goes_on() -> None:
    user = OriginMessage("user", (Segment("  ab", "template"), Segment("cd", "question"), Segment("ef ", "cue")))
    prompt = prompt_of(("<u>", -1), ("abcdef", 0), ("</u>", -1), ("<a>", -1), ("So", 1))
    spans = origin_spans(Assembled((user,), Segment("So", "cue")), prompt)
    assert spans == (
        OriginSpan(0, 3, "scaffold", 0, 3),
        OriginSpan(3, 5, "template", 0, 2),
        OriginSpan(5, 7, "question", 0, 2),
        OriginSpan(7, 9, "cue", 0, 2),
        OriginSpan(9, 16, "scaffold", 0, 7),
        OriginSpan(16, 18, "cue", 0, 2),
    )


def test_a_text_that_the_chat_template_changed_counts_as_one() -> None:
    user = OriginMessage("user", (Segment("ab", "template"), Segment("cd", "question")))
    assert origin_spans(Assembled((user,)), prompt_of(("ABCD", 0))) == (OriginSpan(0, 4, "question", 0, 4),)


def spans_of(*sizes: tuple[SpanOrigin, int, int]) -> tuple[OriginSpan, ...]:
    """Spans of so many tokens: origin, index, tokens."""
    return tuple(OriginSpan(0, 0, origin, index, tokens) for origin, index, tokens in sizes)


def test_the_budget_adds_up() -> None:
    spans = spans_of(("scaffold", 0, 3), ("system", 0, 5), ("scaffold", 0, 2), ("question", 0, 10))
    budget = budget_of(spans, 32, 8)
    assert budget == Budget(32, 8, (Section("scaffold", 5), Section("system", 5), Section("question", 10)))
    assert (budget.used, budget.left, budget.over, budget.sendable) == (20, 4, 0, True)
    over = budget_of(spans, 25, 8)
    assert (over.left, over.over, over.sendable) == (0, 3, False)
    assert (reserve(None, 1024), reserve(None, 100_000), reserve(7, 1024)) == (256, 512, 7)


def test_every_way_out_suffices_alone() -> None:
    spans = spans_of(
        ("system", 0, 10), ("example", 1, 20), ("example", 2, 20), ("example", 3, 20),
        ("history", 1, 5), ("history", 2, 9), ("history", 3, 5), ("history", 4, 30), ("question", 0, 10),
    )  # fmt: skip
    budget = budget_of(spans, 140, 30)
    assert budget.over == 19
    assert ways_out(spans, budget, 159) == (
        WayOut("drop_turns", 4, 49),
        WayOut("fewer_examples", 2, 20),
        WayOut("larger_window", 159, 19),
    )
    assert ways_out(spans, budget_of(spans, 150, 30), 158)[-1] == WayOut("shorter_answer", 21, 9)
    assert ways_out(spans, budget_of(spans, 160, 30), 160) == ()


def test_what_the_chat_template_writes_behind_a_message_goes_with_it() -> None:
    spans = spans_of(
        ("scaffold", 0, 3), ("system", 0, 5), ("scaffold", 0, 4),
        ("example", 1, 2), ("scaffold", 0, 6), ("example", 1, 2), ("scaffold", 0, 6),
        ("example", 2, 2), ("scaffold", 0, 6), ("example", 2, 2), ("scaffold", 0, 6),
        ("question", 0, 9), ("scaffold", 0, 5),
    )  # fmt: skip
    assert ways_out(spans, budget_of(spans, 60, 16), 60) == (WayOut("fewer_examples", 1, 16),)
