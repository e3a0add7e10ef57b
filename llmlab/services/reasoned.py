"""A recipe's reasoning: one answer, or several drawn together, through stages, a budget of thinking, and a vote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final

from llmlab.domain.extraction import Extracted, extract, tally
from llmlab.domain.generation import Failed, FinishReason, Timing, Turn, TurnState, Usage
from llmlab.domain.messages import Draft, Reasoned, Sample
from llmlab.domain.modes import MOST_VOTES, ReasoningUse, Stage
from llmlab.domain.prompting import ChatMessage, PromptOptions, RenderedPrompt
from llmlab.domain.sampling import Sampling
from llmlab.engine.protocol import GenerationRequest
from llmlab.errors import LlmlabError
from llmlab.services.generate import stream_samples
from llmlab.services.preview import Prepared, prompt_options
from llmlab.services.ready import Ready
from llmlab.services.writing import Place, Strand, Written, added_timing, added_usage

CUT_SHORT: Final = "\N{REPLACEMENT CHARACTER}"
"""What stands at the end of an answer that ended inside a character."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A reasoned answer as far as it has come."""

    turn: Turn
    """The answer that is shown, as if it were one: all that was written of it, figures over all stages and samples.

    Tokens are sums. Seconds are those that passed: of samples drawn together the longest, of stages the sum."""
    written: Written
    drafts: tuple[Draft, ...] = ()
    reasoned: Reasoned | None = None
    settled: bool = True
    """From here on its text only grows."""
    tokens: tuple[int, ...] = ()
    """Once it ended: its prompt and all that was written after it; empty where they do not stand for its text."""
    place: Place = field(default_factory=Place)
    """Once it ended: where it stands, behind the last question of its mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What a reasoned answer is drawn from, and how."""

    ready: Ready
    prepared: Prepared
    sampling: Sampling
    stop: asyncio.Event
    """Set it to cancel, in any stage: the next value is the last."""
    interval: float
    """Seconds between two values at the least."""
    logprobs: int | None = None
    before: str = ""
    """What the version before says, if there is one."""
    resumed: bool = False
    """The answer goes on where it ended: its mode's stages and votes are done with."""
    start: tuple[int, ...] = ()
    """For an answer that goes on: the very tokens that it goes on from; empty goes on from its text."""

    @property
    def tokens(self) -> tuple[int, ...]:
        """What the answer goes on from."""
        return self.start or self.prepared.prompt.tokens

    @property
    def use(self) -> ReasoningUse | None:
        """The reasoning mode that is on."""
        return self.prepared.recipe.reasoning


async def reason(asking: Asking) -> AsyncGenerator[Progress, None]:
    """The answer of a recipe as it grows, under its reasoning mode if it has one; in the last value it has ended."""
    run = _Run(asking)
    async with aclosing(run.values()) as values:
        async for value in values:
            yield value


