"""The double keeps the engine's promises, so that what is tested on it holds on the real one."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from llmlab.domain.generation import Failed, Finished, Piece, Reading, StreamEvent
from llmlab.domain.model import ModelSpec
from llmlab.domain.prompting import ChatMessage, PromptOptions
from llmlab.domain.sampling import Sampling
from llmlab.domain.tokens import TokenInfo
from llmlab.engine.protocol import Engine, GenerationRequest, ScoreRequest
from llmlab.engine.scripted import Die, Fail, Hold, Reply, Say, Script, ScriptedEngine
from llmlab.errors import EngineDied, EngineError, ModelError

SPEC = ModelSpec(name="double", path="/nowhere.gguf")


async def loaded(script: Script | None = None) -> ScriptedEngine:
    engine = ScriptedEngine(script)
    await engine.load(SPEC, lambda fraction: None)
    return engine


async def events_of(engine: Engine, **request: object) -> list[StreamEvent]:
    fields = {"tokens": (1, 2, 3), **request}
    return [event async for event in engine.generate(GenerationRequest(**fields))]  # type: ignore[arg-type]


async def test_an_answer_is_reading_pieces_and_one_terminal_event() -> None:
    engine = await loaded(Script(replies=(Reply(("a", Say("b", 2))),)))
    events = await events_of(engine)
    assert [replace(event, ids=()) if isinstance(event, Piece) else event for event in events[:3]] == [
        Reading(3, 3),
        Piece("a"),
        Piece("b", 2),
    ]
    assert [len(event.ids) for event in events if isinstance(event, Piece)] == [1, 2]
    assert isinstance(events[3], Finished)
    assert events[3].usage.generated == 3
    assert len(events) == 4


async def test_each_sample_ends_once() -> None:
    engine = await loaded(Script(replies=(Reply(("a",)), Reply((Fail("no"),)), Reply(("c",)))))
    events = await events_of(engine, samples=3)
    ends = [event for event in events if isinstance(event, Finished | Failed)]
    assert sorted(end.sample for end in ends) == [0, 1, 2]
    assert [type(end) for end in sorted(ends, key=lambda end: end.sample)] == [Finished, Failed, Finished]


async def test_max_tokens_cuts() -> None:
    engine = await loaded()
    events = await events_of(engine, sampling=Sampling(max_tokens=2))
    assert [event.text for event in events if isinstance(event, Piece)] == ["Hello", " there"]
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "length"


async def test_death_fails_the_stream_and_every_later_verb() -> None:
    engine = await loaded(Script(replies=(Reply(("a", Die(), "b")),)))
    events = await events_of(engine)
    assert isinstance(events[-1], Failed)
    assert [event.text for event in events if isinstance(event, Piece)] == ["a"]
    assert not engine.alive
    with pytest.raises(EngineDied):
        await engine.count(["x"])
    assert [type(event) for event in await events_of(engine)] == [Failed]


async def test_a_hold_waits_for_the_test_and_gives_way_to_death() -> None:
    hold = Hold()
    engine = await loaded(Script(replies=(Reply(("a", hold, "b")),)))
    task = asyncio.ensure_future(events_of(engine))
    await hold.reached.wait()
    engine.die()
    assert isinstance((await task)[-1], Failed)


async def test_closing_the_stream_is_counted_as_a_cancel() -> None:
    engine = await loaded()
    stream = engine.generate(GenerationRequest((1,)))
    await anext(stream)
    await stream.aclose()
    assert engine.cancelled == 1
    await events_of(engine)
    assert engine.cancelled == 1


async def test_a_load_can_fail_or_wait() -> None:
    with pytest.raises(ModelError):
        await loaded(Script(load_error=ModelError("no")))
    hold = Hold()
    engine = ScriptedEngine(Script(load_hold=hold))
    shares: list[float] = []
    task = asyncio.ensure_future(engine.load(SPEC, shares.append))
    await hold.reached.wait()
    assert shares == [0.0, 0.5]
    hold.gate.set()
    assert (await task).n_ctx == 4096
    assert shares[-1] == 1.0


@pytest.mark.parametrize("unit", ["words", "bytes"])
async def test_a_prompt_is_covered_by_its_spans_and_its_prefix_is_reused(unit: str) -> None:
    engine = await loaded(Script(unit=unit))  # type: ignore[arg-type]
    messages = (ChatMessage("system", "Be kind."), ChatMessage("user", "Hello you"))
    prompt = await engine.prompt(messages, PromptOptions(prefill="Well"))
    assert prompt.spans[0].start == 0
    assert prompt.spans[-1].end == len(prompt.text)
    assert all(left.end == right.start for left, right in zip(prompt.spans, prompt.spans[1:], strict=False))
    assert [prompt.text[span.start : span.end] for span in prompt.spans if span.message == 1] == ["Hello you"]
    assert sum(span.tokens for span in prompt.spans) == len(prompt.tokens)
    await events_of(engine, tokens=prompt.tokens)
    again = await events_of(engine, tokens=(*prompt.tokens, 1))
    assert again[0] == Reading(len(prompt.tokens) + 1, len(prompt.tokens) + 1, len(prompt.tokens))


async def test_how_likely_a_token_was_is_told_when_asked() -> None:
    info = TokenInfo(token=1, text="a", logprob=-0.5, rank=1, entropy=0.1)
    engine = await loaded(Script(replies=(Reply((Say("a", info=(info,)),)),)))
    asked, unasked = await events_of(engine, logprobs=1), await events_of(engine)
    assert [event.info for event in (asked[1], unasked[1]) if isinstance(event, Piece)] == [(info,), ()]


async def test_scores_are_those_of_the_script() -> None:
    engine = await loaded(Script(logprobs={"yes": -0.25}))
    texts = await engine.score(ScoreRequest(("yes", "no yes"), prompt=(1, 2, 3)))
    assert [text.logprob for text in texts] == [-0.25, -1.25]
    assert [text.context for text in texts] == [3, 3]
    (alone,) = await engine.score(ScoreRequest(("no yes",)))
    assert (alone.logprob, alone.context) == (-0.25, 1)
    with pytest.raises(EngineError):
        await engine.score(ScoreRequest(("one",)))
