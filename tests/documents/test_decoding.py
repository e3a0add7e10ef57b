"""Bytes as text: every encoding that can be told, what is doubtful told, and no bytes that break anything."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llmlab import words
from llmlab.documents.decoding import ENCODINGS, Decoded, decode, known
from llmlab.documents.plausible import ENOUGH, best_guess
from llmlab.domain.document import REMARKS
from llmlab.errors import DocumentError
from tests.documents.awkward import texts as t

TEXTS = {
    "gb18030": (t.ZH, t.TW, t.RARE, "刘备关羽张飞三人结义", "你好"),
    "big5": (t.TW, "繁體中文測試"),
    "shift_jis": (t.JA, "東京都の天気予報", "カタカナ"),
    "euc_jp": (t.JA, "東京都の天気予報", "カタカナ"),
    "iso-2022-jp": (t.JA,),
    "euc_kr": (t.KO, "안녕하세요 세계"),
    "windows-1252": (t.DE, t.QUOTES, "L'été dernier, le garçon a été élevé à l'école.", "El niño comió, ¿verdad?",
                     "Não há coração", "Räksmörgås på ön", "perché è così", "déjà vu", "café", "price 5 £"),
    "windows-1250": (t.PL, "Příliš žluťoučký kůň úpěl ďábelské ódy", "Árvíztűrő tükörfúrógép, őszi eső"),
    "iso-8859-2": (t.PL,),
    "macintosh": ("L'été dernier, le garçon a été élevé.", t.DE),
    "windows-1251": (t.RU, "Привет, мир", "СРОЧНО! ВНИМАНИЕ ВСЕМ", "Її їжак з’їв їжу, а він її не їв"),
    "koi8-r": (t.RU, "Привет, мир"),
    "ibm866": (t.RU,),
    "windows-1253": (t.EL,),
    "windows-1254": (t.TR,),
    "windows-1255": (t.HE,),
    "windows-1256": (t.AR,),
    "windows-1257": ("Ąžuolas šlamėjo žalią naktį, šių dienų įvykiai",),
    "windows-874": (t.TH,),
    "utf-16-le": (t.ZH, t.TW, t.JA, t.KO, t.EN, t.RU, t.EL, "naïve café"),
    "utf-16-be": (t.ZH, t.TW, t.JA, t.KO, t.EN, t.RU, t.EL, "naïve café"),
    "utf-32-le": (t.ZH, t.EN),
    "utf-32-be": (t.ZH, t.EN),
    "utf-8": (t.ZH, t.EN, t.RU, t.RARE, ""),
}  # fmt: skip
"""Texts whose encoding can be told without any sign of it."""
CASES = [(name, text) for name, texts in TEXTS.items() for text in texts]


@pytest.mark.parametrize(("name", "text"), CASES)
@pytest.mark.parametrize("times", [1, 9, 3000])
def test_an_encoding_is_told_from_the_text_alone(name: str, text: str, times: int) -> None:
    text = "\n".join([text] * times)
    assert decode(text.encode(ENCODINGS[name])) == Decoded(text, name)


@pytest.mark.parametrize("name", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_mark_decides_and_is_no_part_of_the_text(name: str) -> None:
    assert decode(("\ufeff" + t.ZH).encode(ENCODINGS[name])) == Decoded(t.ZH, name)


def test_a_guess_is_told_as_one() -> None:
    vietnamese = unicodedata.normalize("NFD", "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm.")
    data = vietnamese.encode("cp1258", "ignore")
    found = decode(data)
    assert [each.code for each in found.remarks] == ["guessed"]
    assert found.encoding in str(found.remarks[0])


def codes(found: Decoded) -> list[tuple[str, dict[str, str | int]]]:
    return [(each.code, dict(each.values)) for each in found.remarks]


def test_lines_in_a_second_encoding_are_read_and_counted() -> None:
    data = t.ZH.encode() + t.RU.encode("cp1251") + t.ZH.encode()
    found = decode(data)
    assert found.text == t.ZH + t.RU + t.ZH
    assert codes(found) == [("mixed", {"lines": 2, "encoding": "windows-1251"})]


@pytest.mark.parametrize(
    ("name", "text"),
    [("gb18030", t.ZH), ("big5", t.TW), ("shift_jis", t.JA), ("euc_kr", t.KO), ("windows-1251", t.RU)],
)
@pytest.mark.parametrize("times", [1, 200])
def test_some_lines_of_utf8_in_another_encoding_are_read_and_counted(name: str, text: str, times: int) -> None:
    data = (text * 9 * times).encode(ENCODINGS[name]) + "第一回\n".encode() + t.ZH.encode() * times
    found = decode(data)
    assert found.text == text * 9 * times + "第一回\n" + t.ZH * times
    ((code, values),) = codes(found)
    # Which of the two is the main one is a matter of how much of it is there.
    assert (code, {found.encoding, values["encoding"]}) == ("mixed", {name, "utf-8"})


def test_bytes_that_mean_nothing_are_counted() -> None:
    found = decode(t.ZH.encode() + b"\xff \xfe\n")
    assert found.text == t.ZH + "\ufffd \ufffd\n"
    assert codes(found) == [("undecodable", {"count": 2, "encoding": "utf-8"})]


def test_a_replacement_character_of_the_text_is_no_damage() -> None:
    assert decode("a\ufffdb 你好".encode()) == Decoded("a\ufffdb 你好", "utf-8")


def test_what_a_file_claims_is_believed_unless_it_is_wrong() -> None:
    assert decode(t.DE.encode("latin-1"), claimed="ISO-8859-1").encoding == "windows-1252"
    assert decode(t.ZH.encode("gb18030"), claimed="gb2312") == Decoded(t.ZH, "gb18030")
    wrong = decode(t.ZH.encode(), claimed="gbk")
    assert (wrong.text, wrong.encoding) == (t.ZH, "utf-8")
    assert codes(wrong) == [("claimed", {"claimed": "gb18030", "encoding": "utf-8"})]
    assert decode(t.ZH.encode(), claimed="utf-16").text == t.ZH
    assert decode(t.ZH.encode(), claimed="klingon") == Decoded(t.ZH, "utf-8")


@pytest.mark.parametrize(
    ("said", "name"),
    [("GBK", "gb18030"), ("gb2312", "gb18030"), ("cp936", "gb18030"), ("Big5", "big5"), ("sjis", "shift_jis"),
     ("latin-1", "windows-1252"), ("ascii", "utf-8"), ("UTF8", "utf-8"), ("utf-8-sig", "utf-8"),
     ("cp1251", "windows-1251"),
     ("koi8_r", "koi8-r"), ("euc-kr", "euc_kr"), ("cp949", "euc_kr"), ("mac_roman", "macintosh")],
)  # fmt: skip
def test_encodings_have_many_names(said: str, name: str) -> None:
    assert known(said) == name


@pytest.mark.parametrize("said", ["gb18300", "utf-9", "klingon", "rot13", "hex", "idna", "zlib", "\0", "a" * 500])
def test_what_is_no_encoding_is_named_with_those_that_are(said: str) -> None:
    with pytest.raises(DocumentError, match="no encoding") as caught:
        known(said)
    assert "gb18030" in caught.value.hint


def test_a_near_miss_is_offered() -> None:
    with pytest.raises(DocumentError, match="did you mean gb18030"):
        known("gb18300")


@pytest.mark.parametrize("data", [b"\0" * 100, bytes(range(256)) * 20, t.noise(50_000), b"\x01\x02\x03\x04" * 50])
def test_binary_data_is_no_text(data: bytes) -> None:
    with pytest.raises(DocumentError, match="no text"):
        decode(data)


def test_a_stray_zero_makes_a_long_text_no_binary() -> None:
    assert decode(b"line\n" * 1000 + b"\0").encoding == "utf-8"


@given(st.binary(max_size=600))
@example(b"\xff\xfe")
@example(b"\x1b$B")
@example(b"\xef\xbb")
def test_no_bytes_break_it(data: bytes) -> None:
    try:
        found = decode(data)
    except DocumentError:
        return
    assert "\r" not in found.text
    found.text.encode("utf-8")
    assert found.encoding in ENCODINGS
    assert {each.code for each in found.remarks} <= set(REMARKS)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=400))
def test_valid_utf8_is_never_taken_for_anything_else(text: str) -> None:
    text = text.removeprefix("\ufeff")
    assert decode(text.encode()) == Decoded(text, "utf-8")


@given(st.binary(max_size=300), st.sampled_from(sorted(ENCODINGS)))
def test_an_encoding_that_is_named_reads_anything(data: bytes, name: str) -> None:
    assert decode(data, name).encoding == name


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_wrong_encodings_are_worth_far_less(name: str) -> None:
    """What `ENOUGH` promises: real text lies above it."""
    for text in TEXTS[name]:
        if name.startswith(("utf", "iso-2022")) or text.isascii():
            continue
        assert best_guess(text.encode(ENCODINGS[name])).worth >= ENOUGH


def test_every_remark_is_said_in_chinese_too() -> None:
    assert set(REMARKS.values()) - set(words.read_catalogue("zh")) == set()
