"""One trial of an experiment: asked as a chat asks, measured, and put down as a line of results."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from llmlab.domain.card import hash_tokens
from llmlab.domain.experiment import Trial
from llmlab.domain.modes import Extraction
from llmlab.domain.outcomes import Answer, Measurement, TrialResult, prompt_file_of
from llmlab.domain.scoring import ScoredText
from llmlab.engine.protocol import Engine, ScoreRequest
from llmlab.errors import EngineError, LlmlabError, Stopped
from llmlab.services.answering import as_error
from llmlab.services.ask import prepare_alone
from llmlab.services.host import EngineHost, Holder
from llmlab.services.preview import Prepared, Preparing
from llmlab.services.ready import Ready
from llmlab.services.reasoned import Asking, Progress, reason
from llmlab.services.run_digests import RunDigests, Spent
from llmlab.services.scorers import Scoring
from llmlab.services.sharing import Sharing
from llmlab.services.stopping import unless
from llmlab.services.writing import Place, Written
from llmlab.words import say

SELDOM: Final = 3600.0
"""Seconds between two looks at a running answer: nobody reads it, and each look takes the engine's cores."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A trial that was asked, before it is scored."""

    result: TrialResult
    answer: Answer
    prompt: str = ""
    """The text of a prompt that its line only names, since it is long."""
    written: Written = field(default_factory=Written)
    """The answer with its thinking as it was written."""
    place: Place = field(default_factory=Place)
    """Where that stands: behind the last question of a mode that asks several."""
    fatal: LlmlabError | None = None
    """The engine died of it, or beside it."""

    @property
    def measures(self) -> Answer | None:
        """What a scorer may want to look at again and the line of results does not hold."""
        kept = self.answer
        return replace(kept, text="", thinking="") if kept.likelihoods or kept.verdict else None


class Trials:
    """Asks trials, any number at the same time; they share one engine."""

    def __init__(
        self,
        host: EngineHost,
        preparing: Preparing,
        scoring: Scoring,
        stop: asyncio.Event,
        digests: RunDigests | None = None,
    ) -> None:
        """Prepare.

        Args:
            host: holds the model, and starts it anew when it died.
            preparing: makes the prompts.
            scoring: what is looked at; nothing is written where that is likelihoods alone.
            stop: set it to cancel.
            digests: makes the digests that are read; `None` reads those that there are.
        """
        self._digests = digests
        self._host, self._preparing, self._sharing = host, preparing, Sharing(host)
        self._scoring, self._stop = scoring, stop

    async def ask(self, trial: Trial) -> Asked:
        """The answer of a trial, or why there is none.

        Raises:
            Stopped: before it had ended.
        """
        try:
            self._preparing.require_filled(trial.recipe, trial.question)
        except LlmlabError as error:
            return failed_trial(trial, error)
        async with self._sharing.share() as host:
            return await self._ask(trial, host)

    async def _ask(self, trial: Trial, host: Holder) -> Asked:
        try:
            spent = await self._digests.make(host, trial.recipe, self._stop) if self._digests else Spent()
            ready = await unless(self._stop, self._preparing.ready(host, trial.recipe, (), trial.question))
        except Stopped:
            raise
        except LlmlabError as error:
            return failed_trial(trial, error, fatal=isinstance(error, EngineError))
        try:
            preparing = prepare_alone(ready, self._preparing, ready.recipe, trial.question)
            prepared = await unless(self._stop, preparing)
            asked = _with_prompt(await self._answered(trial, ready, prepared), prepared.prompt.text)
            if asked.fatal is None and not asked.result.problem:
                asked = replace(asked, answer=await self._likelihoods(trial, ready, prepared, asked))
        except Stopped:
            raise
        except LlmlabError as error:
            return failed_trial(trial, error, fatal=not ready.engine.alive)
        return _with(asked, spent)

    async def _answered(self, trial: Trial, ready: Ready, prepared: Prepared) -> Asked:
        """The answer, where a scorer reads one."""
        line = _line(trial, prepared)
        if not self._scoring.reads:
            return Asked(line, Answer(text="", extraction=trial.extraction, finish=""))
        last: Progress | None = None
        asking = Asking(
            ready=ready,
            prepared=prepared,
            sampling=trial.recipe.complete_sampling(ready.card, trial.seed),
            stop=self._stop,
            interval=SELDOM,
        )
        async with aclosing(reason(asking)) as values:
            async for last in values:  # noqa: B007 - the last value is the result
                pass
        if last is None or last.turn.finish == "cancelled":
            raise Stopped(say("Stopped before the answer began."))
        if last.turn.problem:
            problem = as_error(last.turn.problem)
            self._host.notice_death(problem)
            return failed_trial(trial, problem, fatal=not ready.engine.alive)
        return _asked(trial, line, last)

    async def _likelihoods(self, trial: Trial, ready: Ready, prepared: Prepared, asked: Asked) -> Answer:
        """The answer with how likely the model finds every text that a scorer asks about."""
        wanted, found = self._scoring.measurements(trial.item, asked.answer), dict[str, ScoredText]()
        for alone, prompt in ((False, prepared.prompt.tokens), (True, ())):
            texts = [one for one in wanted if one.alone is alone and not one.lead]
            if texts:
                request = ScoreRequest(tuple(one.text for one in texts), prompt=prompt)
                scored = await unless(self._stop, ready.engine.score(request))
                found.update(zip((one.key for one in texts), scored, strict=True))
        for one in wanted:
            if one.lead:
                request = await unless(self._stop, _within_answer(ready.engine, asked, one))
                # An answer that filled the window leaves no room behind it, and is an answer all the same: that nothing
                # is measured there is kept, so that no run asks for it again.
                found[one.key] = ScoredText(())
                if sum(map(len, (request.prompt, *request.texts))) <= ready.card.n_ctx:
                    (found[one.key],) = await unless(self._stop, ready.engine.score(request))
        return replace(asked.answer, likelihoods=found) if found else asked.answer


