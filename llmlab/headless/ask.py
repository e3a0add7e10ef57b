"""`llmlab ask`: one question, the answer on standard output as it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path

from llmlab.domain.budget import LeftOut
from llmlab.domain.card import card_as_object
from llmlab.domain.document import Document
from llmlab.domain.generation import Timing, Usage
from llmlab.domain.messages import Message, Reasoned
from llmlab.domain.pace import Pace, time_left
from llmlab.domain.recipe import Recipe
from llmlab.errors import LlmlabError, Stopped
from llmlab.headless.console import Console, engine_in_use, report
from llmlab.headless.diagnostics import Diagnostics, Exit
from llmlab.headless.quotes import checked_as_object, checked_in_words
from llmlab.headless.reading import as_object as reading_as_object
from llmlab.headless.reading import told_in_words
from llmlab.services.answering import as_error
from llmlab.services.ask import Said, ask
from llmlab.services.host import EngineHost
from llmlab.services.preview import Preparing, left_out_in_words
from llmlab.services.quotes import CheckedAnswer, QuoteCheck
from llmlab.services.stopping import unless
from llmlab.words import say


def answer(
    host: EngineHost,
    preparing: Preparing,
    recipe: Recipe,
    question: str,
    console: Console,
    *,
    as_json: bool,
    told: Path,
    logprobs: int | None = None,
) -> Exit:
    """`run_ask` on an event loop of its own."""
    return asyncio.run(
        run_ask(host, preparing, recipe, question, console, as_json=as_json, told=told, logprobs=logprobs)
    )


async def run_ask(
    host: EngineHost,
    preparing: Preparing,
    recipe: Recipe,
    question: str,
    console: Console,
    *,
    as_json: bool,
    told: Path,
    logprobs: int | None = None,
) -> Exit:
    """Ask, write the answer, end the engine.

    Args:
        host: loads the model.
        preparing: makes the prompt.
        recipe: what the answer depends on.
        question: the one message of the user.
        console: where answer and problems go.
        as_json: one object instead of the text.
        told: the record of notes about models that this user has read already.
        logprobs: tell how likely each token was, with this many of the likeliest; they are part of the object.

    Raises:
        ReaderGone: nobody reads the answer any more; the engine has ended.
    """
    async with engine_in_use(host, console, told) as stop:
        said = ask(host, preparing, recipe, question, stop, logprobs=logprobs)
        checking = _Checking(preparing, recipe, question, stop)
        try:
            if as_json:
                return await _as_object(said, recipe, console, checking)
            return await _as_text(said, console, checking)
        finally:
            await preparing.close()


class _Checking:
    """Looks up what an answer quotes of the documents that it was given over, unless it is stopped."""

    def __init__(self, preparing: Preparing, recipe: Recipe, question: str, stop: asyncio.Event) -> None:
        self._reader = preparing.reader if recipe.reading is not None else None
        self._quotes = QuoteCheck(self._reader) if self._reader is not None else None
        self._question, self._stop = question, stop

    async def check(self, said: Said | None) -> CheckedAnswer | None:
        """An answer that was finished, held against its documents; `None` where nothing was checked."""
        if self._quotes is None or said is None or said.turn.problem or said.turn.finish in (None, "cancelled"):
            return None
        try:
            return await unless(self._stop, self._quotes.check(said.message, self._question))
        except Stopped:
            return None

    async def texts(self, said: Said | None) -> list[Document]:
        """The documents that an answer was given over; none where one of them is gone."""
        told = said.message.origin.reading if said is not None and said.message.origin else None
        if self._reader is None or told is None or self._stop.is_set():
            return []
        try:
            return [await self._reader.document(ref) for ref in told.documents]
        except LlmlabError:
            return []


async def _as_text(answers: AsyncGenerator[Said, None], console: Console, checking: _Checking) -> Exit:
    """Stream text to standard output, thinking to a terminal's standard error."""
    text, thinking, last, shown, pace = "", "", None, False, Pace()
    try:
        async with aclosing(answers):
            async for last in answers:
                shown = shown or _show_documents(last, console.err)
                pace = _show_reading(last, pace, console.err)
                if not last.settled:
                    _show_votes(last, console.err)
                    continue
                console.err.thinking(last.message.thinking[len(thinking) :])
                thinking = last.message.thinking
                if fresh := last.message.text[len(text) :]:
                    console.err.end_thinking()
                    console.out.write(fresh)
                    text += fresh
    except LlmlabError as error:
        return report(error, console)
    finally:
        console.err.end_thinking()
    console.out.end_line()
    checked = await checking.check(last)
    for line in checked_in_words(checked) if checked else ():
        console.err.note(line)
    return _outcome(last, console)


