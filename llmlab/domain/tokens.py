"""How likely the tokens of a text were: what an engine measures for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MOST_LIKELY: Final = 100
"""Alternatives that may be asked for at most."""
IMPOSSIBLE: Final = -9999.0
"""Log-probability that stands for none at all; JSON has no infinity."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """A token that could have come."""

    token: int
    """Its id in the model's vocabulary."""
    text: str
    """What it stands for; part of a character is U+FFFD, a control token is written out."""
    logprob: float
    """Natural logarithm of its probability, `IMPOSSIBLE` at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenScore:
    """One token of a text, as the model saw it coming, before any sampler."""

    token: int
    text: str
    logprob: float
    rank: int
    """1 is the likeliest token of all."""
    entropy: float
    """Of the model's whole distribution at this place, in nats."""
    top: tuple[Alternative, ...] = ()
    """The likeliest tokens, as many as were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo(TokenScore):
    """One token that was drawn: what the model thought of it, and what the samplers made of that."""

    final_logprob: float = 0.0
    """After the samplers: of the distribution from which it was drawn; 0 where the likeliest is always taken."""
    final_top: tuple[Alternative, ...] = ()
    """The likeliest tokens after the samplers; fewer where they left fewer."""
