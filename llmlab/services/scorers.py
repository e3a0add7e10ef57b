"""The scorers of one experiment, as a run uses them: what they must be told, and what they say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from llmlab.domain.experiment import Item
from llmlab.domain.outcomes import Answer, Measurement, Scored
from llmlab.domain.scorers.base import Need, Scorer, failure, judged
from llmlab.domain.scorers.forms import Instructions, Schema
from llmlab.domain.scorers.judge import Judge
from llmlab.domain.scorers.likelihood import LikeliestChoice, Likelihood
from llmlab.domain.scorers.own import Own
from llmlab.domain.scorers.texts import Pattern
from llmlab.services.scoring_process import ScoringProcess
from llmlab.words import say


class Scoring:
    """Every scorer of an experiment over one answer; the first one decides.

    Those that run a person's code or patterns do so in a process of their own, since they may never end.

    Args:
        scorers: in the order of the file.
        places: file and line of a scorer's table, by its name.
    """

    def __init__(self, scorers: Sequence[Scorer], places: Mapping[str, str] = MappingProxyType({})) -> None:
        self._scorers = tuple(scorers)
        self._places = places
        self._process = ScoringProcess(self._scorers, places)
        self.needs: frozenset[Need] = frozenset(scorer.needs for scorer in self._scorers)

    def __call__(self, item: Item, answer: Answer) -> tuple[Scored, ...]:
        """What all of them say; blocks, and never raises."""
        return tuple(scored for scorer in self._scorers for scored in self._said(scorer, item, answer))

    def again(self, item: Item, answer: Answer, scores: Sequence[Scored]) -> tuple[Scored, ...]:
        """What those say that failed or said nothing before, beside what the others said in `scores`; blocks."""
        found: list[Scored] = []
        for scorer in self._scorers:
            before = [score for score in scores if score.scorer == scorer.name]
            sound = before and not any(score.outcome == "error" for score in before)
            # Of an answer that a judge failed at there is nothing to be scored.
            waits = isinstance(scorer, Judge) and not answer.verdict
            said = before if sound or waits else self._said(scorer, item, answer)
            found += before if before and self._process.given_up else said
        return tuple(found)

    def unscored(self) -> tuple[Scored, ...]:
        """What stands for the scores of an answer that is kept before they come."""
        waiting = (scorer for scorer in self._scorers if not isinstance(scorer, Judge))
        reason = say("it has not come to this answer yet")
        return tuple(failure(scorer.name, reason, self._places.get(scorer.name, "")) for scorer in waiting)

    def give_up(self) -> None:
        """End whatever is being scored, and fail at what comes, until `close`; from any thread."""
        self._process.give_up()

    def close(self) -> None:
        """End the process of scorers; it is started anew when it is needed."""
        self._process.close()

    def _said(self, scorer: Scorer, item: Item, answer: Answer) -> tuple[Scored, ...]:
        if isinstance(scorer, Judge) and not answer.verdict and not answer.problem:
            return ()  # It is asked once all have answered; until then nothing has failed.
        if _may_hang(scorer, item) and not answer.problem:
            return self._process.score(scorer, item, answer)
        return judged(scorer, item, answer, self._places.get(scorer.name, ""))

    @property
    def reads(self) -> bool:
        """One of them looks at what the model writes."""
        after = any(isinstance(scorer, Likelihood) and scorer.after == "answer" for scorer in self._scorers)
        return after or bool(self.needs & {"", "judge"})

    @property
    def judge(self) -> Judge | None:
        """The scorer that asks another model."""
        return next((scorer for scorer in self._scorers if isinstance(scorer, Judge)), None)

    def measurements(self, item: Item, answer: Answer) -> tuple[Measurement, ...]:
        """Every text whose likelihood is to be measured for an item and what was answered to it."""
        asking = (scorer for scorer in self._scorers if isinstance(scorer, Likelihood | LikeliestChoice))
        return tuple(dict.fromkeys(asked for scorer in asking for asked in scorer.measurements(item, answer)))

    def satisfied(self, item: Item, answer: Answer) -> bool:
        """`answer`, of an earlier run, holds everything that the scorers look at; a judge is asked afterwards."""
        if self.reads and not answer.text and not answer.finish:
            return False
        return all(answer.likelihood(asked) is not None for asked in self.measurements(item, answer))


def _may_hang(scorer: Scorer, item: Item) -> bool:
    """It runs a person's code, or a person's pattern, which backtracks for ever on some texts."""
    if isinstance(scorer, Instructions):
        return any(one.kind == "matches" for one in item.constraints)
    return isinstance(scorer, Own | Pattern | Schema)
