"""What came of a trial: the answer, its outcome under each scorer, and what it cost."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, get_args

from llmlab.domain.fingerprint import fingerprint
from llmlab.domain.modes import Extraction
from llmlab.domain.scoring import ScoredText

Outcome = Literal["correct", "wrong", "unparsed", "truncated", "abstained", "error", "measured"]
"""What an answer is under a scorer. `unparsed`: no final answer was found; `truncated`: its room ended before it did;
`abstained`: it says that it does not know; `error`: there is no answer, or the scorer failed; `measured`: the scorer
gives a figure and knows no right and wrong."""

OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)

Extractor = Literal["strict", "flexible", ""]
"""How the final answer was taken out of the text; empty where a scorer reads the whole of it."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A text whose likelihood is asked."""

    text: str
    alone: bool = False
    """By itself, not after the prompt."""
    lead: str = ""
    """What of an answer stands between the prompt and the text; it is read, not measured."""

    @property
    def key(self) -> str:
        """By which `Answer.likelihoods` holds it: where it stands and what it says, hashed."""
        return fingerprint((self.text, self.alone, self.lead) if self.lead else (self.text, self.alone))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Everything that a scorer may look at."""

    text: str
    """What was said, without thinking."""
    thinking: str = ""
    extraction: Extraction | None = None
    """Where the final answer stands by the reasoning mode that was on; `None`: no mode was."""
    finish: str = "stop"
    """`stop`, `length` or `cancelled`."""
    problem: str = ""
    """Why there is no answer; empty when there is one."""
    samples: tuple[str, ...] = ()
    """Final answers of all votes, the shown one first; empty where one answer was drawn."""
    likelihoods: Mapping[str, ScoredText] = field(default_factory=lambda: MappingProxyType({}))
    """Of texts, by `Measurement.key`, for scorers that need `choices` or `likelihood`."""
    verdict: str = ""
    """What the judge wrote, for scorers that need `judge`."""

    def likelihood(self, asked: Measurement) -> ScoredText | None:
        """Of a text; `None` where it was not measured."""
        return self.likelihoods.get(asked.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One answer under one scorer and one extractor."""

    scorer: str
    extractor: Extractor = ""
    outcome: Outcome
    value: float | None = None
    """The figure: 1 or 0 for right and wrong, a share, a perplexity, an entropy; `None` where there is none."""
    found: str = ""
    """The final answer that was taken out."""
    start: int = 0
    """Where it stands in the answer, in characters; equal to `end` where it stands nowhere."""
    end: int = 0
    why: str = ""
    """One sentence for the reader."""

    @property
    def correct(self) -> bool:
        """It counts as right."""
        return self.outcome == "correct"


LONGEST_PROMPT: Final = 20_000
"""Characters of a prompt that stands in its line; a longer one stands in a file of its own, once in a run."""


def prompt_file_of(text: str) -> str:
    """The file of a long prompt within its run's folder, named by the SHA-256 of the text; empty for a short one."""
    if len(text) <= LONGEST_PROMPT:
        return ""
    return f"prompts/{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """One line of `results.jsonl`."""

    id: str
    """Of the trial: what the answer depends on, hashed."""
    arm: str
    model: str
    item: str
    cluster: str
    """Items that hang together; the item's own id where it stands alone."""
    repeat: int
    """From 0."""
    seed: int
    settings: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """What the arm varies, by axis."""
    question: str = ""
    gold: tuple[str, ...] = ()
    prompt: str = ""
    """The text that the model was given, as its template wrote it; empty where it stands in `prompt_file`."""
    prompt_file: str = ""
    """Where in the run's folder the prompt stands that is too long for a line; empty for any other."""
    prompt_characters: int = 0
    """Of the prompt, wherever it stands."""
    prompt_digest: str = ""
    """SHA-256 of the prompt's tokens."""
    answer: str = ""
    thinking: str = ""
    finish: str = ""
    """`stop`, `length` or `cancelled`; empty where there is no answer."""
    samples: tuple[str, ...] = ()
    """Final answers of all votes, the shown one first."""
    scores: tuple[Scored, ...] = ()
    prompt_tokens: int = 0
    reused_tokens: int = 0
    """Of these, tokens that were not read again."""
    generated_tokens: int = 0
    """Of all votes and stages, thinking among them."""
    seconds: float = 0.0
    """Of reading and writing; shares of a batch count in full."""
    cached: bool = False
    """Measured by an earlier run; its seconds are those of then."""
    problem: str = ""
    """Why there is no answer; empty when there is one."""

    @property
    def failed(self) -> bool:
        """There is no answer, or a scorer failed at it."""
        return bool(self.problem) or any(score.outcome == "error" for score in self.scores)

    def score(self, scorer: str, extractor: Extractor | None = None) -> Scored | None:
        """What a scorer says; without `extractor` its first."""
        fits = (one for one in self.scores if one.scorer == scorer and extractor in (None, one.extractor))
        return next(fits, None)
