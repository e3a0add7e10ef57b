"""Generated items: the same for a seed, held out, answered rightly, paired when an argument changes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab.domain.constraints import KINDS, flaw, language_of
from llmlab.domain.experiment import Item, Value
from llmlab.domain.generators import languages, rules, world
from llmlab.domain.generators.base import Generator, TokenSizes, TooFew, generate, held_out
from llmlab.domain.generators.problems import WORD_PROBLEMS
from llmlab.domain.generators.registry import GENERATORS
from llmlab.domain.generators.texts import FACTS, NEEDLE
from training.curriculum import examples as trained_examples
from training.curriculum import facts as trained_facts
from training.curriculum import instructions as trained_instructions
from training.curriculum import lexicon as trained_lexicon
from training.curriculum import steps as trained_steps
from training.curriculum import words as trained_words
from training.sample import held_out as trained_held_out

EVERY = pytest.mark.parametrize("generator", GENERATORS.values(), ids=lambda one: one.name)
SEEDS = st.integers(0, 10_000)
FEW = settings(max_examples=20, deadline=None)


def defaults(generator: Generator, language: str) -> dict[str, Value]:
    return {"language": language} if generator.parameter("language") else {}


@EVERY
@FEW
@given(seed=SEEDS, language=st.sampled_from(["en", "zh"]))
def test_items_are_the_same_for_a_seed_and_have_different_ids(generator: Generator, seed: int, language: str) -> None:
    arguments = defaults(generator, language)
    items = generate(generator, 5, seed, arguments)
    assert items == generate(generator, 5, seed, arguments)
    assert items[:3] == generate(generator, 3, seed, arguments)
    assert len({item.id for item in items}) == 5
    assert all(item.question.strip() and (item.gold or item.constraints or not item.answerable) for item in items)
    if generator.parameter("language"):
        # A rule is asked by a bare word or label, whatever the language.
        assert generator.name == "rules" or all(language_of(item.question) == language for item in items)


@EVERY
def test_questions_of_other_seeds_are_others(generator: Generator) -> None:
    assert [one.question for one in generate(generator, 5, 1, {})] != [
        one.question for one in generate(generator, 5, 2, {})
    ]


@FEW
@given(steps=st.integers(1, 12), seed=SEEDS, language=st.sampled_from(["en", "zh"]))
def test_the_steps_of_a_word_problem_lead_to_its_answer(steps: int, seed: int, language: str) -> None:
    (item,) = generate(WORD_PROBLEMS, 1, seed, {"steps": steps, "language": language})
    lines = item.fields["steps"].split("\n")
    assert len(lines) == steps
    for line in lines:
        a, sign, b, result = re.fullmatch(r"(\d+) ([-+*]) (\d+) = (\d+)", line).groups()  # type: ignore[union-attr]
        assert {"+": int(a) + int(b), "-": int(a) - int(b), "*": int(a) * int(b)}[sign] == int(result) >= 0
    assert lines[-1].endswith(f"= {item.gold[0]}")
    told = [int(number) for number in re.findall(r"\d+", item.question)]
    assert told[0] == int(lines[0].split()[0])
    assert len(item.shots) == 8
    assert all(shot.input != item.question and shot.reasoning for shot in item.shots)


@FEW
@given(seed=SEEDS)
def test_both_languages_tell_of_the_same_numbers(seed: int) -> None:
    english = generate(WORD_PROBLEMS, 4, seed, {"language": "en"})
    chinese = generate(WORD_PROBLEMS, 4, seed, {"language": "zh"})
    assert [(item.id, item.gold, item.fields["steps"]) for item in english] == [
        (item.id, item.gold, item.fields["steps"]) for item in chinese
    ]


@FEW
@given(
    seed=SEEDS,
    length=st.integers(200, 6_000),
    depth=st.floats(0, 1),
    language=st.sampled_from(["en", "zh"]),
)
def test_a_needle_stands_at_its_depth_in_a_document_of_its_length(
    seed: int, length: int, depth: float, language: str
) -> None:
    (item,) = generate(NEEDLE, 1, seed, {"length": length, "depth": depth, "language": language})
    needle = item.fields["needle"]
    assert item.document.count(needle) == 1
    assert item.gold[0] in needle
    # A sentence is the grain of both; a short document may be filled by facts alone.
    assert length - 120 <= len(item.document) <= max(length, 420) + 120
    at = item.document.index(needle)
    assert abs(at / (len(item.document) - len(needle)) - depth) <= 130 / len(item.document) + 0.08


@FEW
@given(seed=SEEDS)
def test_another_length_or_depth_asks_the_same(seed: int) -> None:
    arms = [
        generate(NEEDLE, 3, seed, {"length": length, "depth": depth}) for length, depth in ((400, 0.1), (3_000, 0.9))
    ]
    first, second = ([(item.id, item.question, item.gold) for item in arm] for arm in arms)
    assert first == second


@FEW
@given(seed=SEEDS, share=st.sampled_from([0.0, 0.25, 0.5, 1.0]), language=st.sampled_from(["en", "zh"]))
def test_a_document_answers_what_is_answerable_and_nothing_else(seed: int, share: float, language: str) -> None:
    items = generate(FACTS, 8, seed, {"unanswerable": share, "language": language, "facts": 4})
    assert sum(not item.answerable for item in items) == 8 * share
    for item in items:
        place, attribute = asked_about(item, language)
        joined = f"{place}的{attribute}" if language == "zh" else f"{attribute} of {place}"
        assert (joined in item.document) == item.answerable
        assert place in item.document
        assert bool(item.gold) == item.answerable


def asked_about(item: Item, language: str) -> tuple[str, str]:
    pattern = r"(.+)的(.+)是什么？" if language == "zh" else r"What is the (?P<a>.+) of (?P<p>\w+)\?"
    match = re.fullmatch(pattern, item.question)
    assert match is not None
    return (match[1], match[2]) if language == "zh" else (match["p"], match["a"])


@FEW
@given(seed=SEEDS, kind=st.sampled_from(["label", "parity"]))
def test_the_first_examples_of_labels_show_every_label(seed: int, kind: str) -> None:
    for item in generate(GENERATORS["rules"], 3, seed, {"kind": kind}):
        assert {shot.output for shot in item.shots[:2]} == set(item.choices)
        assert item.gold[0] in item.choices
        assert item.question not in {shot.input for shot in item.shots}
        assert 8 <= len(item.shots) <= 16


@FEW
@given(seed=SEEDS, count=st.integers(1, 4), language=st.sampled_from(["en", "zh"]))
def test_constraints_that_are_asked_for_can_be_checked(seed: int, count: int, language: str) -> None:
    for item in generate(GENERATORS["constraints"], 3, seed, {"constraints": count, "language": language}):
        assert len(item.constraints) == count
        assert all(flaw(one) == "" and one.kind in KINDS for one in item.constraints)


def test_a_generator_that_runs_out_says_how_many_there_are() -> None:
    with pytest.raises(TooFew) as caught:
        generate(GENERATORS["arithmetic"], 500, 1, {"digits": 1})
    assert 0 < caught.value.found < 55
    assert len(generate(GENERATORS["arithmetic"], 55, 1, {"digits": 1, "held_out": False})) == 55


@FEW
@given(key=st.text())
def test_the_rule_of_what_is_held_out_is_that_of_the_training(key: str) -> None:
    assert held_out(key) == trained_held_out(key) or key.startswith("core:")


def test_the_world_is_that_of_the_curriculum() -> None:
    assert world.CATEGORIES == trained_words.CATEGORIES
    assert world.LEXICON == trained_words.LEXICON
    assert (world.NAMES_EN, world.NAMES_ZH) == (trained_words.NAMES_EN, trained_words.NAMES_ZH)
    assert world.THINGS == trained_words.THINGS
    assert (world.PLACES, world.RELATIONS) == (trained_steps.PLACES, trained_steps.RELATIONS)
    assert world.LABELS == trained_examples.LABELS
    assert world.ATTRIBUTES == trained_facts.ATTRIBUTES
    assert (languages.TO_CHINESE, languages.TO_ENGLISH) == (trained_lexicon.TO_CHINESE, trained_lexicon.TO_ENGLISH)
    mine = (*rules.STRINGS, *rules.NUMBERS, *rules.CHINESE_STRINGS, *rules.KINDS)
    assert [rule.name for rule in mine] == [rule.name for rule in trained_examples.RULES]


@pytest.mark.parametrize(("chinese", "language"), [(False, "en"), (True, "zh")])
def test_keys_are_those_under_which_the_curriculum_holds_items_out(chinese: bool, language: str) -> None:
    """What is asked here was never trained: the same question has the same key there."""
    keys = {}
    rng = Random(1)
    for _ in range(3_000):
        problem = trained_steps.story(rng, 1, chinese=chinese)
        keys[problem.answer, tuple(problem.steps)] = problem.key
    for item in generate(WORD_PROBLEMS, 12, 3, {"steps": 1, "language": language}):
        key = keys.get((item.gold[0], tuple(item.fields["steps"].split("\n"))))
        assert key is not None
        assert trained_held_out(key)
    for item in generate(GENERATORS["instructions"], 12, 3, {"language": language}):
        verb = item.cluster
        apply = next(one[3] for one in trained_instructions.WORD_VERBS if one[0] == verb)
        fit = [word for word in re.findall(r"[a-z]+", item.question) if apply(word) == item.gold[0]]
        assert any(trained_held_out(f"rule|{verb}|{word}") for word in fit)


@pytest.mark.parametrize("verbs", [1, 2])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_examples_of_instructions_do_the_same_with_other_words(verbs: int, language: str) -> None:
    told, shown, both = (
        generate(GENERATORS["instructions"], 12, 3, {"verbs": verbs, "language": language, "by": by})
        for by in ("words", "examples", "both")
    )
    assert all(not item.shots for item in told)
    for words, examples, whole in zip(told, shown, both, strict=True):
        assert words.gold == examples.gold == whole.gold
        assert words.question == whole.question != examples.question
        assert examples.question in words.question
        assert [shot.output for shot in examples.shots] == [shot.output for shot in whole.shots]
        assert len({shot.input for shot in examples.shots} - {examples.question}) == 8
        for bare, sentence in zip(examples.shots, whole.shots, strict=True):
            assert bare.input in sentence.input


@pytest.mark.parametrize("length", [500, 900])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_document_has_its_length_in_tokens_where_they_are_counted(length: int, language: str) -> None:
    calls: list[int] = []

    def count(texts: Sequence[str]) -> list[int]:
        """Two tokens for each character, as no guess has it."""
        calls.append(len(texts))
        return [2 * len(text) for text in texts]

    sizes = TokenSizes(count)
    asking: dict[str, Value] = {"length": length, "language": language, "unit": "tokens"}
    items = generate(NEEDLE, 6, 1, asking, sizes)
    for item in items:
        assert length - 4 <= 2 * len(item.document) <= length + 2 * 40
        assert item.fields["needle"] in item.document
    asked = len(calls)
    assert asked <= 2
    assert generate(NEEDLE, 6, 1, asking, sizes) == items
    deeper = generate(NEEDLE, 6, 1, {**asking, "depth": 0.0}, sizes)
    assert [item.question for item in deeper] == [item.question for item in items]
    assert len(calls) == asked, "what is known is not counted again"
