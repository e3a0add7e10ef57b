"""`llmlab ask`: one question, the answer on standard output as it comes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from llmlab.domain.generation import Timing, Usage
from llmlab.domain.messages import Message
from llmlab.domain.recipe import Recipe
from llmlab.errors import LlmlabError, Stopped
from llmlab.headless.diagnostics import Diagnostics, Exit, exit_code
from llmlab.headless.once import is_news
from llmlab.headless.output import Output
from llmlab.services.answering import as_error
from llmlab.services.ask import FREE, Demands, Said, ask
from llmlab.services.host import EngineHost, HostState
from llmlab.words import say


@dataclass(frozen=True, slots=True)
class Console:
    """Where a command speaks."""

    out: Output
    err: Diagnostics


def answer(
    host: EngineHost,
    recipe: Recipe,
    question: str,
    console: Console,
    *,
    as_json: bool,
    told: Path,
    demands: Demands = FREE,
) -> Exit:
    """`run_ask` on an event loop of its own."""
    return asyncio.run(run_ask(host, recipe, question, console, as_json=as_json, told=told, demands=demands))


async def run_ask(
    host: EngineHost,
    recipe: Recipe,
    question: str,
    console: Console,
    *,
    as_json: bool,
    told: Path,
    demands: Demands = FREE,
) -> Exit:
    """Ask, write the answer, end the engine.

    Args:
        host: loads the model.
        recipe: model, system prompt, sampling and thinking.
        question: the one message of the user.
        console: where answer and problems go.
        as_json: one object instead of the text.
        told: the record of notes about models that this user has read already.
        demands: what the answer must look like; log-probabilities are part of the object.

    Raises:
        ReaderGone: nobody reads the answer any more; the engine has ended.
    """
    stop = asyncio.Event()
    unsubscribe = host.subscribe(lambda state: _show_load(state, console.err, told))
    with _stopping_on_interrupt(stop):
        try:
            said = ask(host, recipe, question, stop, demands=demands)
            return await (_as_object(said, recipe, console) if as_json else _as_text(said, console))
        finally:
            unsubscribe()
            await host.close()


async def _as_text(answers: AsyncGenerator[Said, None], console: Console) -> Exit:
    """Stream text to standard output, thinking to a terminal's standard error."""
    text, thinking, last = "", "", None
    try:
        async with aclosing(answers):
            async for last in answers:
                _show_reading(last, console.err)
                console.err.thinking(last.message.thinking[len(thinking) :])
                thinking = last.message.thinking
                if fresh := last.message.text[len(text) :]:
                    console.err.end_thinking()
                    console.out.write(fresh)
                    text += fresh
    except LlmlabError as error:
        return _report(error, console)
    finally:
        console.err.end_thinking()
    console.out.end_line()
    return _outcome(last, console)


async def _as_object(answers: AsyncGenerator[Said, None], recipe: Recipe, console: Console) -> Exit:
    """One JSON object, whatever happens."""
    last: Said | None = None
    try:
        async with aclosing(answers):
            async for last in answers:
                _show_reading(last, console.err)
    except LlmlabError as error:
        console.out.json(record(last, recipe, error))
        return _report(error, console)
    console.out.json(record(last, recipe))
    return _outcome(last, console)


def record(said: Said | None, recipe: Recipe, error: LlmlabError | None = None) -> dict[str, object]:
    """What `--json` prints for an answer; `error` stands in it only when one failed."""
    message: Message | None = said.message if said else None
    origin = message.origin if message else None
    turn = said.turn if said else None
    problem = error or (as_error(turn.problem) if turn and turn.problem else None)
    if isinstance(problem, Stopped):
        finish, problem = "cancelled", None
    else:
        finish = "failed" if problem else (turn.finish if turn and turn.finish else "cancelled")
    usage = (turn.usage if turn else None) or Usage(
        prompt=turn.prompt if turn else 0, reused=turn.reused if turn else 0, generated=turn.generated if turn else 0
    )
    written: dict[str, object] = {
        "text": message.text if message else "",
        "thinking": message.thinking if message else "",
        "finish": finish,
        "usage": asdict(usage),
        "timing": {name: round(seconds, 6) for name, seconds in asdict(origin.timing if origin else Timing()).items()},
        "model": recipe.model.name,
        "seed": origin.seed if origin else None,
    }
    if turn and turn.info:
        written["tokens"] = [asdict(info) for info in turn.info]
    if problem:
        written["error"] = {"what": problem.what, "where": problem.where, "hint": problem.hint}
    return written


def _outcome(last: Said | None, console: Console) -> Exit:
    """The exit code of an answer that began, its failure reported."""
    console.err.clear()
    if last is None or last.turn.finish == "cancelled":
        return Exit.INTERRUPTED
    if last.turn.problem:
        return _report(as_error(last.turn.problem), console)
    return Exit.ANSWERED


def _report(error: LlmlabError, console: Console) -> Exit:
    console.err.clear()
    if not isinstance(error, Stopped):
        console.err.problem(error)
    return exit_code(error)


def _show_load(state: HostState, err: Diagnostics, told: Path) -> None:
    if state.phase == "loading":
        err.progress(say("Loading {model}: {percent} %", model=state.model, percent=round(100 * state.fraction)))
    elif state.phase == "ready" and state.card:
        err.clear()
        # A script reads standard error as trouble, and nobody reads the same note every time.
        for note in state.card.notes if err.is_terminal else ():
            if is_news(note, told):
                err.note(note)


def _show_reading(said: Said, err: Diagnostics) -> None:
    if said.turn.state == "reading":
        done, total = f"{said.turn.read:,}", f"{said.turn.prompt:,}"
        err.progress(say("Reading the prompt: {done} of {total} tokens", done=done, total=total))


@contextmanager
def _stopping_on_interrupt(stop: asyncio.Event) -> Iterator[None]:
    """ctrl+c sets `stop`; a second one ends the program at once."""
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGINT)

    def first(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        loop.call_soon_threadsafe(stop.set)

    # A plain handler works on every platform; the loop's own wake-up descriptor makes it prompt.
    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
