"""The run that is looked at: its trials, judged in one way and filtered. Knows no widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from llmlab.domain.browsing import Judged, Key, Wanted, chosen, disagreements, outcomes_of, ways_to_judge
from llmlab.domain.experiment import OWN_SHOTS, Arm, Experiment
from llmlab.domain.outcomes import OUTCOMES, Outcome, TrialResult
from llmlab.services.run_folder import RunReport
from llmlab.tui.services import Going
from llmlab.words import say


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A run that is looked at: its results, judged in one way, and those of them that are wanted."""

    report: RunReport
    judged: Judged | None = None
    """`None` where nothing judges."""
    outcomes: tuple[Outcome, ...] = ()
    apart: frozenset[Key] = frozenset()
    wanted: Wanted = field(default_factory=Wanted)
    shown: tuple[int, ...] = ()
    """Places of the results that are wanted."""

    @classmethod
    def at(cls, report: RunReport, judged: Judged | None = None, wanted: Wanted | None = None) -> Looked:
        """Look at a run: by the way that counts where none is chosen."""
        ways = ways_to_judge(report.experiment)
        way = judged if judged in ways else next(iter(ways), None)
        if way is None:
            return cls(report=report, shown=tuple(range(len(report.results))))
        outcomes = outcomes_of(report.results, way)
        apart = disagreements(report.results, outcomes)
        found = chosen(report.results, outcomes, apart, wanted or Wanted())
        return cls(report=report, judged=way, outcomes=outcomes, apart=apart, wanted=wanted or Wanted(), shown=found)

    def again(self, wanted: Wanted) -> Looked:
        """The same run with other trials wanted."""
        if self.judged is None:
            return self
        found = chosen(self.report.results, self.outcomes, self.apart, wanted)
        return replace(self, wanted=wanted, shown=found)

    @property
    def results(self) -> Sequence[TrialResult]:
        """Everything that was measured."""
        return self.report.results

    @property
    def ways(self) -> tuple[Judged, ...]:
        """Every way to judge."""
        return ways_to_judge(self.report.experiment)

    def next_way(self) -> Judged | None:
        """The way to judge after this one."""
        ways = self.ways
        return ways[(ways.index(self.judged) + 1) % len(ways)] if self.judged in ways else None

    def next_outcome(self) -> Outcome | None:
        """The outcome after the wanted one, of those that there are; `None` is all of them."""
        seen = [outcome for outcome in OUTCOMES if outcome in set(self.outcomes)]
        order: list[Outcome | None] = [None, *seen]
        now = self.wanted.outcome
        return order[(order.index(now) + 1) % len(order)] if now in order else None

    def next_arm(self) -> str:
        """The arm after the wanted one; empty is all of them."""
        order = ["", *(arm.name for arm in self.report.experiment.arms)]
        now = self.wanted.arm
        return order[(order.index(now) + 1) % len(order)] if now in order else ""


def with_news(report: RunReport, news: Sequence[TrialResult]) -> RunReport:
    """A report with results that came meanwhile, each in place of an older one of the same trial."""
    if not news:
        return report
    known = {(result.arm, result.item, result.repeat): result for result in report.results}
    known.update({(result.arm, result.item, result.repeat): result for result in news})
    return replace(report, results=tuple(known.values()))


def going_with_arm(arm: Arm) -> Going:
    """What the chat goes on with from an arm: its recipe without what each of its questions brings along."""
    recipe, missing = arm.recipe, []
    if recipe.shots is not None and recipe.shots.set.name == OWN_SHOTS:
        recipe, missing = replace(recipe, shots=None), [say("examples")]
    if recipe.reading is not None and not recipe.reading.documents:
        recipe, missing = replace(recipe, reading=None), [*missing, say("document")]
    told = say(
        "Not in this recipe: {parts}. Each question of this arm brings its own; c on one of its trials takes them too.",
        parts=", ".join(missing),
    )
    return Going(recipe, remark=told if missing else "")


def going_with_run(experiment: Experiment) -> Going:
    """What the chat goes on with from a run: the recipe of the arm that others are compared with."""
    arm, count = experiment.baseline, len(experiment.arms)
    going = going_with_arm(arm)
    if count == 1:
        return going
    told = say("This is the recipe of the baseline, {arm}; the run has {count:,} arms.", arm=arm.name, count=count)
    return replace(going, remark=f"{told} {going.remark}".rstrip())
