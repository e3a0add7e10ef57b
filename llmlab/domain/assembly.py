"""From recipe, history and question to messages in which every stretch of text knows where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from llmlab.domain.prompting import ChatMessage, RenderedPrompt, Role
from llmlab.domain.reading import Material
from llmlab.domain.recipe import Recipe
from llmlab.domain.shots import Shot, ShotUse
from llmlab.domain.template import Render, TemplateUse

SpanOrigin = Literal["scaffold", "system", "template", "example", "document", "history", "question", "cue", "answer"]
"""Where a stretch of a prompt comes from; `scaffold` is what the chat template writes around the messages."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a message."""

    text: str
    origin: SpanOrigin
    index: int = 0
    """Which example, passage of the documents or message of the history, from 1; 0 where there is only one."""


@dataclass(frozen=True, slots=True)
class OriginMessage:
    """A message whose parts know their origin."""

    role: Role
    segments: tuple[Segment, ...]
    thinking: str = ""

    @property
    def text(self) -> str:
        """What the chat template is given."""
        return "".join(segment.text for segment in self.segments)


@dataclass(frozen=True, slots=True)
class OriginSpan:
    """A stretch of a rendered prompt."""

    start: int
    """Offset into the text, in characters."""
    end: int
    origin: SpanOrigin
    index: int
    tokens: int
    """Tokens that begin in this stretch."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """Everything that is sent, before the chat template."""

    messages: tuple[OriginMessage, ...]
    prefill: Segment | None = None
    """What the answer begins with."""

    def chat_messages(self) -> tuple[ChatMessage, ...]:
        """The messages as the engine takes them."""
        return tuple(ChatMessage(message.role, message.text, message.thinking) for message in self.messages)


def assemble(
    recipe: Recipe,
    history: Sequence[ChatMessage],
    question: str | None,
    render: Render,
    *,
    prefill: str = "",
    material: Material | None = None,
) -> Assembled:
    """The messages of `question` asked after `history` under `recipe`; nothing is left out.

    Args:
        recipe: what the answer depends on besides the conversation.
        history: what was said, as it was sent.
        question: as it was typed; `None` when the history ends with the question, as it was sent.
        render: runs the sources of templates.
        prefill: what the answer already has, in place of what the reasoning mode begins it with.
        material: what is read of the documents: all of it stands before the first question, so that each further one
            begins with what was read; passages stand before the question for which they were chosen.

    Raises:
        LlmlabError: as `render` does.
    """
    messages: list[OriginMessage] = []
    mode = recipe.reasoning.mode if recipe.reasoning else None
    system = [*_system(recipe, question or "", render)]
    if mode and mode.system:
        system.append(Segment(("\n\n" if system else "") + mode.system, "cue"))
    if system:
        messages.append(OriginMessage("system", tuple(system)))
    asked = question if question is not None else last_question(history)
    shots = recipe.shots.chosen(asked) if recipe.shots else ()
    inline: tuple[Segment, ...] = ()
    if recipe.shots and shots and recipe.shots.style == "inline":
        inline = tuple(_inline(recipe.shots, shots, shows_steps=bool(mode and mode.shot_reasoning)))
    else:
        messages += _as_turns(recipe, shots, render)
    place = _place_of(material, history, question)
    read = tuple(_read(material)) if material else ()
    for number, message in enumerate(history, 1):
        thinking = message.thinking if recipe.keep_thinking else ""
        said = Segment(message.text, "history", number)
        # An answer that goes on: its question, the last message, is shown the examples again.
        shown = inline if question is None and number == len(history) and message.role == "user" else ()
        messages.append(OriginMessage(message.role, (*(read if number == place else ()), *shown, said), thinking))
    if question is not None:
        framed = frame(recipe, question, render)
        if inline and recipe.shots:
            framed = tuple(_as_the_examples(recipe.shots, framed))
        messages.append(OriginMessage("user", (*(read if place > len(history) else ()), *inline, *framed)))
    if prefill:
        return Assembled(tuple(messages), Segment(prefill, "answer"))
    return Assembled(tuple(messages), Segment(mode.answer, "cue") if mode and mode.answer else None)


def _place_of(material: Material | None, history: Sequence[ChatMessage], question: str | None) -> int:
    """The number, from 1, of the message before whose text the material stands; the question is the last one."""
    asked = [number for number, message in enumerate(history, 1) if message.role == "user"]
    if question is not None:
        asked.append(len(history) + 1)
    if not asked:
        return 0
    return asked[-1] if material and material.with_question else asked[0]


def _read(material: Material) -> Iterator[Segment]:
    for number, text in material.texts():
        yield Segment(text, "document", number)


def frame(recipe: Recipe, question: str, render: Render) -> tuple[Segment, ...]:
    """A question as the template and the reasoning mode of `recipe` put it.

    Raises:
        LlmlabError: as `render` does.
    """
    segments = list(_asked(recipe.template, question, render))
    cue = recipe.reasoning.mode.question if recipe.reasoning else ""
    if cue:
        segments.append(Segment("\n\n" + cue, "cue"))
    return tuple(segments)


def _asked(use: TemplateUse | None, question: str, render: Render) -> Iterator[Segment]:
    if use is None:
        yield Segment(question, "question")
        return
    files = {item.name for item in use.template.variables if item.kind == "file"}
    for part in use.user(question, render):
        if part.variable in files:
            yield Segment(part.text, "document")
        else:
            yield Segment(part.text, "question" if part.variable else "template")


def _system(recipe: Recipe, question: str, render: Render) -> Iterator[Segment]:
    """The system prompt that holds: the chat's own, the template's, the model's."""
    use = recipe.template
    if recipe.system is None and use and use.template.system:
        for part in use.system(question, render):
            yield Segment(part.text, "question" if part.variable else "template")
    elif recipe.system_prompt:
        yield Segment(recipe.system_prompt, "system")


