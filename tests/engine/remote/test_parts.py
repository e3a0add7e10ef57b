"""The parts of a remote engine that touch no network: prompts as numbers, events, chunks."""

from __future__ import annotations

import math
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.prompting import ChatMessage, PromptOptions, Role
from llmlab.domain.sampling import DEFAULTS, Sampling
from llmlab.engine.protocol import GenerationRequest
from llmlab.engine.remote.chat import Logprobs, TokenLogprob, TopToken, body_of, infos_of, said_by
from llmlab.engine.remote.events import LONGEST, EventReader, TooLong
from llmlab.engine.remote.prompt_code import estimate, messages_of, rendered

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ROLES: list[Role] = ["system", "user", "assistant"]
MESSAGES = st.lists(st.builds(ChatMessage, st.sampled_from(ROLES), TEXTS, TEXTS), max_size=5)


@given(messages=MESSAGES, thinking=st.sampled_from([None, True, False]), prefill=TEXTS)
def test_a_prompt_gives_back_its_messages(messages: list[ChatMessage], thinking: bool | None, prefill: str) -> None:
    prompt = rendered(messages, PromptOptions(thinking, prefill))
    assert messages_of(prompt.tokens) == (messages, PromptOptions(thinking, prefill))


@given(messages=MESSAGES, prefill=TEXTS)
def test_its_spans_cover_its_text_and_its_tokens(messages: list[ChatMessage], prefill: str) -> None:
    prompt = rendered(messages, PromptOptions(None, prefill))
    ends = [0]
    for span in prompt.spans:
        assert span.start == ends[-1]
        ends.append(span.end)
        if span.message >= 0:
            whole = [*((one.thinking, one.text) for one in messages), (prefill,)][span.message]
            assert prompt.text[span.start : span.end] in whole
    assert ends[-1] == len(prompt.text)
    assert sum(span.tokens for span in prompt.spans) == len(prompt.tokens) == len(prompt.offsets)
    assert list(prompt.offsets) == sorted(set(prompt.offsets))
    assert all(-(2**63) <= token < 2**63 for token in prompt.tokens), "as hashes and JSON keep them"


def test_half_a_surrogate_pair_is_sent_as_a_sign_of_its_loss() -> None:
    messages, _ = messages_of(rendered([ChatMessage("user", "a\ud800b")], PromptOptions()).tokens)
    assert messages == [ChatMessage("user", "a\ufffdb")]


@pytest.mark.parametrize("tokens", [(), (1, 2, 3), rendered([ChatMessage("user", "hi")], PromptOptions()).tokens[:-1]])
def test_tokens_of_a_model_file_are_no_messages(tokens: tuple[int, ...]) -> None:
    with pytest.raises(ValueError):
        messages_of(tokens)


def test_counts_are_of_the_right_size() -> None:
    assert estimate("") == 0
    assert estimate("The weather is mild in spring.") == 8
    assert estimate("春天的天气很温和。") == 9


EVENTS = [
    (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
    (b"data: a\r\n\r\ndata:b\r\n\r\n", [b"a", b"b"]),
    (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
    (b": a comment\n\nevent: x\nid: 1\ndata: a\ndata: b\n\n", [b"a\nb"]),
    (b"data\n\n", [b""]),
    (b"data:  two\n\n", [b" two"]),
    (b"data: not ended", [b"not ended"]),
    (b"", []),
]


@pytest.mark.parametrize(("stream", "wanted"), EVENTS)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_events_are_the_same_however_the_stream_is_cut(stream: bytes, wanted: list[bytes], size: int) -> None:
    reader = EventReader()
    found = [data for at in range(0, len(stream), size) for data in reader.feed(stream[at : at + size])]
    assert found + reader.end() == wanted


@pytest.mark.parametrize("piece", [b"x" * 65536, b"data: " + b"x" * 65536 + b"\n"])
def test_an_event_without_end_is_given_up(piece: bytes) -> None:
    reader = EventReader()
    pieces = repeat(piece, LONGEST // len(piece) + 2)
    with pytest.raises(TooLong):
        list(map(reader.feed, pieces))


def test_what_is_sent_is_the_protocol_and_what_was_asked_for_beyond_it() -> None:
    sampling = (
        Sampling(temperature=0.0, top_k=5, stop=("\n",), max_tokens=9, logit_bias="7=-5, 8=1, 7=2")
        .over(DEFAULTS)
        .over(Sampling(seed=2**32 - 3))
    )
    request = GenerationRequest((), sampling, samples=2, logprobs=99, schema='{"type": "object"}')
    body = body_of(request, 1, "m", [ChatMessage("user", "hi")], PromptOptions(False, "So"))
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "So"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.0,
        "top_p": 0.95,
        "max_tokens": 9,
        "seed": 2**31 - 2,
        "stop": ["\n"],
        "logit_bias": {"7": -3.0, "8": 1.0},
        "top_k": 5,
        "logprobs": True,
        "top_logprobs": 20,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
        },
        "chat_template_kwargs": {"enable_thinking": False},
    }


def test_how_likely_tokens_were_is_told_as_far_as_it_is_known() -> None:
    half, quarter = math.log(0.5), math.log(0.25)
    top = [TopToken("a", quarter), TopToken("b", half)]
    first, second, alone = infos_of(
        Logprobs([TokenLogprob("b", half, top), TokenLogprob("z", -9e9, top), TokenLogprob("c", half)])
    )
    assert (first.rank, first.logprob, [one.text for one in first.top]) == (1, half, ["b", "a"])
    assert first.entropy == pytest.approx(1.5 * math.log(2))
    assert (second.rank, second.logprob) == (3, -9999.0)
    assert alone.entropy == pytest.approx(math.log(2))
    assert infos_of(None) == ()


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b'{"error": {"message": "no room", "type": "x"}}', "no room"),
        (b'{"error": "model not found"}', "model not found"),
        (b'{"detail": "Not Found"}', "Not Found"),
        (b'{"message": "wrong"}', "wrong"),
        (b"plain words", "plain words"),
        (b"<html><body>502</body></html>", ""),
        (b'{"error": {"error": {"error": {"error": {"error": 1}}}}}', ""),
        (b"[1, 2]", ""),
        (b"", ""),
    ],
)
def test_the_reason_of_a_server_is_found(body: bytes, wanted: str) -> None:
    assert said_by(body) == wanted
