"""A text reads the same however it is set, and every character leads back to where it stood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.plain import Plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a  b\n c", "a b c"),
        ("他 说\n\n　　走 Ann 了", "他说走Ann了"),
        ("“Go,” ‘now’ 「走」『来』", "'Go,' 'now''走''来'"),
        ("a—b – c--d-e", "a-b - c-d-e"),
        ("ＡＢＣ１２，。！？", "ABC12,.!?"),
        ("wait… ﬁne", "wait... fine"),
        ("cafe\u0301 soft\u00adhyphen\u200b", "café softhyphen"),
        ("  edge  ", "edge"),
        ("！＂", "!'"),
        ("a **b** _c_ *d*, 他**买**了", "a b c d,他买了"),
        ("* a_b 2*3 2**3 a * b ____ ***", "* a_b 2*3 2**3 a * b ____ ***"),
    ],
)
def test_one_form(text: str, plain: str) -> None:
    assert Plain(text).text == plain


SETTING = st.text(st.sampled_from("ab中文*_ \n\u3000“”「」'—-…ＡＺ，。\u00ad\u200be\u0301ﬁ"), max_size=40)


@given(SETTING, SETTING, st.text(st.sampled_from("bcd中文, "), min_size=1, max_size=8))
def test_what_is_found_leads_back_to_the_source(before: str, after: str, needle: str) -> None:
    plain = Plain(before + needle + after)
    wanted = Plain(needle).text
    at = plain.text.find(wanted)
    if wanted and at >= 0:
        start, end = plain.source_span(at, at + len(wanted))
        assert Plain(plain.source[start:end]).text == wanted


@given(SETTING)
def test_offsets_ascend_both_ways(text: str) -> None:
    plain = Plain(text)
    there = [plain.source_span(place, place + 1) for place in range(len(plain.text))]
    assert there == sorted(there)
    assert all(0 <= start < end <= len(text) for start, end in there)
    here = [plain.plain_offset(place) for place in range(len(text) + 1)]
    assert here == sorted(here)
    assert all(0 <= place <= len(plain.text) for place in here)
    assert all(plain.plain_offset(start) <= place for place, (start, _) in enumerate(there))


@given(SETTING.filter(lambda text: not set(text) & {"\u00ad", "\u200b", "*", "_"}))
def test_a_plain_text_stays(text: str) -> None:
    once = Plain(text).text
    assert Plain(once).text == once