async def _as_object(
    answers: AsyncGenerator[Said, None], recipe: Recipe, console: Console, checking: _Checking
) -> Exit:
    """One JSON object, whatever happens."""
    last: Said | None = None
    pace = Pace()
    try:
        async with aclosing(answers):
            async for last in answers:
                pace = _show_reading(last, pace, console.err)
    except LlmlabError as error:
        console.out.json(record(last, recipe, error))
        return report(error, console)
    checked = await checking.check(last)
    written = record(last, recipe, texts=await checking.texts(last))
    console.out.json(written | ({"grounding": checked_as_object(checked)} if checked else {}))
    return _outcome(last, console)


def record(
    said: Said | None, recipe: Recipe, error: LlmlabError | None = None, texts: Sequence[Document] = ()
) -> dict[str, object]:
    """What `--json` prints for an answer; `error` stands in it only when one failed.

    Args:
        said: the answer as far as it came.
        recipe: what it was asked with.
        error: why it failed.
        texts: its documents, in which the places of passages are looked up.
    """
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
        "left_out": asdict(origin.left_out if origin else LeftOut()),
        "card": card_as_object(origin.card) if origin and origin.card else None,
    }
    if origin and origin.reading:
        written["reading"] = reading_as_object(origin.reading, texts)
    if message and message.reasoned:
        written |= _reasoned(message, message.reasoned)
    if turn and turn.info:
        written["tokens"] = [asdict(info) for info in turn.info]
    if problem:
        written["error"] = {"what": problem.what, "where": problem.where, "hint": problem.hint}
    return written


def _reasoned(message: Message, reasoned: Reasoned) -> dict[str, object]:
    """What a reasoning mode made of an answer: the final answer, the votes for it, and what led to it."""
    return {
        "reasoning": reasoned.mode,
        "answer": reasoned.answer or None,
        "votes": [asdict(vote) for vote in reasoned.votes],
        "silent": reasoned.silent,
        "samples": [asdict(sample) for sample in reasoned.samples],
        "stages": reasoned.stages,
        "drafts": [asdict(draft) for draft in message.drafts],
        "thinking_cut": reasoned.cut,
    }


def _outcome(last: Said | None, console: Console) -> Exit:
    """The exit code of an answer that began, its failure reported."""
    console.err.clear()
    if last and last.message.origin and (left_out := left_out_in_words(last.message.origin.left_out)):
        console.err.note(left_out)
    if last is None or last.turn.finish == "cancelled":
        return Exit.INTERRUPTED
    if last.turn.problem:
        return report(as_error(last.turn.problem), console)
    return Exit.ANSWERED


def _show_votes(said: Said, err: Diagnostics) -> None:
    """How many of the answers have come, where several are drawn."""
    reasoned = said.message.reasoned
    if reasoned and reasoned.wanted > 1 and said.turn.state == "writing":
        err.progress(say("{done} of {wanted} answers", done=reasoned.cast, wanted=reasoned.wanted))


def _show_documents(said: Said, err: Diagnostics) -> bool:
    """What was read of the documents, told once, before the answer."""
    told = said.message.origin.reading if said.message.origin else None
    for line in told_in_words(told) if told else ():
        err.note(line)
    return True


def _show_reading(said: Said, pace: Pace, err: Diagnostics) -> Pace:
    """How far the reading of the prompt has come; the pace from here on."""
    turn = said.turn
    if turn.state != "reading":
        return pace
    pace = pace.after(time.monotonic(), turn.read)
    percent = 100 * turn.read // max(1, turn.prompt)
    done = {"done": f"{turn.read:,}", "total": f"{turn.prompt:,}", "percent": percent}
    left = pace.left(turn.prompt)
    if left is None:
        err.progress(say("Reading the prompt: {done} of {total} tokens, {percent} %", **done))
    else:
        text = say(
            "Reading the prompt: {done} of {total} tokens, {percent} %, {speed:,.0f} tok/s, {time} left",
            **done,
            speed=pace.speed,
            time=time_left(left),
        )
        err.progress(text)
    return pace
