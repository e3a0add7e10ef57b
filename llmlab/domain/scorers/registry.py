"""Every kind of scorer by name, and what each makes of the options of an experiment file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from llmlab.domain.experiment import ScorerUse
from llmlab.domain.scorers.base import Need, Scorer
from llmlab.domain.scorers.forms import Instructions, Schema
from llmlab.domain.scorers.honesty import Abstention, Agreement
from llmlab.domain.scorers.judge import Judge
from llmlab.domain.scorers.likelihood import LikeliestChoice, Likelihood
from llmlab.domain.scorers.overlap import Overlap
from llmlab.domain.scorers.own import Function, Own
from llmlab.domain.scorers.quotes import Quotes
from llmlab.domain.scorers.texts import F1, Choice, Contains, Exact, Number, Pattern
from llmlab.domain.statistics import Unit

Asks = Literal["gold", "choices", "constraints", "document"]
"""What items must bring."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of scorer."""

    make: Callable[..., Scorer]
    """Takes `name` and the options as keywords."""
    asks: tuple[Asks, ...] = ()
    needs: Need = ""
    twice: bool = False
    """Reads an answer strictly and flexibly."""
    graded: bool = False
    """Its figure is a mean of values."""
    unit: Unit = "share"
    """Of its figure, by itself; options may ask for another, see `unit_of`."""
    package: str = ""
    """An optional package that must be installed."""


KINDS: Final[Mapping[str, Kind]] = {
    "exact": Kind(Exact, ("gold",), twice=True),
    "number": Kind(Number, ("gold",), twice=True),
    "choice": Kind(Choice, ("gold", "choices"), twice=True),
    "choice_logprob": Kind(LikeliestChoice, ("gold", "choices"), "choices"),
    "contains": Kind(Contains, ("gold",)),
    "regex": Kind(Pattern),
    "f1": Kind(F1, ("gold",), twice=True, graded=True),
    "chrf": Kind(lambda **options: Overlap("chrf", **options), ("gold",), graded=True, package="sacrebleu"),
    "bleu": Kind(lambda **options: Overlap("bleu", **options), ("gold",), graded=True, package="sacrebleu"),
    "json_schema": Kind(Schema, twice=True, package="jsonschema"),
    "constraints": Kind(Instructions, ("constraints",), twice=True),
    "quotes": Kind(Quotes, ("document",), graded=True),
    "abstention": Kind(Abstention),
    "agreement": Kind(Agreement, graded=True),
    "perplexity": Kind(Likelihood, needs="likelihood", graded=True, unit="value"),
    "judge": Kind(Judge, needs="judge"),
}
"""By the word after `kind =`."""


def make_scorer(use: ScorerUse, own: Mapping[str, Function]) -> Scorer:
    """The scorer that a table of an experiment asks for.

    Args:
        use: checked: the kind is known and its options fit.
        own: scorers from entry points, by name.
    """
    options: dict[str, Any] = dict(use.options)
    if use.kind in KINDS:
        return KINDS[use.kind].make(name=use.name, **options)
    return Own(own[use.kind], use.name, use.options)


def lower_is_better(use: ScorerUse) -> bool:
    """Of its figure: surprise and disorder are better low."""
    figure = use.options.get("figure")
    if use.kind == "perplexity":
        return figure in (None, "perplexity", "bits_per_byte")
    return use.kind == "agreement" and figure == "entropy"


def unit_of(use: ScorerUse) -> Unit:
    """Of its figure: right answers, F1, chrF and agreement are shares; perplexity, entropy, points of a judge are none.

    What a graded scorer of another package measures is not known, so it is told as it stands.
    """
    if not use.graded:
        return "share"
    if use.kind not in KINDS or use.kind == "judge" or use.options.get("figure") == "entropy":
        return "value"
    return KINDS[use.kind].unit
