"""The same world as running text without turns, in a small part."""

from __future__ import annotations

from random import Random

from training.curriculum.documents import FILLER_EN, FILLER_ZH, fact
from training.curriculum.steps import problem
from training.curriculum.words import LEXICON
from training.sample import Sample, held_out


def running_text(rng: Random) -> Sample:
    """Write a few facts, a worked problem, or word pairs; parts of held-out instances are never used."""
    roll = rng.randrange(3)
    if roll == 0:
        chinese = rng.random() < 0.45
        facts = [fact(rng, chinese=chinese) for _ in range(rng.randint(1, 5))]
        parts = [made.told(rng) for made in facts if not held_out(made.key())]
        parts += [rng.choice(FILLER_ZH if chinese else FILLER_EN) for _ in range(rng.randint(0, 3))]
        rng.shuffle(parts)
        return Sample("core:text", text=("" if chinese else " ").join(parts))
    if roll == 1:
        shown = problem(rng)
        while held_out(shown.key):
            shown = problem(rng)
        return Sample("core:text", text=f"{shown.question}\n{shown.worked()}")
    return Sample("core:text", text="\n".join(f"{english} {chinese}" for english, chinese in rng.sample(LEXICON, 5)))
