"""Parts and origins as JSON: what they hold comes back, and a stranger in them is shown rather than fatal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.extraction import Vote
from llmlab.domain.messages import Draft, Origin, Part, Reasoned, Sample, Text, Thinking
from llmlab.store.codec import decode_origin, decode_parts, encode_origin, encode_parts

COUNTS = st.integers(0, 2**53)
parts = st.lists(
    st.one_of(
        st.builds(Text, st.text()),
        st.builds(Thinking, st.text(), st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 2**53)),
        st.builds(Draft, st.text(), st.text(), st.text()),
        st.builds(
            Reasoned,
            mode=st.text(),
            title=st.text(),
            answer=st.text(),
            start=COUNTS,
            end=COUNTS,
            strict=st.booleans(),
            stages=COUNTS,
            votes=st.lists(st.builds(Vote, st.text(), COUNTS), max_size=2).map(tuple),
            wanted=COUNTS,
            silent=COUNTS,
            samples=st.lists(st.builds(Sample, st.text(), st.text(), st.text()), max_size=2).map(tuple),
            cut=COUNTS,
            before=st.text(),
        ),
    ),
    max_size=4,
).map(tuple)


@given(parts)
def test_parts_come_back(made: tuple[Part, ...]) -> None:
    assert decode_parts(encode_parts(made).encode()) == made


def test_parts_carry_their_kind() -> None:
    assert json.loads(encode_parts((Text("a"), Thinking("b", 1.0, 2)))) == [
        {"type": "text", "text": "a"},
        {"type": "thinking", "text": "b", "seconds": 1.0, "tokens": 2},
    ]


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ('[{"type":"text","text":"a","later":1}]', (Text("a"),)),
        ('[{"type":"aside","text":"b"},{"type":"text","text":"a"}]', (Text("b"), Text("a"))),
        ('[{"type":"thinking","text":"hm","seconds":null}]', (Thinking("hm"),)),
        ('[{"type":"image","bytes":"..."}]', (Text("[a part of the kind “image” that this llmlab cannot show]"),)),
        ('[{"type":"reasoned","mode":"steps.en","later":1}]', (Reasoned(mode="steps.en"),)),
        ('["plain"]', (Text("plain"),)),
        ("[3]", (Text("[a part of the kind “?” that this llmlab cannot show]"),)),
        ('{"type":"text"', (Text('{"type":"text"'),)),
    ],
)
def test_a_part_of_the_future_is_shown(stored: str, read: tuple[Part, ...]) -> None:
    assert decode_parts(stored.encode()) == read


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        (None, None),
        ('{"model":"m","later":[1]}', Origin(model="m")),
        ('{"model":"m","finish":"tired","seed":4}', Origin(model="m", seed=4)),
        ('{"seed":4}', Origin(model="?", seed=4)),
        ("[]", Origin(model="?")),
        ("{", Origin(model="?")),
    ],
)
def test_an_origin_of_the_future_is_read_as_far_as_it_goes(stored: str | None, read: Origin | None) -> None:
    assert decode_origin(None if stored is None else stored.encode()) == read


def test_origin_comes_back() -> None:
    origin = Origin(model="m", seed=1, finish="stop", problem="half \ud800")
    encoded = encode_origin(origin)
    assert encoded is not None
    assert decode_origin(encoded.encode()) == Origin(model="m", seed=1, finish="stop", problem="half \ufffd")