def _as_turns(recipe: Recipe, shots: Iterable[Shot], render: Render) -> Iterator[OriginMessage]:
    """Examples as turns, each question put as the real one is."""
    steps = bool(recipe.reasoning and recipe.reasoning.mode.shot_reasoning)
    for number, shot in enumerate(shots, 1):
        asked = "".join(segment.text for segment in frame(recipe, shot.input, render))
        yield OriginMessage("user", (Segment(asked, "example", number),))
        yield OriginMessage("assistant", (Segment(shot.answer(steps), "example", number),))


def _inline(use: ShotUse, shots: Iterable[Shot], *, shows_steps: bool) -> Iterator[Segment]:
    for number, shot in enumerate(shots, 1):
        text = f"{use.set.input_label}{shot.input}\n{use.set.output_label}{shot.answer(shows_steps)}\n\n"
        yield Segment(text, "example", number)


def _as_the_examples(use: ShotUse, framed: Iterable[Segment]) -> Iterator[Segment]:
    """A question between the labels that the examples before it have, so that its output is what comes next."""
    if use.set.input_label:
        yield Segment(use.set.input_label, "template")
    yield from framed
    if label := use.set.output_label.rstrip():
        yield Segment("\n" + label, "template")


def last_question(history: Sequence[ChatMessage]) -> str:
    """What was asked last; empty when nothing was."""
    return next((message.text for message in reversed(history) if message.role == "user"), "")


def origin_spans(assembled: Assembled, prompt: RenderedPrompt) -> tuple[OriginSpan, ...]:
    """`prompt` taken apart by origin: spans without gap or overlap whose tokens add up to the prompt's.

    Args:
        assembled: what was rendered.
        prompt: what came out, with the offsets of its tokens.
    """
    pieces: list[tuple[int, int, SpanOrigin, int]] = []
    for span in prompt.spans:
        if span.message < 0:
            pieces.append((span.start, span.end, "scaffold", 0))
        elif span.message < len(assembled.messages):
            message = assembled.messages[span.message]
            pieces += _by_segment(prompt.text, span.start, span.end, message)
        else:
            owner = assembled.prefill or Segment("", "answer")
            pieces.append((span.start, span.end, owner.origin, owner.index))
    return tuple(_counted(pieces, prompt.offsets))


def _by_segment(text: str, start: int, end: int, message: OriginMessage) -> Iterator[tuple[int, int, SpanOrigin, int]]:
    """A content of the prompt cut where the segments of its message meet."""
    content = text[start:end]
    whole = message.text
    at = whole.find(content)
    if len(message.segments) < 2 or at < 0:
        # The template changed the text, or this is the thinking of the message: it counts as one.
        owner = message.segments[-1] if message.segments else Segment("", "history")
        yield start, end, owner.origin, owner.index
        return
    edges = list(accumulate((len(segment.text) for segment in message.segments), initial=-at))
    for segment, left, right in zip(message.segments, edges, edges[1:], strict=False):
        left, right = max(0, left), min(len(content), right)
        if right > left:
            yield start + left, start + right, segment.origin, segment.index


def _counted(pieces: Iterable[tuple[int, int, SpanOrigin, int]], offsets: Sequence[int]) -> Iterator[OriginSpan]:
    """The pieces, neighbours of one origin joined, with the tokens that begin in each; `offsets` ascend."""
    joined: list[tuple[int, int, SpanOrigin, int]] = []
    for start, end, origin, index in pieces:
        if joined and joined[-1][2:] == (origin, index) and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end, origin, index)
        else:
            joined.append((start, end, origin, index))
    token = 0
    for number, (start, end, origin, index) in enumerate(joined):
        first, last = token, number == len(joined) - 1
        while token < len(offsets) and (offsets[token] < end or last):
            token += 1
        yield OriginSpan(start, end, origin, index, token - first)
