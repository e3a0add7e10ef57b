"""Each scorer over answers as models write them: which outcome, which span, and why."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.constraints import Constraint, flaw, holds, language_of
from llmlab.domain.experiment import Item, ScorerUse
from llmlab.domain.modes import Extraction
from llmlab.domain.outcomes import Answer, Outcome, Scored
from llmlab.domain.scorers.abstaining import abstains
from llmlab.domain.scorers.base import judged
from llmlab.domain.scorers.judge import Judge
from llmlab.domain.scorers.own import Own
from llmlab.domain.scorers.registry import KINDS, make_scorer
from llmlab.domain.scorers.texts import shared_words

EIGHTEEN = Item(id="a", question="9 + 9?", gold=("18",))
COLOUR = Item(id="b", question="Which?", gold=("blue",), choices=("red", "blue", "dark green"))
UNKNOWABLE = Item(id="c", question="Who?", answerable=False)
KING = Item(id="d", question="Who?", gold=("Paul",), document="The king of Zan is Paul, who likes fish and bread.")
MODE = Extraction("after", marker="The answer is", take="value")


def score(kind: str, item: Item, answer: Answer | str, **options: object) -> dict[str, Scored]:
    """By extractor."""
    scorer = make_scorer(ScorerUse(kind=kind, name=kind, options=options), {})
    told = answer if isinstance(answer, Answer) else Answer(text=answer)
    return {one.extractor: one for one in judged(scorer, item, told)}


def cut(text: str) -> Answer:
    return Answer(text=text, finish="length")


def under_mode(text: str) -> Answer:
    return Answer(text=text, extraction=MODE)


@pytest.mark.parametrize(
    ("kind", "item", "answer", "strict", "flexible"),
    [
        ("exact", EIGHTEEN, "18", "correct", "correct"),
        ("exact", EIGHTEEN, " **18.** ", "correct", "correct"),
        ("exact", EIGHTEEN, "It is 9 + 9.\nThe answer is 18.", "wrong", "correct"),
        ("exact", EIGHTEEN, under_mode("It is 9 + 9.\nThe answer is 18."), "correct", "correct"),
        ("exact", EIGHTEEN, under_mode("It is 9 + 9, so 18"), "unparsed", "wrong"),
        ("exact", EIGHTEEN, "", "unparsed", "unparsed"),
        ("exact", EIGHTEEN, cut("It is 9 + 9"), "truncated", "truncated"),
        ("exact", EIGHTEEN, cut("18"), "correct", "correct"),
        ("number", EIGHTEEN, "The answer is 18.0", "correct", "correct"),
        ("number", EIGHTEEN, "The answer is $18", "correct", "correct"),
        ("number", EIGHTEEN, "First 9, then 18", "unparsed", "correct"),
        ("number", EIGHTEEN, "Answer: 18 (see step 2)", "unparsed", "correct"),
        ("number", EIGHTEEN, "none", "unparsed", "unparsed"),
        ("number", EIGHTEEN, "I don't know.", "abstained", "abstained"),
        ("number", Item(id="z", question="几个？", gold=("23",)), "答案是二十三。", "correct", "correct"),
        ("choice", COLOUR, "B", "correct", "correct"),
        ("choice", COLOUR, "B) blue", "correct", "correct"),
        ("choice", COLOUR, "the blue one", "unparsed", "correct"),
        ("choice", COLOUR, "red or blue", "unparsed", "unparsed"),
        ("choice", COLOUR, "A", "wrong", "wrong"),
        ("f1", KING, "King Paul", "correct", "correct"),
        ("f1", KING, "somebody else altogether", "wrong", "wrong"),
        ("exact", UNKNOWABLE, "I don't know.", "correct", "correct"),
        ("exact", UNKNOWABLE, "Paul", "wrong", "wrong"),
        ("exact", KING, "The document does not say.", "abstained", "abstained"),
    ],
)
def test_outcomes_are_kept_apart_under_both_readings(
    kind: str, item: Item, answer: Answer | str, strict: Outcome, flexible: Outcome
) -> None:
    found = score(kind, item, answer)
    assert (found["strict"].outcome, found["flexible"].outcome) == (strict, flexible)
    text = answer.text if isinstance(answer, Answer) else answer
    for one in found.values():
        assert one.why
        assert one.found == text[one.start : one.end]
        assert one.correct == (one.outcome == "correct")


@pytest.mark.parametrize(
    ("gold", "text", "outcome"),
    [
        ("*cat*", "*cat*", "correct"),
        ("*cat*", "cat", "wrong"),
        ("CAT", "cat", "wrong"),
        ("cat!", "cat!", "correct"),
        ("cat!", "cat", "wrong"),
        ('"cat"', '"cat"', "correct"),
        ("cat", "**cat**", "correct"),
        ("cat", "cat.", "correct"),
        ("cat cat", "cat", "wrong"),
    ],
)
def test_letter_by_letter_is_meant_as_it_is_said(gold: str, text: str, outcome: Outcome) -> None:
    found = score("exact", Item(id="v", question="?", gold=(gold,)), text, compare="verbatim")
    assert {one.outcome for one in found.values()} == {outcome}
    assert score("exact", Item(id="v", question="?", gold=("cat",)), "*Cat*!")["strict"].outcome == "correct"


@pytest.mark.parametrize(
    ("kind", "item", "answer", "options", "outcome", "found"),
    [
        ("contains", COLOUR, "It is Blue!", {}, "correct", "Blue"),
        ("contains", COLOUR, "bluest", {}, "wrong", ""),
        ("contains", EIGHTEEN, "18.5", {}, "wrong", ""),
        ("contains", EIGHTEEN, "It is 18, then.", {}, "correct", "18"),
        ("contains", Item(id="e", question="?", gold=("red", "blue")), "blue", {"every": True}, "wrong", ""),
        ("contains", Item(id="e", question="?", gold=("red", "blue")), "red blue", {"every": True}, "correct", "red"),
        ("contains", Item(id="f", question="?", gold=("面包",)), "名菜是面包。", {}, "correct", "面包"),
        ("contains", COLOUR, cut("It is"), {}, "truncated", ""),
        ("contains", COLOUR, "不知道。", {}, "abstained", ""),
        ("contains", UNKNOWABLE, "Paul", {}, "wrong", ""),
        ("regex", EIGHTEEN, "= 18", {"pattern": r"=\s*{gold}$"}, "correct", "= 18"),
        ("regex", EIGHTEEN, "18 =", {"pattern": r"=\s*{gold}$"}, "wrong", ""),
        ("abstention", UNKNOWABLE, "我不知道。", {}, "correct", ""),
        ("abstention", UNKNOWABLE, "Paul", {}, "wrong", ""),
        ("abstention", KING, "Paula", {}, "correct", ""),
        ("abstention", KING, "I am not sure.", {}, "abstained", ""),
        ("quotes", KING, 'It says "The king of Zan is Paul".', {}, "correct", "The king of Zan is Paul"),
        ("quotes", KING, 'It says "The queen of Zan is Rosa Lee".', {}, "wrong", "The queen of Zan is Rosa Lee"),
        ("quotes", KING, "It is Paul.", {}, "unparsed", ""),
    ],
)
def test_the_whole_answer_is_read(
    kind: str, item: Item, answer: Answer | str, options: Mapping[str, object], outcome: Outcome, found: str
) -> None:
    (one,) = score(kind, item, answer, **options).values()
    assert (one.outcome, one.found) == (outcome, found)
    assert one.why


@pytest.mark.parametrize("kind", KINDS)
def test_no_answer_is_an_error_with_its_reason_for_every_scorer(kind: str) -> None:
    needed = {"regex": {"pattern": "x"}, "json_schema": {"schema": "{}"}, "judge": {"rubric": "?", "model": "m"}}
    (one,) = score(kind, KING, Answer(text="", problem="the engine died"), **needed.get(kind, {})).values()
    assert (one.outcome, one.why) == ("error", "the engine died")


def test_a_scorer_that_raises_is_an_error_with_its_reason() -> None:
    def broken(_item: Item, _answer: Answer) -> bool:
        raise ZeroDivisionError("by nought")

    (one,) = judged(Own(broken, "mine"), KING, Answer(text="x"))
    assert (one.outcome, one.scorer) == ("error", "mine")
    assert "ZeroDivisionError: by nought" in one.why


@pytest.mark.parametrize(
    ("said", "outcome", "value"),
    [
        (True, "correct", 1.0),
        (False, "wrong", 0.0),
        (0.25, "measured", 0.25),
        (Scored(scorer="x", outcome="unparsed"), "unparsed", None),
        ("yes", "error", None),
        (None, "error", None),
    ],
)
def test_own_scorers_say_right_wrong_a_figure_or_an_outcome(
    said: object, outcome: Outcome, value: float | None
) -> None:
    (one,) = judged(Own(lambda _item, _answer: said, "mine"), KING, Answer(text="x"))
    assert (one.scorer, one.outcome, one.value) == ("mine", outcome, value)


def raising(error: BaseException) -> Own:
    def fails(item: Item, answer: Answer) -> bool:
        raise error

    return Own(fails, "mine")


def test_a_scorer_that_raises_is_told_with_the_place_of_its_table_and_its_own_line() -> None:
    line = raising.__code__.co_firstlineno + 2
    (one,) = judged(raising(ValueError("no luck")), KING, Answer(text="x"), "try.en.toml:9")
    assert (one.outcome, one.why) == (
        "error",
        f"The scorer mine (try.en.toml:9) failed: ValueError: no luck ({__file__}:{line})",
    )
    (one,) = judged(Own(lambda _item, _answer: "yes", "mine"), KING, Answer(text="x"))
    assert one.why.endswith("not str")


def test_a_scorer_that_leaves_has_failed_and_a_person_who_interrupts_has_not() -> None:
    (one,) = judged(Own(lambda _item, _answer: sys.exit(3), "mine"), KING, Answer(text="x"))
    assert "SystemExit: 3" in one.why
    with pytest.raises(KeyboardInterrupt):
        judged(raising(KeyboardInterrupt()), KING, Answer(text="x"))


@pytest.mark.parametrize(
    ("samples", "share", "entropy"),
    [(("1", "1.0", "one", "2"), 0.5, 1.5), (("1",) * 4, 1.0, 0.0), (("1", "", "", "2"), 0.25, 2.0)],
)
def test_votes_agree_as_far_as_they_say_the_same(samples: tuple[str, ...], share: float, entropy: float) -> None:
    answer = Answer(text="1", samples=samples)
    assert score("agreement", EIGHTEEN, answer)[""].value == pytest.approx(share)
    assert score("agreement", EIGHTEEN, answer, figure="entropy")[""].value == pytest.approx(entropy)


def test_one_answer_agrees_with_nothing() -> None:
    assert score("agreement", EIGHTEEN, "18")[""].value is None


@pytest.mark.parametrize(
    ("kind", "gold", "text", "low", "high"),
    [
        ("chrf", "the cat sat on the mat", "the cat sat on the mat", 1.0, 1.0),
        ("chrf", "the cat sat on the mat", "a dog", 0.0, 0.2),
        ("bleu", "the cat sat on the mat", "the cat sat on a mat", 0.5, 0.6),
        ("bleu", "猫坐在垫子上面", "猫坐在垫子上", 0.6, 0.95),
    ],
)
def test_likeness_is_that_of_sacrebleu(kind: str, gold: str, text: str, low: float, high: float) -> None:
    one = score(kind, Item(id="t", question="?", gold=(gold,)), text)[""]
    assert one.value is not None
    assert low - 1e-9 <= one.value <= high + 1e-9


SCHEMA = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'


@pytest.mark.parametrize(
    ("text", "strict", "flexible"),
    [
        ('{"n": 3}', "correct", "correct"),
        ('```json\n{"n": 3}\n```', "correct", "correct"),
        ('Sure! {"n": 3} There.', "unparsed", "correct"),
        ('{"n": "3"}', "wrong", "wrong"),
        ("three", "unparsed", "unparsed"),
    ],
)
def test_json_follows_its_schema(text: str, strict: Outcome, flexible: Outcome) -> None:
    found = score("json_schema", EIGHTEEN, text, schema=SCHEMA)
    assert (found["strict"].outcome, found["flexible"].outcome) == (strict, flexible)
    assert '"3" is not' not in found["strict"].why or strict == "wrong"


@pytest.mark.parametrize(
    ("scale", "passes", "verdict", "outcome", "value"),
    [
        (None, None, "Yes.", "correct", 1.0),
        (None, None, "It is wrong, so: No", "wrong", 0.0),
        (None, None, "No idea... I think yes", "correct", 1.0),
        (None, None, "不是。", "wrong", 0.0),
        (None, None, "是。", "correct", 1.0),
        (None, None, "Perhaps.", "unparsed", None),
        ((1, 5), None, "I give it 4", "measured", 4.0),
        ((1, 5), None, "4/5", "measured", 4.0),
        ((1, 5), 4, "3", "wrong", 3.0),
        ((1, 5), 4, "5", "correct", 5.0),
        ((1, 5), None, "9", "unparsed", None),
    ],
)
def test_a_judge_is_taken_at_its_word(
    scale: tuple[int, int] | None, passes: float | None, verdict: str, outcome: Outcome, value: float | None
) -> None:
    judge = Judge(rubric="Is it right?", model="m", scale=scale, passes=passes)
    (one,) = judged(judge, KING, Answer(text="Paul", verdict=verdict))
    assert (one.outcome, one.value) == (outcome, value)


def test_a_judge_is_asked_with_rubric_gold_and_answer_as_they_are() -> None:
    asked = Judge(rubric="Is it right?", model="m").question(KING, "Is {gold} in it?")
    assert "Is it right?" in asked
    assert "Reference:\nPaul" in asked
    assert "Is {gold} in it?" in asked
    assert asked.endswith("Answer with Yes or No.")


@pytest.mark.parametrize(
    ("constraint", "keeps", "breaks"),
    [
        (Constraint("most_words", "3"), "one two three", "one two three four"),
        (Constraint("most_words", "3"), "三个字", "这有四字"),
        (Constraint("least_words", "2"), "two words", "one"),
        (Constraint("least_sentences", "2"), "One. Two.", "Mr. Smith came"),
        (Constraint("most_sentences", "1"), "只有一句。", "一句。两句。"),
        (Constraint("paragraphs", "2"), "a\n\nb", "a\nb"),
        (Constraint("bullets", "2"), "- a\n* b", "- a"),
        (Constraint("contains", "River"), "the river", "the sea"),
        (Constraint("avoids", "very"), "good", "Very good"),
        (Constraint("starts_with", "yes"), " Yes, it is", "No, yes"),
        (Constraint("ends_with", "THE END"), "and so on. The End ", "the end."),
        (Constraint("matches", r"^\d+$"), "12", "twelve"),
        (Constraint("json"), '{"a": 1}', "{a: 1}"),
        (Constraint("json"), "```json\n[1]\n```", "[1"),
        (Constraint("lower_case"), "all low, 1", "All low"),
        (Constraint("upper_case"), "ALL", "AlL"),
        (Constraint("no_comma"), "a b", "a，b"),
        (Constraint("quoted"), '"all of it"', '"some" of it'),
        (Constraint("language", "zh"), "这是中文 ok", "this is English 好"),
    ],
)
def test_constraints_are_kept_or_broken(constraint: Constraint, keeps: str, breaks: str) -> None:
    assert flaw(constraint) == ""
    assert holds(constraint, keeps)
    assert not holds(constraint, breaks)
    assert not holds(constraint, " ")


@pytest.mark.parametrize(
    ("constraint", "what"),
    [
        (Constraint("nope"), "kind"),
        (Constraint("bullets", "two"), "number"),
        (Constraint("contains"), "text"),
        (Constraint("matches", "("), "pattern"),
    ],
)
def test_constraints_that_mean_nothing_are_told(constraint: Constraint, what: str) -> None:
    assert flaw(constraint) == what


def test_instructions_forgive_a_friendly_frame_only_when_they_are_read_flexibly() -> None:
    item = Item(id="i", question="?", constraints=(Constraint("json"), Constraint("no_comma")))
    found = score("constraints", item, 'Sure, here it is:\n{"a": 1}\nHope that helps!')
    assert (found["strict"].outcome, found["flexible"].outcome) == ("wrong", "correct")
    assert "json" in found["strict"].why
    assert "no_comma" in found["strict"].why


@pytest.mark.parametrize(
    "text",
    [
        "I don't know.", "I don’t know", "Sorry, I do not know that.", "I'm not sure.",
        "I am a tiny model and do not know that. Try a bigger model.", "The document does not say.",
        "That is not mentioned in the text.", "NOT FOUND", "There is not enough information.", "我不知道。",
        "文中没有提到。", "无法确定。", "抱歉，我不清楚", "Let me look.\nI can't find it.",
    ],
)  # fmt: skip
def test_admitting_not_to_know_is_seen(text: str) -> None:
    assert abstains(text)


@pytest.mark.parametrize(
    "text",
    [
        "Paul",
        "The king knows.",
        "I am sure that they do not know Paul and Ann.",
        "You know that.",
        "他知道答案。",
        "18",
        "",
        "x " * 300 + "I don't know if\nPaul",
    ],
)
def test_an_answer_is_no_admission(text: str) -> None:
    assert not abstains(text)


@given(st.text(max_size=60), st.text(max_size=60))
def test_shared_words_are_a_likeness(one: str, other: str) -> None:
    assert 0 <= shared_words(one, other) == shared_words(other, one) <= 1
    assert shared_words(one, one) == 1


@given(st.text(max_size=200), st.sampled_from(["exact", "number", "choice", "f1", "contains", "abstention", "quotes"]))
def test_whatever_is_written_is_scored_with_a_span_in_it(text: str, kind: str) -> None:
    for item in (COLOUR, KING, UNKNOWABLE):
        for one in score(kind, item, text).values():
            assert one.outcome != "error", one.why
            assert one.found == text[one.start : one.end]


@given(st.text(max_size=80))
def test_a_text_has_at_most_one_language(text: str) -> None:
    assert language_of(text) in ("", "en", "zh")
