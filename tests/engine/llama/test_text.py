from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from llmlab.engine.llama.text import AnswerText, StopFilter


def feed_all(text: AnswerText, pieces: list[bytes]) -> str:
    return "".join([*(text.feed(piece) for piece in pieces), text.finish()])


def test_a_character_is_shown_once_its_last_byte_came() -> None:
    text = AnswerText()
    euro = "€".encode()
    assert [text.feed(euro[:1]), text.feed(euro[1:2]), text.feed(euro[2:]), text.finish()] == ["", "", "€", ""]


def test_stray_bytes_are_replaced_at_once_and_do_not_hold_up_the_rest() -> None:
    text = AnswerText()
    assert text.feed(b"a\xf8b") == "a\ufffdb"
    assert text.feed("é".encode()) == "é"


def test_an_unfinished_character_is_replaced_at_the_end() -> None:
    text = AnswerText()
    assert text.feed("😀".encode()[:3]) == ""
    assert text.finish() == "\ufffd"


def test_it_is_whole_between_characters_and_when_no_stop_text_may_come() -> None:
    text = AnswerText(["STOP"])
    two = "€é".encode()
    whole: list[tuple[str, bool]] = []
    for piece in (b"a", two[:2], two[2:4], two[4:], b"ST", b"x", b"STOP", b"y"):
        whole.append((text.feed(piece), text.whole))
    assert whole == [
        ("a", True), ("", False), ("€", False), ("é", True), ("", False), ("STx", True), ("", False), ("", False)
    ]  # fmt: skip


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_pieces_show_what_the_whole_shows(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(edges)]
    assert feed_all(AnswerText(), pieces) == data.decode("utf-8", "replace")


@given(
    st.text("ab<|>", max_size=40),
    st.lists(st.text("ab<|>", min_size=1, max_size=4), min_size=1, max_size=3),
    st.integers(1, 5),
)
def test_stop_texts_cut_where_the_whole_text_would_be_cut(said: str, stops: list[str], step: int) -> None:
    pieces = [said[start : start + step].encode() for start in range(0, len(said), step)]
    text = AnswerText(stops)
    shown = ""
    for piece in pieces:
        shown += text.feed(piece)
        if text.stopped:
            break
    shown += text.finish()
    places = [place for stop in stops if (place := said.find(stop)) >= 0]
    if not places:
        assert (shown, text.stopped) == (said, False)
        return
    assert text.stopped
    # A longer stop text that begins earlier may still be incomplete when a shorter one is complete.
    assert shown == said[: len(shown)]
    assert any(said[len(shown) :].startswith(stop) for stop in stops)


def test_only_what_may_begin_a_stop_text_is_held_back() -> None:
    stops = StopFilter(("</end>", "STOP"))
    assert stops.feed("one < two") == ("one < two", False)
    assert stops.feed(" ST") == (" ", False)
    assert stops.feed("AR </en") == ("STAR ", False)
    assert stops.rest() == "</en"


def test_empty_stop_texts_stop_nothing() -> None:
    assert StopFilter(("",)).feed("text") == ("text", False)
