"""Biases of tokens: the notation in which a person makes tokens likelier or less likely, `" yes"=-5, 123=2.5`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from llmlab.domain.terminal import encodable, visible_line
from llmlab.words import say

EXAMPLE: Final = '" yes"=-5, 123=2.5'
"""The notation, in short."""
MOST: Final = 1_000.0
"""The largest bias, up or down; the logits of models lie far within it."""
_SHOWN: Final = 24
"""Characters that are told of what cannot be read."""

_TEXT: Final = json.JSONDecoder(strict=False)
_ID: Final = re.compile("[0-9]{1,9}")
_AMOUNT: Final = re.compile(r"\s*=\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*(?:,\s*|\Z)")


@dataclass(frozen=True, slots=True)
class Bias:
    """What is done to a token, or to the tokens of a text."""

    token: str | int
    """A text, each token of which is meant, or the id of one token."""
    amount: float
    """What is added to the logit, before all samplers."""


def parse_biases(text: str) -> tuple[Bias, ...]:
    """The biases that `text` holds: with commas between them, a text as JSON writes it or an id, `=`, a number.

    Raises:
        ValueError: it holds something else; the message says what is allowed.
    """
    found: list[Bias] = []
    text, at = text.strip(), 0
    while at < len(text):
        token, behind = _token(text, at)
        written = _AMOUNT.match(text, behind)
        if written is None:
            raise _unread(text[at:])
        amount = float(written[1])
        if abs(amount) > MOST:
            given = written[1][:_SHOWN]
            raise ValueError(say("{given} is no bias from {low:g} to {high:g}", given=given, low=-MOST, high=MOST))
        found.append(Bias(token, amount))
        at = written.end()
    return tuple(found)


def written_biases(biases: Iterable[Bias]) -> str:
    """`biases` in the notation, on one line of printable characters."""
    return ", ".join(f"{_written(bias.token)}={repr(bias.amount).removesuffix('.0')}" for bias in biases)


def check_ids(biases: Iterable[Bias], size: int) -> None:
    """That a vocabulary of `size` tokens has every id that is named.

    Raises:
        ValueError: one is beyond it; the message tells the size.
    """
    for bias in biases:
        if isinstance(bias.token, int) and bias.token >= size:
            raise ValueError(
                say(
                    "there is no token {token}: the vocabulary of the model has {size:,}, from 0 to {last:,}",
                    token=bias.token,
                    size=size,
                    last=size - 1,
                )
            )


def names_ids(biases: Iterable[Bias]) -> bool:
    """Whether it depends on the model that there are such tokens."""
    return any(isinstance(bias.token, int) for bias in biases)


def _token(text: str, at: int) -> tuple[str | int, int]:
    """The token that is written at `at`, and where it ends."""
    number = _ID.match(text, at)
    if number is not None:
        return int(number[0]), number.end()
    if text[at] != '"':
        raise _unread(text[at:])
    try:
        token, behind = _TEXT.raw_decode(text, at)
    except ValueError:
        raise _unread(text[at:]) from None
    if not token:
        raise ValueError(say("a text of no characters has no tokens"))
    return encodable(str(token)), behind


def _unread(rest: str) -> ValueError:
    given = visible_line(rest[:_SHOWN]) + ("…" if len(rest) > _SHOWN else "")
    return ValueError(
        say(
            "{given} is no bias: a text in double quotes or a token's id, then = and a number, as in {example}",
            given=given,
            example=EXAMPLE,
        )
    )


def _written(token: str | int) -> str:
    if isinstance(token, int):
        return str(token)
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in json.dumps(token, ensure_ascii=False))