async def _within_answer(engine: Engine, asked: Asked, one: Measurement) -> ScoreRequest:
    """What asks how likely a text is after a part of the answer; a token that begins before the text counts whole."""
    written, place, said = asked.written, asked.place, asked.written.split.answer
    # Thinking and what fences it: all that was written before the answer.
    thought = written.raw.rpartition(said)[0] if said else written.raw + written.closing
    begun = f"{written.prefill}{thought}{one.lead.removeprefix(written.prefill)}"
    prompt = await engine.prompt(place.messages, replace(place.options, prefill=begun + one.text))
    edge = len(prompt.text) - len(one.text)
    first = bisect_left(prompt.offsets, edge)
    if first == len(prompt.offsets) or prompt.offsets[first] > edge:
        first = bisect_left(prompt.offsets, prompt.offsets[first - 1])
    return ScoreRequest((prompt.tokens[first:],), prompt=prompt.tokens[:first])


def _with(asked: Asked, spent: Spent) -> Asked:
    """`asked` with what its digests took: reading that way costs it."""
    result = asked.result
    tokens, seconds = result.generated_tokens + spent.tokens, round(result.seconds + spent.seconds, 6)
    return replace(asked, result=replace(result, generated_tokens=tokens, seconds=seconds))


def _with_prompt(asked: Asked, text: str) -> Asked:
    """`asked` with its prompt, where that does not stand in its line."""
    return replace(asked, prompt=text) if asked.result.prompt_file else asked


def _line(trial: Trial, prepared: Prepared | None) -> TrialResult:
    """The line of a trial that has no answer yet."""
    prompt = prepared.prompt if prepared else None
    text = prompt.text if prompt else ""
    apart = prompt_file_of(text)
    return TrialResult(
        id=trial.id,
        arm=trial.arm.name,
        model=trial.recipe.model.name,
        item=trial.item.id,
        cluster=trial.item.hangs_with,
        repeat=trial.repeat,
        seed=trial.seed,
        settings=MappingProxyType(dict(trial.arm.settings)),
        question=trial.question,
        gold=trial.item.gold,
        prompt="" if apart else text,
        prompt_file=apart,
        prompt_characters=len(text),
        prompt_digest=hash_tokens(prompt.tokens) if prompt else "",
        prompt_tokens=len(prompt.tokens) if prompt else 0,
    )


def _asked(trial: Trial, line: TrialResult, last: Progress) -> Asked:
    turn, written, reasoned = last.turn, last.written, last.reasoned
    votes = (reasoned.answer, *(sample.answer for sample in reasoned.samples)) if reasoned else ()
    samples = votes if len(votes) > 1 else ()
    usage, timing = turn.usage, turn.timing
    finish = turn.finish or ""
    result = replace(
        line,
        answer=written.answer,
        thinking=written.thinking,
        finish=finish,
        samples=samples,
        prompt_tokens=usage.prompt if usage else line.prompt_tokens,
        reused_tokens=usage.reused if usage else 0,
        generated_tokens=turn.generated,
        seconds=round(timing.prefill_s + timing.decode_s, 6) if timing else 0.0,
    )
    answer = Answer(
        text=written.answer,
        thinking=written.thinking,
        extraction=trial.extraction,
        finish=finish,
        samples=samples,
    )
    return Asked(result, answer, written=written, place=last.place)


def failed_trial(trial: Trial, error: LlmlabError, *, fatal: bool = False) -> Asked:
    """A trial without an answer."""
    problem = f"{error.what} ({error.where})" if error.where else error.what
    answer = Answer(text="", extraction=trial.extraction, finish="", problem=problem)
    return Asked(replace(_line(trial, None), problem=problem), answer, fatal=error if fatal else None)


def answer_of(extraction: Extraction | None, result: TrialResult, measures: Answer | None) -> Answer:
    """What scorers look at, of a result that was kept under a reasoning mode that puts its answer so."""
    return replace(
        measures or Answer(text=""),
        text=result.answer,
        thinking=result.thinking,
        extraction=extraction,
        finish=result.finish,
        problem=result.problem,
        samples=result.samples,
    )
