"""What an answer quotes, told on the command line and given to programs."""

from __future__ import annotations

from llmlab.domain.document import Document, Page
from llmlab.domain.grounding import Source, check
from llmlab.headless.quotes import checked_as_object, checked_in_words
from llmlab.services.quotes import CheckedAnswer, CheckedQuote

TEXT = "Preface.\nThe key lies under the oak.\n"
NOVEL = Document(
    "novel.txt", "/novel.txt", "text", TEXT, (Page(0, "", 0, 9), Page(1, "The Key", 9, len(TEXT))), "chapter"
)
ANSWER = "It says “The key lies under the oak” [4], “The key lies under the elm”, “a dragon guards all the keys”."


def checked() -> CheckedAnswer:
    grounding = check(ANSWER, [Source(TEXT)])
    quotes = tuple(
        CheckedQuote(ANSWER[quote.start : quote.end], quote.verdict, quote.changes, NOVEL, quote.place.start,
                     quote.place.end, misplaced=place == 0)
        if quote.place else CheckedQuote(ANSWER[quote.start : quote.end], quote.verdict, asked=True)
        for place, quote in enumerate(grounding.quotes)
    )  # fmt: skip
    return CheckedAnswer(ANSWER, quotes, ("He was dangerous\x1b[2J.",))


def test_each_quote_is_told_with_its_place_or_its_difference() -> None:
    assert list(checked_in_words(checked())) == [
        "3 quotes: 1 exact, 1 near, 1 not in the document",
        "✓ “The key lies under the oak” novel.txt, The Key · line 2 · 24%, not in the passage that it names",
        "≈ “The key lies under the [-oak-][+elm+]” novel.txt, The Key · line 2 · 24%",
        "✗ “a dragon guards all the keys” not in the document: the question says it",
        "? no quote for: He was dangerous␛[2J.",
    ]


def test_an_answer_that_claims_nothing_is_told_nothing() -> None:
    assert list(checked_in_words(CheckedAnswer("Yes."))) == []
    assert list(checked_in_words(CheckedAnswer("x", unquoted=("He came.",)))) == ["no quotes; 1 claim without one"]
    assert "novel.txt" in next(checked_in_words(CheckedAnswer("x", missing="novel.txt")))


def test_a_refusal_is_told() -> None:
    told = list(checked_in_words(CheckedAnswer("I do not know.", refusal=True)))
    assert told == ["∅ says that the text does not hold the answer"]


def test_a_program_is_given_verdicts_and_anchors() -> None:
    told = checked_as_object(checked())
    quotes = told["quotes"]
    assert isinstance(quotes, list)
    assert [(each["verdict"], each["page"], each["title"], each["line"]) for each in quotes] == [
        ("exact", 1, "The Key", 2), ("near", 1, "The Key", 2), ("absent", None, None, None)
    ]  # fmt: skip
    assert TEXT[quotes[0]["start"] : quotes[0]["end"]] == "The key lies under the oak"
    assert quotes[1]["changes"][1:] == [{"kind": "missing", "text": "oak"}, {"kind": "added", "text": "elm"}]
    assert quotes[2]["asked"]
    assert told["unquoted"] == ["He was dangerous\x1b[2J."]
