"""Varied wordings: patterns with choices, and the slips of people who type fast."""

from __future__ import annotations

import re
from random import Random

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
ENGLISH_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def expand(rng: Random, pattern: str) -> str:
    """Choose inside every `[a|b|]` of a pattern, innermost first, and tidy the blanks."""
    while True:
        found = _CHOICE.search(pattern)
        if found is None:
            return re.sub(r"\s+([,.?!])", r"\1", re.sub(r"[ \t]+", " ", pattern)).strip()
        pattern = pattern[: found.start()] + rng.choice(found[1].split("|")) + pattern[found.end() :]


def typo(rng: Random, text: str) -> str:
    """Make one slip: drop, double, swap or replace a letter."""
    spots = [at for at, letter in enumerate(text) if letter.isascii() and letter.isalpha()]
    if len(spots) < 4:
        return text
    at = rng.choice(spots[1:-1])
    slip = rng.randrange(4)
    if slip == 0:
        return text[:at] + text[at + 1 :]
    if slip == 1:
        return text[:at] + text[at] + text[at:]
    if slip == 2:
        return text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :]
    return text[:at] + rng.choice(ENGLISH_LETTERS) + text[at + 1 :]


def sloppy(rng: Random, text: str) -> str:
    """Vary casing, punctuation and spelling the way people do."""
    roll = rng.random()
    if roll < 0.35:
        text = text.lower()
    elif roll < 0.39:
        text = text.upper()
    elif roll < 0.75:
        text = text[:1].upper() + text[1:]
    roll = rng.random()
    if roll < 0.3:
        text = text.rstrip("?.!？。！")
    elif roll < 0.36:
        text += rng.choice(("!", "?", "??", "...", " :)", "！", "？", "~"))
    if rng.random() < 0.12:
        text = typo(rng, text)
    return text


def plain_key(text: str) -> str:
    """Reduce a wording to its letters and digits, so that casing and punctuation make no new instance."""
    return "".join(letter for letter in text.lower() if letter.isalnum())