class _Run:
    """One reasoned answer in the making."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        use = asking.use
        self._stages: tuple[Stage, ...] = use.mode.stages if use and not asking.resumed else ()
        self._wanted = use.vote_count if use and not asking.resumed else 1
        prepared = asking.prepared
        prefill = prepared.assembled.prefill
        begun = _begun(prepared.prompt, prefill.text if prefill else "")
        self._options = prompt_options(prepared.recipe, asking.ready.card, prepared.assembled)
        place = Place(prepared.assembled.chat_messages(), self._options)
        self._strands = [Strand(index, place, asking.tokens, begun) for index in range(self._wanted)]
        self._stage = 0
        self._usage, self._timing = Usage(), Timing()
        self._problem: Failed | None = None

    async def values(self) -> AsyncGenerator[Progress, None]:
        """The answer, stage after stage."""
        first = self._request(self._strands[0], self._limit(None))
        async with aclosing(self._drawn(self._strands, [replace(first, samples=self._wanted)])) as values:
            async for value in values:
                yield value
        for stage in self._stages:
            going = [strand for strand in self._strands if strand.done]
            if not going or self._over:
                break
            self._stage += 1
            try:
                requests = [await self._next(strand, stage) for strand in going]
            except LlmlabError as error:
                self._problem = Failed(error.what, error.where, error.hint)
                break
            async with aclosing(self._drawn(going, requests, stage)) as values:
                async for value in values:
                    yield value
        yield self._end()

    @property
    def _over(self) -> bool:
        return self._problem is not None or self._asking.stop.is_set()

    async def _drawn(
        self, strands: Sequence[Strand], requests: list[GenerationRequest], stage: Stage | None = None
    ) -> AsyncGenerator[Progress, None]:
        """Draw one answer a strand; those whose thinking uses up its budget go on with their answer."""
        while requests:
            streams = stream_samples(
                self._asking.ready.engine, requests, stop=self._asking.stop, interval=self._asking.interval
            )
            turns: tuple[Turn, ...] = ()
            async with aclosing(streams):
                async for turns in streams:
                    for strand, turn in zip(strands, turns, strict=True):
                        strand.turn = turn
                    yield self._value()
            self._count(turns)
            for strand in strands:
                strand.take(own_stops=bool(self._asking.sampling.stop))
            strands = [strand for strand in strands if self._cut_by_budget(strand, stage)]
            if self._over:
                return
            try:
                requests = [await self._beyond_budget(strand, stage) for strand in strands]
            except LlmlabError as error:
                self._problem = Failed(error.what, error.where, error.hint)
                return

    def _limit(self, stage: Stage | None) -> int | None:
        """Tokens that an answer may have before somebody looks at its thinking."""
        limits = [self._asking.sampling.max_tokens, stage.max_tokens if stage else None, self._budget(stage)]
        return min((limit for limit in limits if limit is not None), default=None)

    def _budget(self, stage: Stage | None) -> int | None:
        """The budget of thinking, where the model may think."""
        use = self._asking.use
        thinks = self._asking.ready.card.can_think and self._options.thinking is not False
        goes_on = stage is not None and stage.kind == "answer"
        return use.thinking_budget if use and thinks and not goes_on else None

    def _cut_by_budget(self, strand: Strand, stage: Stage | None) -> bool:
        """It ended because it was time to look at its thinking."""
        budget, room = self._budget(stage), self._room(strand, stage)
        cut = strand.finish == "length" and budget is not None and strand.generated >= budget
        return cut and not strand.budgeted and (room is None or room > 0)

    def _room(self, strand: Strand, stage: Stage | None) -> int | None:
        """Tokens that an answer may still have in this stage."""
        limits = [self._asking.sampling.max_tokens, stage.max_tokens if stage else None]
        return min((limit - strand.generated for limit in limits if limit is not None), default=None)

    async def _beyond_budget(self, strand: Strand, stage: Stage | None) -> GenerationRequest:
        """What goes on after the budget of thinking: with the thinking closed where it still is open."""
        use = self._asking.use
        strand.budgeted = True
        insertion = ""
        if use and strand.written.thinks:
            strand.cut = True
            insertion = f"{use.budget_message.rstrip()}{strand.written.closing}"
        return await self._onward(strand, insertion, self._room(strand, stage))

    async def _next(self, strand: Strand, stage: Stage) -> GenerationRequest:
        """What a stage asks for."""
        if stage.kind == "answer":
            limit = stage.max_tokens if stage.max_tokens is not None else self._asking.sampling.max_tokens
            return await self._onward(strand, strand.written.closing + stage.cue, limit)
        answered = ChatMessage(
            "assistant",
            strand.written.answer,
            strand.written.thinking if self._asking.prepared.recipe.keep_thinking else "",
        )
        thinking = self._options.thinking
        if self._asking.ready.card.can_think and self._asking.prepared.assembled.prefill:
            thinking = self._asking.prepared.recipe.thinks
        place = Place((*strand.place.messages, answered, ChatMessage("user", stage.cue)), PromptOptions(thinking))
        prompt = await self._asking.ready.engine.prompt(place.messages, place.options)
        strand.ask_again(place, prompt.tokens, _begun(prompt))
        return self._request(strand, self._limit(stage))

    async def _onward(self, strand: Strand, insertion: str, max_tokens: int | None) -> GenerationRequest:
        """Go on from the tokens that were written, so that nothing is read again, after `insertion`."""
        written = strand.written
        broken = written.raw.endswith(CUT_SHORT)
        raw = written.raw.rstrip(CUT_SHORT) if broken else written.raw
        tokens = None if broken or strand.ids is None else (*strand.tokens, *strand.ids)
        if insertion or tokens is None:
            options = replace(strand.place.options, prefill=written.prefill + raw + insertion)
            prompt = await self._asking.ready.engine.prompt(strand.place.messages, options)
            edge = len(prompt.text) - len(insertion)
            # A token over the edge stands for both: then the text is sent as it is tokenised from anew.
            aligned = tokens is not None and edge in prompt.offsets
            tokens = (*tokens, *prompt.tokens[prompt.offsets.index(edge) :]) if tokens and aligned else prompt.tokens
        strand.go_on(tokens, replace(written, raw=raw + insertion))
        return self._request(strand, max_tokens)

    def _request(self, strand: Strand, max_tokens: int | None) -> GenerationRequest:
        asking, recipe = self._asking, self._asking.prepared.recipe
        # Each stage draws anew; a grammar or schema holds for the last one alone, the steps before it are free.
        seed = ((asking.sampling.seed or 0) + strand.index + MOST_VOTES * self._stage) % 2**32
        shaped = self._stage == len(self._stages)
        return GenerationRequest(
            strand.tokens,
            replace(asking.sampling, max_tokens=max_tokens, seed=seed),
            grammar=recipe.grammar if shaped else None,
            schema=recipe.schema if shaped else None,
            logprobs=asking.logprobs,
        )

    def _count(self, turns: Sequence[Turn]) -> None:
        """Add the figures of answers that ran together."""
        self._problem = self._problem or next((turn.problem for turn in turns if turn.problem), None)
        self._usage = added_usage(self._usage, turns)
        self._timing = added_timing(self._timing, turns)

    def _value(self) -> Progress:
        """How far it has come, in the middle."""
        shown = self._strands[0]
        live = shown.turn or Turn(state="writing")
        state: TurnState = "writing" if live.ended else live.state
        running = sum(strand.turn.generated for strand in self._strands if strand.turn)
        turn = Turn(
            state=state,
            raw=shown.live.raw,
            read=live.read,
            prompt=live.prompt,
            reused=live.reused,
            generated=self._usage.generated + running,
            info=shown.info + live.info,
        )
        settled = self._wanted == 1 and all(stage.kind == "answer" for stage in self._stages[self._stage :])
        tallied = self._reasoned(shown, None) if self._wanted > 1 else None
        return Progress(turn, shown.live, self._drafts(shown), tallied, settled)

    def _end(self) -> Progress:
        """The winner, or what there is of it."""
        for strand in self._strands:
            strand.fall_back()
        done = [strand for strand in self._strands if strand.done]
        counted = tally([self._answer_of(strand) for strand in done])
        shown = done[counted.winner or 0] if done else self._strands[0]
        turn = Turn(
            state="failed" if self._problem else "done",
            raw=shown.written.raw,
            prompt=len(shown.tokens),
            generated=self._usage.generated,
            finish=None if self._problem else self._finish(shown, len(done)),
            usage=self._usage,
            timing=self._timing,
            problem=self._problem,
            info=shown.info,
            ids=shown.ids or (),
        )
        said = self._reasoned(shown, shown)
        return Progress(turn, shown.written, self._drafts(shown), said, tokens=shown.trail, place=shown.place)

    def _finish(self, shown: Strand, done: int) -> FinishReason:
        """Why the answer ended; that a stage had all the tokens that its mode gives it is no cut."""
        if self._asking.stop.is_set() and (done < len(self._strands) or self._stage < len(self._stages)):
            return "cancelled"
        stage = self._stages[self._stage - 1] if self._stage else None
        if stage and stage.kind == "answer" and stage.max_tokens and shown.finish == "length":
            return "stop"
        return shown.finish or "cancelled"

    def _drafts(self, strand: Strand) -> tuple[Draft, ...]:
        return tuple(Draft(old.answer, old.thinking, _text_of(self._found(old))) for old in strand.past)

    def _reasoned(self, shown: Strand, winner: Strand | None) -> Reasoned | None:
        """What the mode made of it: of the answers that ended while they come, of all at the end."""
        use = self._asking.use
        if use is None:
            return None
        answer = self._answer_of(shown) if winner else None
        found = self._found(shown.written) if winner else None
        if found and found.text != answer:
            # The answer is that of a draft and stands nowhere in this text.
            found = None
        ended = [strand for strand in self._strands if strand.done]
        counted = tally([self._answer_of(strand) for strand in ended])
        others = [strand for strand in self._strands if winner and strand is not winner]
        return Reasoned(
            mode=use.mode.key,
            title=use.mode.title,
            answer=answer or "",
            start=found.start if found else 0,
            end=found.end if found else 0,
            strict=found.strict if found else False,
            stages=self._stage + 1,
            votes=counted.votes if self._wanted > 1 else (),
            wanted=self._wanted,
            silent=counted.silent if self._wanted > 1 else 0,
            samples=tuple(
                Sample(other.written.answer, other.written.thinking, self._answer_of(other) or "") for other in others
            ),
            cut=sum(strand.cut for strand in self._strands),
            before=_text_of(self._found(Written(raw=self._asking.before, ended=True))),
        )

    def _found(self, written: Written, *, guess: bool = True) -> Extracted | None:
        use = self._asking.use
        return extract(written.answer, use.mode.extraction, guess=guess) if use else None

    def _answer_of(self, strand: Strand) -> str | None:
        """The final answer of a strand; that of its draft where a review has none in the form that is asked for."""
        for guess in (False, True):
            for written in (strand.live, *reversed(strand.past)):
                if found := self._found(written, guess=guess):
                    return found.text
        return None


def _text_of(found: Extracted | None) -> str:
    return found.text if found else ""


def _begun(prompt: RenderedPrompt, prefill: str = "") -> Written:
    """An answer to `prompt` of which nothing is written yet."""
    return Written(prefill, prompt.in_thinking, marks=prompt.marks)
