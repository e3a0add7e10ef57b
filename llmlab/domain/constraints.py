"""What an instruction asks of the form of an answer, as far as a program can check it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Constraint:
    """One thing that an answer has to keep to."""

    kind: str
    """A name of `KINDS`."""
    value: str = ""
    """A number or a text, by kind."""
