"""What is known of an answer while it is written: its text, the tokens it goes on from, and the answers before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from llmlab.domain.generation import FinishReason, Timing, Turn, Usage
from llmlab.domain.prompting import ChatMessage, PromptOptions
from llmlab.domain.reasoning import THINK, Marks, Split, split_thinking
from llmlab.domain.tokens import TokenInfo


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in an answer so far."""

    prefill: str = ""
    """What it began with."""
    in_thinking: bool = False
    """Its prompt ended inside a thinking block."""
    raw: str = ""
    """Everything after `prefill`, thinking and cues included."""
    ended: bool = False
    """Nothing more will come."""
    marks: Marks = THINK
    """How its model fences its thinking."""

    @property
    def split(self) -> Split:
        """Thinking and answer, the prefill left out."""
        return split_thinking(self.raw, in_thinking=self.in_thinking, ended=self.ended, marks=self.marks)

    @property
    def thinks(self) -> bool:
        """It stands inside its thinking."""
        return self.split.open

    @property
    def closing(self) -> str:
        """What closes the thinking that it stands in; empty elsewhere."""
        # A family with words of its own there wants no blank line.
        end = self.marks.end + ("" if self.marks.bridge else "\n\n")
        return f"\n{end}" if self.thinks else ""

    @property
    def thinking(self) -> str:
        """The thinking, if any."""
        return self.split.thinking

    @property
    def answer(self) -> str:
        """What is said, its beginning included."""
        return self.prefill + self.split.answer


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer stands."""

    messages: tuple[ChatMessage, ...] = ()
    """What it answers."""
    options: PromptOptions = field(default_factory=PromptOptions)
    """How the prompt of these ends."""


class Strand:
    """One of the answers that are drawn together, from its first stage to its last."""

    def __init__(self, index: int, place: Place, tokens: tuple[int, ...], written: Written) -> None:
        """An answer that has not begun.

        Args:
            index: which one it is.
            place: where it stands.
            tokens: the prompt that it goes on from.
            written: how it begins.
        """
        self.index = index
        self.place = place
        self.tokens = tokens
        self.written = written
        self.past: list[Written] = []
        """Its answers of earlier stages that a question followed."""
        self._places: list[Place] = []
        """Where these stand."""
        self.ids: tuple[int, ...] | None = ()
        """Tokens that it wrote after `tokens`; `None` where text and tokens may differ."""
        self.finish: FinishReason | None = None
        """Why it ended; `None` before it did, and when it failed."""
        self.generated = 0
        """Tokens drawn in this stage."""
        self.budgeted = False
        """The budget of its thinking was looked at in this stage."""
        self.cut = False
        """The budget of its thinking was used up."""
        self.info: tuple[TokenInfo, ...] = ()
        self.turn: Turn | None = None
        """The part of it that is being drawn."""

    @property
    def live(self) -> Written:
        """What stands in it, with the part that is being drawn."""
        if self.turn is None:
            return self.written
        return replace(self.written, raw=self.written.raw + self.turn.raw, ended=self.turn.ended)

    @property
    def trail(self) -> tuple[int, ...]:
        """Prompt and all that was written after it; empty where that does not stand for its text."""
        return () if self.ids is None else (*self.tokens, *self.ids)

    @property
    def done(self) -> bool:
        """The model ended it, or its room did; neither a person nor a failure."""
        return (self.turn.finish if self.turn else self.finish) in ("stop", "length")

    def take(self, *, own_stops: bool) -> None:
        """The part that was being drawn has ended.

        Args:
            own_stops: texts that end an answer are set; its tokens then hold them, its text does not.
        """
        turn = self.turn or Turn()
        self.written = self.live
        self.turn = None
        self.finish = turn.finish
        self.generated += turn.generated
        self.info += turn.info
        hidden = own_stops and turn.finish == "stop"
        # What was cut short while it came has tokens up to a character's end, or none that stand for its text.
        known = not turn.loose if turn.finish == "cancelled" else len(turn.ids) == turn.generated
        self.ids = turn.ids if known and not hidden else None

    def go_on(self, tokens: tuple[int, ...], written: Written) -> None:
        """It goes on in the same answer, from `tokens`."""
        self.tokens, self.written = tokens, replace(written, ended=False)
        self.ids, self.finish = (), None

    def ask_again(self, place: Place, tokens: tuple[int, ...], written: Written) -> None:
        """Its answer becomes a draft, and another one begins."""
        self.past.append(self.written)
        self._places.append(self.place)
        self.place, self.tokens, self.written = place, tokens, written
        self.ids, self.finish = (), None
        self.generated, self.budgeted = 0, False

    def fall_back(self) -> None:
        """Where a later stage said nothing, its draft is the answer."""
        if self.past and not self.written.answer.strip():
            self.written, self.place, self.ids = self.past.pop(), self._places.pop(), None
            self.finish = self.finish or "cancelled"


def added_usage(before: Usage, turns: Sequence[Turn]) -> Usage:
    """The tokens of answers that ran together, added to those before."""
    usages = [turn.usage or Usage(turn.prompt, turn.reused, turn.generated) for turn in turns]
    return Usage(
        before.prompt + sum(usage.prompt for usage in usages),
        before.reused + sum(usage.reused for usage in usages),
        before.generated + sum(usage.generated for usage in usages),
    )


def added_timing(before: Timing, turns: Sequence[Turn]) -> Timing:
    """The seconds of answers that ran together, those of the longest, added to those before."""
    timings = [turn.timing for turn in turns if turn.timing] or [Timing()]
    decode_s = before.decode_s + max(timing.decode_s for timing in timings)
    drawn = before.tokens_per_s * before.decode_s + sum(timing.tokens_per_s * timing.decode_s for timing in timings)
    return Timing(
        prefill_s=before.prefill_s + max(timing.prefill_s for timing in timings),
        first_token_s=before.first_token_s or timings[0].first_token_s,
        decode_s=decode_s,
        tokens_per_s=drawn / decode_s if decode_s else 0.0,
        drafted=before.drafted + sum(timing.drafted for timing in timings),
        accepted=before.accepted + sum(timing.accepted for timing in timings),
    )
