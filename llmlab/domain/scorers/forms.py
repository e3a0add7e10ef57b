"""Scorers that look at the form of an answer: constraints of an instruction, a JSON schema."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from llmlab.domain.constraints import holds, loosened
from llmlab.domain.experiment import Item
from llmlab.domain.extraction import extract
from llmlab.domain.modes import Extraction
from llmlab.domain.outcomes import Answer, Extractor, Scored
from llmlab.domain.scorers.base import Need, cut_off, right_or_wrong
from llmlab.words import say

_JSON: Final = Extraction("json")


@dataclass(frozen=True, slots=True)
class Instructions:
    """The answer keeps to every constraint of its item (IFEval, Zhou et al. 2023, prompt level).

    Strict reads it as it stands; flexible leaves out its first line, its last one, or both, with and without asterisks,
    and takes what keeps to most.
    """

    name: str = "constraints"
    needs: Need = ""

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """Under both readings."""
        return (
            self._read(item, answer, "strict", [answer.text]),
            self._read(item, answer, "flexible", [*loosened(answer.text)]),
        )

    def _read(self, item: Item, answer: Answer, extractor: Extractor, texts: list[str]) -> Scored:
        broken = min(([str(one) for one in item.constraints if not holds(one, text)] for text in texts), key=len)
        if not broken:
            return right_or_wrong(self, True, say("It keeps to everything that was asked."), extractor)
        return cut_off(self, answer, extractor) or right_or_wrong(
            self, False, say("It does not keep to: {constraints}", constraints=", ".join(broken)), extractor
        )


@dataclass(frozen=True, slots=True)
class Schema:
    """The answer is JSON that a schema accepts; checked by the library jsonschema.

    Strict takes an answer that is JSON or holds it as a fenced block; flexible the last object or list in it.
    """

    schema: str
    """JSON."""
    name: str = "json_schema"
    needs: Need = ""

    def score(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """Under both readings."""
        return self._read(answer, "strict"), self._read(answer, "flexible")

    def _read(self, answer: Answer, extractor: Extractor) -> Scored:
        # An optional package, imported when something has to be checked by it.
        import jsonschema

        found = extract(answer.text, _JSON, flexible=extractor == "flexible")
        if found is None:
            why = say("There is no JSON in it.")
            return cut_off(self, answer, extractor) or Scored(
                scorer=self.name, extractor=extractor, outcome="unparsed", value=0.0, why=why
            )
        validator = jsonschema.validators.validator_for(schema := json.loads(self.schema))(schema)
        error = jsonschema.exceptions.best_match(validator.iter_errors(json.loads(found.text)))
        place = f"{error.json_path}: {error.message}" if error else ""
        return Scored(
            scorer=self.name,
            extractor=extractor,
            outcome="wrong" if error else "correct",
            value=0.0 if error else 1.0,
            found=found.text,
            start=found.start,
            end=found.end,
            why=say("The schema does not accept it: {reason}", reason=place)
            if error
            else say("The schema accepts it."),
        )
