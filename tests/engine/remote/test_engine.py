"""A remote engine against a real server on this machine that answers, fails and breaks off in every way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from llmlab.domain.generation import Failed, Finished, Piece, StreamEvent, Turn, fold
from llmlab.domain.model import ModelCard, ModelSpec
from llmlab.domain.prompting import ChatMessage, PromptOptions
from llmlab.domain.reasoning import split_thinking
from llmlab.domain.remote import Remote
from llmlab.domain.sampling import DEFAULTS, Sampling
from llmlab.engine.protocol import GenerationRequest, ScoreRequest
from llmlab.engine.remote.engine import RemoteEngine
from llmlab.errors import EngineDied, EngineError, LlmlabError, ModelError
from tests.support.fake_server import Behaviour, FakeServer, Reply, answers, fake_server, lists

KEY = "LLMLAB_TEST_KEY"
SAMPLING = DEFAULTS.over(Sampling(seed=3))


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with fake_server() as fake:
        yield fake


@pytest.fixture
async def engine() -> AsyncIterator[RemoteEngine]:
    made = RemoteEngine(pause_s=0.01)
    yield made
    await made.close()


def spec(server: FakeServer, **remote: object) -> ModelSpec:
    settings = {"url": server.url, "model": "tiny", **remote}
    return ModelSpec(name="far", path=server.url, remote=Remote(**settings))  # type: ignore[arg-type]


async def load(engine: RemoteEngine, server: FakeServer, **remote: object) -> ModelCard:
    return await engine.load(spec(server, **remote), lambda _share: None)


async def request(engine: RemoteEngine, text: str = "hi", **more: object) -> GenerationRequest:
    prompt = await engine.prompt([ChatMessage("user", text)], PromptOptions())
    return replace(GenerationRequest(prompt.tokens, SAMPLING), **more)  # type: ignore[arg-type]


async def events(engine: RemoteEngine, asked: GenerationRequest) -> list[StreamEvent]:
    async with aclosing(engine.generate(asked)) as stream:
        return [event async for event in stream]


async def turn(engine: RemoteEngine, **more: object) -> Turn:
    folded = Turn()
    for event in await events(engine, await request(engine, "hi", **more)):
        folded = fold(folded, event)
    return folded


async def test_an_answer_comes_piece_by_piece_with_the_server_s_own_figures(
    server: FakeServer, engine: RemoteEngine
) -> None:
    card = await load(engine, server)
    found = await events(engine, await request(engine))
    assert [event.text for event in found if isinstance(event, Piece)] == ["Hel", "lo"]
    end = found[-1]
    assert isinstance(end, Finished)
    assert (end.reason, end.usage.prompt, end.usage.generated) == ("stop", 7, 2)
    assert end.timing.first_token_s > 0
    assert server.asked[0].body["messages"] == [{"role": "user", "content": "hi"}]
    assert "Authorization" not in server.asked[0].headers
    assert card.host == server.url.removeprefix("http://").removesuffix("/v1")
    assert "on this machine" in card.notes[0]


async def test_the_window_is_the_table_s_then_the_server_s_then_assumed(
    server: FakeServer, engine: RemoteEngine
) -> None:
    assert (await load(engine, server)).n_ctx == 32_768
    server.models = lists("tiny", max_model_len=512)
    assert (await load(RemoteEngine(), server)).n_ctx == 512
    server.models = lists("tiny", meta={"n_ctx_train": 256})
    assert (await load(RemoteEngine(), server)).n_ctx == 256
    told = await RemoteEngine().load(replace(spec(server), n_ctx=99), lambda _share: None)
    assert (told.n_ctx, told.n_ctx_train) == (99, 256)


async def test_without_a_name_the_first_model_is_taken(server: FakeServer, engine: RemoteEngine) -> None:
    server.models = lists("one", "two")
    assert (await load(engine, server, model="")).title == "one"
    await events(engine, await request(engine))
    assert server.asked[0].body["model"] == "one"


async def test_a_server_without_a_list_is_asked_all_the_same(server: FakeServer, engine: RemoteEngine) -> None:
    server.models = lambda reply: reply.json(404, {})
    await load(engine, server)
    assert (await turn(engine)).raw == "Hello"
    with pytest.raises(ModelError, match="lists no model"):
        await load(RemoteEngine(), server, model="")


async def test_samples_are_requests_with_seeds_of_their_own_and_no_more_run_than_are_allowed(
    server: FakeServer, engine: RemoteEngine
) -> None:
    await load(engine, server, parallel=2)
    gathered = threading.Barrier(2)

    def behave(reply: Reply) -> None:
        gathered.wait(timeout=20)
        answers(str(reply.body["seed"]))(reply)

    server.chat = behave
    found = await events(engine, await request(engine, samples=6))
    said = {event.sample: event.text for event in found if isinstance(event, Piece)}
    assert said == {sample: str(3 + sample) for sample in range(6)}
    assert sum(isinstance(event, Finished) for event in found) == 6
    assert server.most == 2


async def test_thinking_is_marked_as_the_program_marks_it(server: FakeServer, engine: RemoteEngine) -> None:
    def behave(reply: Reply) -> None:
        reply.head()
        for delta in ({"reasoning_content": "Hm"}, {"reasoning_content": "."}, {"content": "Yes"}):
            reply.event({"choices": [{"delta": delta}]})
        reply.finish()

    server.chat = behave
    await load(engine, server)
    split = split_thinking((await turn(engine)).raw, in_thinking=False, ended=True)
    assert (split.thinking, split.answer) == ("Hm.", "Yes")


async def test_a_server_that_does_not_stream_is_understood(server: FakeServer, engine: RemoteEngine) -> None:
    whole = {"choices": [{"message": {"content": "All of it"}, "finish_reason": "length"}], "usage": {}}
    server.chat = lambda reply: reply.json(200, whole)
    await load(engine, server)
    found = await turn(engine)
    assert (found.raw, found.finish) == ("All of it", "length")


async def test_how_likely_tokens_were_is_told_where_the_server_tells_it(
    server: FakeServer, engine: RemoteEngine
) -> None:
    def behave(reply: Reply) -> None:
        reply.head()
        told = [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [{"token": "a", "logprob": -0.5}]}]
        reply.say("a", logprobs={"content": told})
        reply.finish()

    server.chat = behave
    await load(engine, server)
    assert [one.logprob for one in (await turn(engine, logprobs=1)).info] == [-0.5]
    server.chat = answers("b")
    assert (await turn(engine, logprobs=1)).info == (), "nothing where it tells nothing"


async def test_cancelling_ends_the_request_at_once(server: FakeServer, engine: RemoteEngine) -> None:
    def behave(reply: Reply) -> None:
        reply.head()
        reply.say("Once")
        reply.until_gone()
        server.gone.set()

    server.chat = behave
    await load(engine, server)
    async with aclosing(engine.generate(await request(engine))) as stream:
        async for event in stream:
            if isinstance(event, Piece):
                break
    assert await asyncio.to_thread(server.gone.wait, 20)
    server.chat = answers("again")
    assert (await turn(engine)).raw == "again"


async def test_closing_the_engine_ends_what_runs_with_one_terminal_event(
    server: FakeServer, engine: RemoteEngine
) -> None:
    server.chat = silent
    await load(engine, server)
    found: list[StreamEvent] = []
    async for event in engine.generate(await request(engine, samples=2)):
        found.append(event)
        if isinstance(event, Piece):
            await engine.close()
    assert sum(isinstance(event, Failed) for event in found) == 2
    assert not engine.alive


def broken_off(reply: Reply) -> None:
    reply.head()
    reply.say("Hal")
    reply.cut()


def ended_early(reply: Reply) -> None:
    reply.head()
    reply.say("Hal")


def ended_without_a_reason(reply: Reply) -> None:
    """As llama-cpp-python's server does with an answer when the next request comes."""
    reply.head()
    reply.say("Hal")
    reply.event("[DONE]")


