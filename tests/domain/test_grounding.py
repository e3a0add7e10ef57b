"""True quotes are told from altered and from invented ones, and where they stand in the document."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.novels import Language, novel
from benchmarks.novels.answers import answers
from llmlab.domain.grounding import Change, Numbered, Place, Quote, Source, check, differences

TEXT = (
    "第一回 桃花渡口\n　　薛蟠在苏州城外的桃花渡口买下了一方青玉砚台，花了三十七两银子。"
    "次日，他对母亲说：“这方砚台，原是前朝旧物。”\n"
    "Mr. Smith walked\nslowly to the old mill, and said, “It is not here; it’s gone.” Then he wept for an hour.\n"
)


def judged(answer: str, *texts: str, numbered: tuple[Numbered, ...] = ()) -> tuple[Quote, ...]:
    return check(answer, [Source(text) for text in texts or (TEXT,)], numbered).quotes


def found(quote: Quote, text: str = TEXT) -> str:
    assert quote.place is not None
    return text[quote.place.start : quote.place.end]


@pytest.mark.parametrize(
    ("answer", "there"),
    [
        ("“买下了一方青玉砚台，花了三十七两银子”", "买下了一方青玉砚台，花了三十七两银子"),
        ("「买下了一方青玉砚台,花了三十七两银子。」", "买下了一方青玉砚台，花了三十七两银子"),
        ('"Mr. Smith walked slowly to the old mill"', "Mr. Smith walked\nslowly to the old mill"),
        ("\"said, 'It is not here; it's gone.'\"", "said, “It is not here; it’s gone"),
        ("“mr. Smith walked slowly,” it says.", "Mr. Smith walked\nslowly"),
        ("“Mr. Smith walked slowly … Then he wept”",
         "Mr. Smith walked\nslowly to the old mill, and said, “It is not here; it’s gone.” Then he wept"),
        ("> Then he wept\n> for an hour.", "Then he wept for an hour"),
        ("“mill”", "mill"),
        ("> “Then he wept for an hour.” [1]", "Then he wept for an hour"),
        ("> Then he wept for an hour. [1]", "Then he wept for an hour"),
        ("“Then he **wept** for an _hour_”", "Then he wept for an hour"),
        ("他说‘花了三十七两银子’，真的。", "花了三十七两银子"),
        ("»Then he wept for an hour«", "Then he wept for an hour"),
        ("“花了三十七两银子。”次日，他", "花了三十七两银子"),
    ],
)  # fmt: skip
def test_word_for_word(answer: str, there: str) -> None:
    (quote,) = judged(answer)
    assert quote.verdict == "exact"
    assert found(quote) == there
    assert quote.changes == ()


def test_nearly_with_the_difference() -> None:
    (quote,) = judged("书中说“他买下一方青玉砚台，花了三十九两银子”。")
    assert quote.verdict == "near"
    assert [change for change in quote.changes if change.kind != "same"][-2:] == [
        Change("missing", "七"),
        Change("added", "九"),
    ]
    (quote,) = judged("“Mr. Smith walked slowly to the new mill … Then he slept for an hour”")
    assert quote.verdict == "near"
    assert [(change.kind, change.text) for change in quote.changes if change.kind != "same"] == [
        ("missing", "old"), ("added", "new"), ("missing", "wept"), ("added", "slept")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("quote", "changes"),
    [
        ("Then he wept for an age", [("missing", "hour"), ("added", "age")]),
        ("Then he wept for a day", [("missing", "an"), ("added", "a"), ("missing", "hour"), ("added", "day")]),
        ("Now he wept for an hour", [("missing", "Then"), ("added", "Now")]),
        ("Then he wept for an hour or two", [("added", " or two")]),
        ("花了三十七两金锭", [("missing", "银子"), ("added", "金锭")]),
        ("then he wept for an age", [("missing", "hour"), ("added", "age")]),
        ("他对母亲说：『这方砚台，本是前朝旧物。』", [("missing", "原"), ("added", "本")]),
        ("他用了三十七两银子", [("missing", "，花"), ("added", "他用")]),
    ],
)
def test_what_the_document_says_instead_is_shown_at_either_end(quote: str, changes: list[tuple[str, str]]) -> None:
    (near,) = judged(f"“{quote}”")
    assert near.verdict == "near"
    assert [(change.kind, change.text) for change in near.changes if change.kind != "same"] == changes


@pytest.mark.parametrize(
    "answer",
    ["“贾宝玉在大观园里种了一棵会说话的梧桐树”", '"She never forgave him for the loss of her garden"',
     "“Then he wept … Mr. Smith walked slowly”", "“Mr. Smith walked slowly … and she sang all night”"],
)  # fmt: skip
def test_not_in_the_document(answer: str) -> None:
    (quote,) = judged(answer)
    assert (quote.verdict, quote.place, quote.changes) == ("absent", None, ())


def test_a_word_that_is_only_set_apart_is_no_quote() -> None:
    assert judged("This is “irony”, 所谓“反讽”。") == ()
    assert judged("“art” is in no word of it.", "the start of it") == ()


def test_emphasis_in_the_document_is_no_part_of_what_it_says() -> None:
    text = "The **old** mill had _never_ burned.\nThe new mill burned at 3*4 o'clock."
    (quote,) = judged("“The old mill had never burned”", text)
    assert (quote.verdict, found(quote, text)) == ("exact", "The **old** mill had _never_ burned")
    (quote,) = judged("“The old mill had never turned”", text)
    assert [(change.kind, change.text) for change in quote.changes if change.kind != "same"] == [
        ("missing", "burned"), ("added", "turned")
    ]  # fmt: skip
    assert judged("“The new mill burned at 34 o'clock”", text)[0].verdict == "near"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [("“37 men”", "exact"), ("“38 men”", "near"), ("“1988”", "absent"), ("“38”", "absent")],
)
def test_a_figure_is_a_quote_however_short_it_is(answer: str, verdict: str) -> None:
    assert [quote.verdict for quote in judged(answer, "The ship had 37 men aboard in 1987.")] == [verdict]


def test_what_only_the_question_says_is_told_from_an_invention() -> None:
    question = "Did he say “all of the gold is lost at sea”?"
    answer = "You ask about “All of the gold is lost at sea”, and “a dragon guards all of the keys”."
    quotes = check(answer, [Source(TEXT)], (), question).quotes
    assert [(quote.verdict, quote.asked) for quote in quotes] == [("absent", True), ("absent", False)]
    assert not any(quote.asked for quote in check("“Then he wept for an hour”", [Source(TEXT)], (), TEXT).quotes)


def test_each_quote_has_the_passage_that_is_named_with_it() -> None:
    text = "He said no to all. " * 3 + "She said yes at last. "
    numbered = (Numbered(1, Place(0, 0, 19)), Numbered(2, Place(0, 57, 79)))
    first, second = judged("[1] says “He said no to all” and [2] says “She said yes at last”.", text, numbered=numbered)
    assert (first.numbers, first.misplaced, second.numbers, second.misplaced) == ((1,), False, (2,), False)


def test_part_of_a_longer_word_is_not_the_word() -> None:
    (quote,) = judged("“he cat sat on the mat”", "So the cat sat on the mat.")
    assert quote.verdict == "near"
    assert found(quote, "So the cat sat on the mat.") == "the cat sat on the mat"


def test_the_passage_that_is_named_wins_and_a_wrong_one_is_told() -> None:
    text = "He said no. " * 3 + "She said yes at last. " + "He said no. " * 3
    numbered = tuple(Numbered(number, Place(0, start, start + 12)) for number, start in ((1, 0), (2, 12), (3, 58)))
    (quote,) = judged("“He said no” [2]", text, numbered=numbered)
    assert (quote.place, quote.misplaced) == (Place(0, 12, 22), False)
    (quote,) = judged("“She said yes at last” [1]", text, numbered=numbered)
    assert (quote.verdict, quote.numbers, quote.misplaced) == ("exact", (1,), True)
    (quote,) = judged("“She said yes at last” [9]", text, numbered=numbered)
    assert quote.misplaced
    assert not judged("“She said yes at last” [9]", text)[0].misplaced


def test_all_documents_are_looked_at() -> None:
    (quote,) = judged("“the second one here”", "nothing of it", "This is the second one here.")
    assert quote.place == Place(1, 8, 27)


def test_claims_without_a_quote_are_told() -> None:
    answer = "He bought a stone. It says “walked slowly to the old mill” [1]. “nowhere” is “irony” to all of them."
    grounding = check(answer, [Source(TEXT)])
    assert [answer[claim.start : claim.end] for claim in grounding.unquoted] == [
        "He bought a stone.",
        "“nowhere” is “irony” to all of them.",
    ]
    assert grounding.count("exact") == 1


REFUSALS = (
    "I don't know.",
    "I don’t know.",
    "I do not know. The text does not say who lived there.",
    "The document does not say.",
    "“The document does not say.”",
    "**The document does not say.**",
    "The text does not mention the name of his wife.",
    "The passages provided do not contain the answer to this question.",
    "The passages don't actually specify a date.",
    "There is no information about his wife in the document.",
    "There is no mention of a wife.",
    "His wife's name is not mentioned in the text [1].",
    "The name of the mayor is not stated.",
    "This cannot be determined from the given passages.",
    "I'm not able to find the answer in the document.",
    "I could not find that in the passages. Sorry.",
    "Sorry, I can't answer this: the document says nothing about a mayor.",
    "It does not say.",
    "None of the passages mentions a wife.",
    "Nothing in the text suggests that he had a wife.",
    "Not mentioned in the text.",
    "Not stated.",
    "No answer.",
    "The answer is not in the text.",
    "There is not enough information in the passages to answer.",
    "我不知道。",
    "不知道。",
    "抱歉，我不知道。",
    "文档中没有提到。",
    "“文档中没有提到。”",
    "文中没有提到他的妻子叫什么名字。",
    "原文并未说明这件事发生在哪一年。",
    "我不知道。文档里没有写他后来去了什么地方。",
    "根据所给的段落，无法确定他的年龄。",
    "我在文档中没有找到答案。",
    "没有在文档中找到与此有关的内容。",
    "段落中没有相关信息。",
    "没有提到。",
    "书中未提及此人的下落。",
    "无法回答这个问题。",
    "文档中找不到这个问题的答案。",
)


@pytest.mark.parametrize("answer", REFUSALS)
def test_an_answer_that_says_that_it_is_not_there_is_a_refusal(answer: str) -> None:
    grounding = check(answer, [Source(TEXT)])
    assert grounding.refusal
    assert grounding.unquoted == ()


@pytest.mark.parametrize(
    ("answer", "claims"),
    [
        ("He bought a stone in the town.", 1),
        ("I don't know exactly, but he bought a stone in the town.", 1),
        ("I don't know who sold it. He bought the stone in the town.", 1),
        ("He does not know the way to the mill.", 1),
        ("The ship was not found after the storm.", 1),
        ("They did not tell him the whole truth.", 1),
        ("Nothing happened to the old mill.", 1),
        ("There was no answer at the door.", 1),
        ("The document was not signed by the king.", 1),
        ("No document was given to the king.", 1),
        ("No book tells the story as well.", 1),
        ("The source of the river was never found.", 1),
        ("书中的主人公没有结婚。", 1),
        ("No answer came from the old mill.", 1),
        ("It says “walked slowly to the old mill” [1]. The year is not stated.", 1),
        ("他没有找到丢失的钥匙。", 1),
        ("他不知道母亲已经走了。", 1),
        ("我不知道确切地点，但他在渡口买了砚台。", 1),
        ("文中没有写明年份，不过他当时三十岁。", 1),
        ("她无法确定父亲的去向。", 1),
        ("薛蟠在渡口买了砚台。文中没有提到价钱。", 1),
        ("", 0),
        ("Yes.", 0),
    ],
)
def test_one_that_claims_something_is_none(answer: str, claims: int) -> None:
    grounding = check(answer, [Source(TEXT)])
    assert not grounding.refusal
    assert len(grounding.claims) == claims


def test_differences_do_not_tell_of_setting() -> None:
    assert differences("他说：“走”，\n去了", "他说:'走',去过") == (
        Change("same", "他说:'走',"), Change("missing", "\n"), Change("same", "去"), Change("missing", "了"),
        Change("added", "过"),
    )  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
def test_planted_quotes_are_judged_right(language: Language) -> None:
    """150 answers in each language, of 200,000 characters; `benchmarks.documents` has the million."""
    book = novel(language, letters=200_000, facts=150)
    source = Source(book.text)
    assert [answer for answer in answers(book, language) if not answer.judged_right(source)][1:] == []


@given(st.data())
def test_every_stretch_of_a_document_is_found_word_for_word(data: st.DataObject) -> None:
    text = TEXT * 2
    start = data.draw(st.integers(0, len(text) - 12))
    end = data.draw(st.integers(start + 8, min(len(text), start + 80)))
    source = Source(text)
    for quote in check(f"«{text[start:end]}»", [source]).quotes:
        # The edge of a stretch may cut a word, which then is none of the document's.
        cut = any(text[at - 1 : at + 1].isalnum() and text[at - 1 : at + 1].isascii() for at in (start, end) if at)
        assert quote.verdict == "exact" or (cut and quote.verdict == "near")


@given(st.text("ab 中文，。“”‘’「」«»‹›〝〞\"'[1]第段…\n>`*_—", max_size=60))
def test_any_answer_is_taken(answer: str) -> None:
    grounding = check(answer, [Source("ab 中文，ab。"), Source("")])
    for quote in grounding.quotes:
        assert 0 <= quote.start < quote.end <= len(answer)
        assert (quote.place is None) == (quote.verdict == "absent")
    for claim in grounding.claims:
        assert all(place < len(grounding.quotes) for place in claim.quotes)


@pytest.mark.parametrize("piece", ["e\u0301", "x", "ab", "“a” ", "「", "a. ", "[1] ", "-", "\n", "…"])
def test_a_long_text_of_anything_is_looked_through(piece: str) -> None:
    source = Source(piece * 100_000)
    for quote in (piece * 20 + "zz", "a quick brown fox jumps over it"):
        check(f"«{quote}» [1]", [source], [Numbered(1, Place(0, 0, 5))])
