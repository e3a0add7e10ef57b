"""The curriculum: one generator for each ability, and the mixture that training draws from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from training.curriculum.base_text import running_text
from training.curriculum.documents import reading, value_first
from training.curriculum.examples import in_context
from training.curriculum.instructions import instruction
from training.curriculum.lexicon import translation
from training.curriculum.lookups import lookup
from training.curriculum.notes import noting
from training.curriculum.steps import steps_sample
from training.curriculum.talk import SYSTEMS, conversation
from training.sample import Generator, Sample, Turn, draw

SKILLS: Mapping[str, Generator] = {
    "talk": conversation,
    "examples": in_context,
    "instructions": instruction,
    "steps": steps_sample,
    "documents": reading,
    "value first": value_first,
    "notes": noting,
    "lookups": lookup,
    "lexicon": translation,
    "text": running_text,
}

SHARES: Mapping[str, float] = {
    "talk": 13,
    "examples": 17,
    "instructions": 19,
    "steps": 12,
    "documents": 13,
    "value first": 15,
    "notes": 3,
    "lookups": 5,
    "lexicon": 2,
    "text": 1,
}
"""Share of samples, not of tokens: documents and examples are several times as long as the rest."""

SHORT_THOUGHTS = {
    "talk": "This is talk, no steps are needed.",
    "examples": "Follow the examples.",
    "instructions": "Do what is asked.",
    "documents": "Look in the text.",
    "value first": "Look in the text.",
    "notes": "Keep the facts.",
    "lookups": "Look in the text.",
    "lexicon": "One word.",
}
"""What native thinking says where there is nothing to work out."""


def mixture(rng: Random) -> Sample:
    """Draw one training sample."""
    skill = rng.choices(list(SHARES), list(SHARES.values()))[0]
    sample = draw(SKILLS[skill], rng, test=False)
    if skill in ("lexicon", "instructions") and rng.random() < 0.25:
        sample = replace(sample, turns=(Turn("system", rng.choice(SYSTEMS)), *sample.turns))
    if skill in SHORT_THOUGHTS and rng.random() < 0.1:
        sample = replace(sample, thinking=SHORT_THOUGHTS[skill])
    return sample