def cut_in_a_chunk(reply: Reply) -> None:
    reply.head(Transfer_Encoding="chunked")
    reply.write(b"400\r\ndata: ")
    reply.cut()


def silent(reply: Reply) -> None:
    reply.head()
    reply.say("Hal")
    reply.until_gone()


def silent_from_the_start(reply: Reply) -> None:
    reply.until_gone()


def failing(reply: Reply) -> None:
    reply.head()
    reply.say("Hal")
    reply.event({"error": {"message": "out of memory \x1b[31m"}})


def says(text: str) -> Behaviour:
    def behave(reply: Reply) -> None:
        reply.head()
        reply.event(text)

    return behave


def no_text(reply: Reply) -> None:
    reply.head()
    reply.write(b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n')


def a_page(reply: Reply) -> None:
    reply.head(200, "text/html")
    reply.write("<html>hi</html>")


def refuses(status: int, **headers: str) -> Behaviour:
    return lambda reply: reply.json(status, {"error": {"message": "because sk-secret"}}, **headers)


FAULTS: dict[str, tuple[Behaviour, str]] = {
    "broken off": (broken_off, "ended the connection"),
    "ended early": (ended_early, "ended the connection"),
    "ended without a reason": (ended_without_a_reason, "ended the connection"),
    "cut in a chunk": (cut_in_a_chunk, "ended the connection"),
    "closed without a word": (Reply.cut, "ended the connection"),
    "no HTTP": (lambda reply: reply.write("what?\r\n\r\n"), "cannot be read"),
    "silent": (silent, "said nothing for 0.2 s"),
    "silent from the start": (silent_from_the_start, "said nothing for 0.2 s"),
    "fails in the middle": (failing, "failed in the middle"),
    "no JSON": (says("{half"), "cannot be read"),
    "other JSON": (says('{"choices": 3}'), "cannot be read"),
    "no UTF-8": (no_text, "cannot be read"),
    "a page": (a_page, "ended the connection"),
    "401": (refuses(401), "refuses the key"),
    "403": (refuses(403), "refuses the key"),
    "404": (refuses(404), "no model tiny"),
    "redirect": (refuses(302, Location="http://example.org/"), "sends elsewhere"),
    "400": (refuses(400), "refuses the request"),
    "429": (refuses(429), "too much to do"),
    "500": (refuses(500), "failed (status 500)"),
    "503": (refuses(503), "failed (status 503)"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_every_fault_is_one_message_and_the_engine_lives_on(
    server: FakeServer, engine: RemoteEngine, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "sk-secret")
    server.chat, wanted = FAULTS[name]
    await load(engine, server, timeout=0.2 if "silent" in name else 60.0, key_env=KEY)
    found = await events(engine, await request(engine))
    ends = [event for event in found if isinstance(event, Finished | Failed)]
    assert ends == found[-1:]
    assert isinstance(ends[0], Failed)
    assert wanted in ends[0].what
    assert ends[0].hint
    assert "sk-secret" not in ends[0].where, "the key is not repeated"
    assert "\x1b" not in ends[0].where
    assert engine.alive
    server.chat = answers("fine")
    assert (await turn(engine)).raw == "fine"


async def test_a_server_that_is_not_there_is_told_and_asked_anew(engine: RemoteEngine) -> None:
    with fake_server() as server:
        await load(engine, server)
    found = await turn(engine)
    assert found.problem is not None
    assert "cannot be reached" in found.problem.what
    assert not engine.alive
    assert isinstance(await engine.ended(), EngineDied)
    with pytest.raises(EngineDied, match="cannot be reached"):
        await load(RemoteEngine(), server)


async def test_a_busy_server_is_asked_again(server: FakeServer, engine: RemoteEngine) -> None:
    turns = iter([refuses(503), refuses(429, Retry_After="0"), answers("now")])
    server.chat = lambda reply: next(turns)(reply)
    await load(engine, server)
    assert (await turn(engine)).raw == "now"
    assert len(server.asked) == 3


async def test_a_key_that_nobody_asked_for_is_left_out_where_it_is_not_known(
    server: FakeServer, engine: RemoteEngine
) -> None:
    def strict(reply: Reply) -> None:
        for key in ("stream_options", "seed", "chat_template_kwargs", "top_k"):
            if key in reply.body:
                reply.json(400, {"error": {"message": f"Unknown parameter: {key}"}})
                return
        answers("ok")(reply)

    server.chat = strict
    await load(engine, server)
    assert (await turn(engine)).raw == "ok"
    assert len(server.asked) == 3
    await turn(engine)
    assert len(server.asked) == 4, "what it does not know is remembered"
    asked_for = await turn(engine, sampling=Sampling(top_k=7).over(SAMPLING))
    assert asked_for.problem is not None
    assert "top_k" in asked_for.problem.where, "what was asked for is not left out in silence"


async def test_the_key_comes_from_the_environment(
    server: FakeServer, engine: RemoteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "sk-secret\n")
    await load(engine, server, key_env=KEY)
    await turn(engine)
    assert server.asked[0].headers["Authorization"] == "Bearer sk-secret"
    for value in ("", "two\nlines"):
        monkeypatch.setenv(KEY, value)
        with pytest.raises(ModelError, match=KEY):
            await load(RemoteEngine(), server, key_env=KEY)


BAD_LISTS: dict[str, tuple[Behaviour, type[LlmlabError], str]] = {
    "other models": (lists("a", "b"), ModelError, "has no model tiny"),
    "401": (refuses(401), ModelError, "refuses the key"),
    "500": (refuses(500), EngineError, "failed"),
    "no JSON": (lambda reply: reply.json(200, [1]), EngineError, "cannot be read"),
    "cut": (Reply.cut, EngineError, "ended the connection"),
}


@pytest.mark.parametrize("name", BAD_LISTS)
async def test_what_is_wrong_with_a_server_is_told_when_it_is_chosen(
    server: FakeServer, engine: RemoteEngine, name: str
) -> None:
    server.models, kind, wanted = BAD_LISTS[name]
    with pytest.raises(kind, match=wanted) as caught:
        await load(engine, server)
    assert caught.value.hint
    assert not engine.alive


@pytest.mark.parametrize(
    "more",
    [{"grammar": 'root ::= "a"'}, {"sampling": replace(SAMPLING, logit_bias='1=1, "a"=2')}, {"lora": (("x", 1.0),)}],
)
async def test_what_the_protocol_has_no_word_for_is_refused(
    server: FakeServer, engine: RemoteEngine, more: dict[str, object]
) -> None:
    await load(engine, server)
    found = await turn(engine, **more)
    assert found.problem is not None
    assert "takes no" in found.problem.what
    assert not server.asked


async def test_what_it_cannot_do_is_said(server: FakeServer, engine: RemoteEngine) -> None:
    await load(engine, server)
    with pytest.raises(EngineError, match="how likely"):
        await engine.score(ScoreRequest(("a",)))
    with pytest.raises(ModelError, match="vectors"):
        await engine.embed(["a"])
    foreign = GenerationRequest((1, 2, 3), SAMPLING)
    (end,) = await events(engine, foreign)
    assert isinstance(end, Failed)


async def test_an_answer_goes_on_from_its_beginning(server: FakeServer, engine: RemoteEngine) -> None:
    await load(engine, server)
    prompt = await engine.prompt([ChatMessage("user", "hi")], PromptOptions(prefill="Once upon"))
    await events(engine, GenerationRequest(prompt.tokens, SAMPLING))
    assert server.asked[0].body["messages"][-1] == {"role": "assistant", "content": "Once upon"}


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8080/v1", True),
        ("http://localhost/v1", True),
        ("http://[::1]:1/v1", True),
        ("http://192.168.1.2/v1", False),
        ("https://api.example.org/v1", False),
        ("http://localhost.example.org/v1", False),
    ],
)
def test_whether_text_leaves_the_machine(url: str, here: bool) -> None:
    assert Remote(url=url).here is here
