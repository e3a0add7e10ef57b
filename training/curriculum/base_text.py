"""The same world as running text without turns: what a base model reads, and a small part of the mixture."""

from __future__ import annotations

from random import Random

from training.curriculum.examples import any_rule, lines_of
from training.curriculum.facts import FILLER_EN, FILLER_ZH, fact
from training.curriculum.steps import problem
from training.curriculum.talk import table
from training.curriculum.words import LEXICON
from training.sample import Sample, held_out


def _report(rng: Random) -> str:
    """A few facts among other sentences; some end in a question that is answered."""
    chinese = rng.random() < 0.45
    facts = [fact(rng, chinese=chinese) for _ in range(rng.randint(1, 6))]
    facts = [made for made in facts if not held_out(made.key())]
    parts = [made.told(rng) for made in facts]
    parts += [rng.choice(FILLER_ZH if chinese else FILLER_EN) for _ in range(rng.randint(0 if parts else 1, 3))]
    rng.shuffle(parts)
    text = ("" if chinese else " ").join(parts)
    if facts and rng.random() < 0.5:
        asked = rng.choice(facts)
        text += f"\n{asked.question(rng)} {asked.answer()}{'。' if chinese else '.'}"
    return text


def _worked(rng: Random) -> str:
    """A problem and its steps."""
    shown = problem(rng)
    while held_out(shown.key):
        shown = problem(rng)
    return f"{shown.question}\n{shown.worked()}"


def _pairs(rng: Random) -> str:
    """Words and their translation."""
    return "\n".join(f"{english} {chinese}" for english, chinese in rng.sample(LEXICON, 5))


def _rule(rng: Random) -> str:
    """Lines that follow a rule."""
    return lines_of(rng, any_rule(rng), rng.randint(3, 8))


def _entry(rng: Random) -> str:
    """A sentence of the glossary."""
    term = rng.choice(table("glossary"))
    said: str = rng.choice((term["say_en"], term["say_zh"]))
    return said


def running_text(rng: Random) -> Sample:
    """Write one passage; parts of held-out instances are never used."""
    made = rng.choices((_report, _worked, _rule, _pairs, _entry), (4, 4, 5, 1, 1))[0](rng)
    return Sample("core:text", text=made)
