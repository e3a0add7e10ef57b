"""Every generator by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llmlab.domain.generators.base import Generator
from llmlab.domain.generators.instructions import CONSTRAINTS, INSTRUCTIONS
from llmlab.domain.generators.languages import TRANSLATION
from llmlab.domain.generators.problems import ARITHMETIC, CAGE, LAST_LETTERS, TWO_HOP, WORD_PROBLEMS
from llmlab.domain.generators.rules import RULES
from llmlab.domain.generators.texts import FACTS, NEEDLE

GENERATORS: Final[Mapping[str, Generator]] = {
    one.name: one
    for one in (
        WORD_PROBLEMS, LAST_LETTERS, TWO_HOP, CAGE, ARITHMETIC, RULES, TRANSLATION, NEEDLE, FACTS, INSTRUCTIONS,
        CONSTRAINTS,
    )
}  # fmt: skip
"""By the word after `generator =`."""
