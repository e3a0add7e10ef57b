"""What an answer quotes, names and claims is taken apart as a reader would."""

from __future__ import annotations

import pytest

from llmlab.domain.quotes import parts_of


def quoted(answer: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(quote.text, quote.numbers) for quote in parts_of(answer)[0]]


def claimed(answer: str) -> list[str]:
    return [answer[sentence.start : sentence.end] for sentence in parts_of(answer)[1]]


@pytest.mark.parametrize(
    ("answer", "quotes"),
    [
        ('He said "go away now" to her.', [("go away now", ())]),
        ("“one two” and “three four” [3]", [("one two", ()), ("three four", (3,))]),
        ("「一二」『三四』《书名》", [("一二", ()), ("三四", ())]),
        ('他说"走吧"，她说"不走"。', [("走吧", ()), ("不走", ())]),
        ("«un deux» „eins zwei“ ＂全角＂", [("un deux", ()), ("eins zwei", ()), ("全角", ())]),
        ("It's the '90s, dogs' and cats' home.", []),
        ("He said 'it isn't so' twice.", [("it isn't so", ())]),
        ("She said ‘it isn’t so’ twice.", [("it isn’t so", ())]),
        ("He said ‘it isn’t\nso’ and 'not\nnow'.", [("it isn’t\nso", ()), ("not\nnow", ())]),
        ('A 5" nail and a 6" nail.', []),
        ("“He said ‘go’ to me” [2]", [("He said ‘go’ to me", (2,))]),
        ("> one two\n> three\n\nfour", [("one two\nthree", ())]),
        ("> “one two\n> three.” [2]\n> — passage 2", [("one two\nthree.", (2,))]),
        ("> one two three [2]", [("one two three", (2,))]),
        ("> one two three\n> — [2], the second chapter", [("one two three", (2,))]),
        ("> “one two” [1]\n> 「三四」【2】", [("one two", (1,)), ("三四", (2,))]),
        ("> 1. “one two” [1]\n> 2. “three four”", [("one two", (1,)), ("three four", ())]),
        ("> He said “go” and left.", [("He said “go” and left.", ())]),
        ("他说‘走吧’，她说'不走'了。", [("走吧", ()), ("不走", ())]),
        ("»eins zwei« und »drei vier«, 〝一二〞", [("eins zwei", ()), ("drei vier", ()), ("一二", ())]),
        ('`print("x y")` and\n```\n"a b"\n```', []),
        ("an “unclosed mark", []),
        ("« Il crie « au feu » ce soir » [1]", [("Il crie « au feu » ce soir", (1,))]),
        ("« un deux » trois » puis « quatre cinq »", [("un deux", ()), ("quatre cinq", ())]),
        ("« un deux »\n\n»eins zwei« »drei«", [("un deux", ()), ("eins zwei", ()), ("drei", ())]),
        ("“”", []),
        ("“first paragraph\n\nsecond”", [("first paragraph\n\nsecond", ())]),
        ("「甲乙。\n\n丙丁。」[2]", [("甲乙。\n\n丙丁。", (2,))]),
        ('"first paragraph\n\nsecond"', []),
        ("It says “one.\n\nIt says “two.” and “three.”", [("two.", ()), ("three.", ())]),
    ],
)
def test_quotes(answer: str, quotes: list[tuple[str, tuple[int, ...]]]) -> None:
    assert quoted(answer) == quotes


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ("“a b c” [1]", (1,)),
        ("“a b c.” [1][2]", (1, 2)),
        ("“a b c” [1, 3-5].", (1, 3, 4, 5)),
        ("[7] says “a b c”.", (7,)),
        ("According to [7], “a b c” is true. Later [8].", (7,)),
        ("Passage (passage 4) says “a b c”.", (4,)),
        ("第三段【2】写道：“甲乙丙”。", (2,)),
        ("“甲乙丙”。［6］另有一句。", (6,)),
        ("“甲乙丙”（第9段）", (9,)),
        ("“a b c” (1999)", ()),
        ("“a b c”. And then [3] something else.", ()),
        ("“x y” [1] and “a b c”", ()),
        ("[1] says “x y” and [2] says “a b c”", (2,)),
        ("[2] says “a b c” and [1] says “x y”", (2,)),
        ("“a b c” — Passage 2", (2,)),
        ("“a b c” [Passage 2]", (2,)),
        ("According to passages 2 and 3, “a b c”.", (2, 3)),
        ("第2段说：“甲乙丙”。", (2,)),
        ("> “a b c” [3]", (3,)),
        ("“a b c” [9999999999]", ()),
        ("“a b c” [5-1]", (5,)),
    ],
)
def test_the_passages_that_a_quote_is_said_to_be_from(answer: str, numbers: tuple[int, ...]) -> None:
    quotes = parts_of(answer)[0]
    assert next(quote.numbers for quote in quotes if quote.text.strip(".") in ("a b c", "甲乙丙")) == numbers


@pytest.mark.parametrize(
    ("answer", "claims"),
    [
        ("He was brave and bold. Yes.", ["He was brave and bold."]),
        ("Who was it that came in? Here is what it says:", []),
        ("He said, “Go away. Now.” Then he left the house.", ["He said, “Go away. Now.”", "Then he left the house."]),
        ("The document was not signed by the king.", ["The document was not signed by the king."]),
        ("书中的主人公没有结婚。", ["书中的主人公没有结婚。"]),
        ("他是个勇敢的人。[3]后来死了。", ["他是个勇敢的人。[3]", "后来死了。"]),
        ("- he lived in Rome\n- he died in Paris [2]", ["- he lived in Rome", "- he died in Paris [2]"]),
        ("# A heading of four words\n\n| a | table | of | five |", []),
    ],
)
def test_claims(answer: str, claims: list[str]) -> None:
    assert claimed(answer) == claims


def test_a_quote_of_two_paragraphs_is_one_claim() -> None:
    _, sentences = parts_of("He says “one two three.\n\nFour five six.” [2] She never came back.")
    assert [sentence.quotes for sentence in sentences] == [(0,), ()]


def test_a_claim_knows_its_quotes_and_numbers() -> None:
    _, (first, second) = parts_of("He says “one two” and “three four” [2]. She never came back [3, 4].")
    assert (first.quotes, first.numbers) == ((0, 1), (2,))
    assert (second.quotes, second.numbers) == ((), (3, 4))


@pytest.mark.parametrize("piece", ["“", '"', "'", "[1] ", "> ", "a. ", "`", "…", "(", "“a b c d” [1] "])
def test_a_long_answer_of_anything_ends(piece: str) -> None:
    parts_of(piece * 20_000)
