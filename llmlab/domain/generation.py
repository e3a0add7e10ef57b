"""The stream of an answer: events, and their folding into a `Turn`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from llmlab.domain.tokens import TokenInfo

FinishReason = Literal["stop", "length", "cancelled"]
"""Why an answer ended: the model or a stop text ended it, its room ended, or it was cancelled."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer."""

    prompt: int = 0
    """Tokens of the whole prompt."""
    reused: int = 0
    """Of these, tokens whose state was already in the cache and that were not read again."""
    generated: int = 0


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one answer, measured in the engine process."""

    load_s: float = 0.0
    """Loading the model, when this answer had to wait for it."""
    prefill_s: float = 0.0
    """Reading the new part of the prompt."""
    first_token_s: float = 0.0
    """From request to the first token."""
    decode_s: float = 0.0
    """From the first token to the last."""
    tokens_per_s: float = 0.0
    """Decode speed: tokens after the first over `decode_s`; 0 when there were fewer than two."""
    drafted: int = 0
    """Tokens that speculative decoding guessed and the model checked."""
    accepted: int = 0
    """Of these, those that the model said."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The prompt is being read."""

    done: int
    """Tokens read so far, the reused ones among them."""
    total: int
    reused: int = 0
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """The next text of the answer, valid Unicode, as the model wrote it."""

    text: str
    tokens: int = 1
    """How many tokens this text took."""
    sample: int = 0
    info: tuple[TokenInfo, ...] = ()
    """Where it was asked: how likely each token was, the one that ended the answer included."""
    ids: tuple[int, ...] = ()
    """The tokens that the answer's text has come to the end of with this piece, and that no piece before had: a token
    in whose middle a character ends comes with the piece that completes the next one."""
    loose: bool = False
    """The text goes on behind these tokens."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Terminal: the answer ended."""

    reason: FinishReason
    usage: Usage = field(default_factory=Usage)
    timing: Timing = field(default_factory=Timing)
    sample: int = 0
    ids: tuple[int, ...] = ()
    """The tokens of the answer, without the one that ended it: a prompt that is the request's tokens and the first k of
    these goes on from there, or on another branch, and nothing is read again."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Terminal: the engine could not go on; what was said so far stands."""

    what: str
    where: str = ""
    hint: str = ""
    sample: int = 0


StreamEvent = Reading | Piece | Finished | Failed
"""What an engine yields for a request: `Reading` and `Piece`, then exactly one terminal event a sample."""

TurnState = Literal["waiting", "reading", "writing", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Turn:
    """An answer as far as it has come: the fold of its events."""

    state: TurnState = "waiting"
    raw: str = ""
    """Everything the model wrote, its thinking included."""
    read: int = 0
    """Prompt tokens read so far."""
    prompt: int = 0
    """Prompt tokens in all."""
    reused: int = 0
    generated: int = 0
    finish: FinishReason | None = None
    usage: Usage | None = None
    timing: Timing | None = None
    problem: Failed | None = None
    info: tuple[TokenInfo, ...] = ()
    """How likely each token was, where that was asked."""
    ids: tuple[int, ...] = ()
    """The tokens of the answer, as far as they are known; all of them once it finished."""
    loose: bool = False
    """Its text goes on behind `ids`, so that they cannot stand for it."""

    @property
    def ended(self) -> bool:
        """A terminal event has come."""
        return self.state in ("done", "failed")


def fold(turn: Turn, event: StreamEvent) -> Turn:
    """`turn` after `event`; what comes after the terminal event changes nothing."""
    if turn.ended:
        return turn
    match event:
        case Reading(done=done, total=total, reused=reused):
            return replace(turn, state="reading", read=done, prompt=total, reused=reused)
        case Piece(text=text, tokens=tokens, info=info, ids=ids):
            return replace(
                turn,
                state="writing",
                raw=turn.raw + text,
                generated=turn.generated + tokens,
                info=turn.info + info,
                ids=turn.ids + ids,
                loose=event.loose if ids else turn.loose or bool(text),
            )
        case Finished(reason=reason, usage=usage, timing=timing, ids=ids):
            generated = usage.generated
            ended = replace(turn, state="done", finish=reason, usage=usage, timing=timing, generated=generated)
            return replace(ended, ids=ids, loose=False)
        case Failed():
            return replace(turn, state="failed", problem=event)
