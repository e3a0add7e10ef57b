"""A run that was never measured, whole: an experiment, its results, its figures. For pictures, pages and screens."""

from __future__ import annotations

import random
from types import MappingProxyType

from llmlab.domain.experiment import Arm, Axis, DataCard, Experiment, Item, ScorerUse
from llmlab.domain.model import ModelSpec
from llmlab.domain.outcomes import Extractor, Outcome, Scored, TrialResult
from llmlab.domain.recipe import Recipe
from llmlab.domain.summarising import summarise
from llmlab.services.run_folder import RunReport

NUMBER = ScorerUse(kind="number", name="number", counts="strict")
HOSTILE = (
    "</pre><script>alert('x')</script><img src=http://evil.example/x onerror=alert(1)>\x1b[31m\u202egnp\x00 "
    "& <b>bold</b> ]]> <!-- --> ```"
)
"""What a model may well write to break out of a page."""


def made_experiment(items: int = 12, ks: tuple[int, ...] = (0, 2, 4), *, twin: bool = True) -> Experiment:
    """Examples k times two kinds of labels, the first arm once more as noise floor."""
    recipe = Recipe(model=ModelSpec(name="pocket-m", path="/models/pocket-m.gguf"), system="Answer with a number.")
    questions = tuple(
        Item(id=f"sum-{number:02}", question=f"What is {number} + {number + 3}?", gold=(str(2 * number + 3),))
        for number in range(items)
    )
    arms = [
        Arm(name=f"shots.k={k}, shots.labels={labels}", settings={"shots.k": k, "shots.labels": labels}, recipe=recipe,
            items=questions)
        for k in ks for labels in ("gold", "wrong")
    ]  # fmt: skip
    if twin:
        first = arms[0]
        arms.append(
            Arm(
                name=f"{first.name} (again)",
                settings=first.settings,
                recipe=recipe,
                items=questions,
                twin_of=first.name,
            )
        )
    return Experiment(
        name="examples",
        title="Examples help",
        description="Sums with k examples, whose labels are right or wrong.",
        hypothesis="More examples, more right answers.",
        axes=(Axis("shots.k", ks), Axis("shots.labels", ("gold", "wrong"))),
        arms=tuple(arms),
        scorers=(NUMBER,),
        seed=7,
        resamples=500,
        data=DataCard(origin="arithmetic", arguments=MappingProxyType({"seed": 7}), rows=items, used=items),
        source="prompts/experiments/examples.toml",
    )


def made_results(experiment: Experiment, seed: int = 3) -> tuple[TrialResult, ...]:
    """One result a trial: better with more examples and with right labels; each outcome comes up."""
    draw = random.Random(seed)
    return tuple(
        made_result(arm, item, _outcome(arm, place, draw))
        for place, item in enumerate(experiment.arms[0].items)
        for arm in experiment.arms
    )


def _outcome(arm: Arm, place: int, draw: random.Random) -> Outcome:
    k = arm.settings["shots.k"]
    chance = 0.15 + (0.18 if arm.settings["shots.labels"] == "gold" else 0.03) * float(str(k))
    if draw.random() < chance:
        return "correct"
    return ("wrong", "wrong", "unparsed", "truncated", "abstained", "error")[(place + draw.randrange(2)) % 6]


def made_result(arm: Arm, item: Item, outcome: Outcome, *, answer: str | None = None) -> TrialResult:
    """A result with an answer in which the final answer stands where its scores say."""
    said = item.gold[0] if outcome == "correct" else "999"
    text = answer if answer is not None else f"Let me see: 12 is more than that.\nThe answer is {said}."
    at, other = text.rfind(said), text.find("12")
    found = outcome in ("correct", "wrong") and at >= 0

    def scored(extractor: Extractor) -> Scored:
        loose = outcome == "unparsed" and extractor == "flexible"
        span = (at, at + len(said)) if found else (other, other + 2) if loose and other >= 0 else (0, 0)
        return Scored(
            scorer="number", extractor=extractor, outcome="wrong" if loose else outcome,
            value=float(outcome == "correct"), found=said if found else "12" if loose else "",
            start=span[0], end=span[1],
            why="It is the number that is expected." if outcome == "correct" else "",
        )  # fmt: skip

    failed = outcome == "error"
    return TrialResult(
        id=f"{arm.name}|{item.id}", arm=arm.name, model=arm.recipe.model.name, item=item.id, cluster=item.id, repeat=0,
        seed=1, settings=arm.settings, question=item.question, gold=item.gold,
        prompt=f"<|system|>Answer with a number.<|user|>{item.question}<|assistant|>",
        answer="" if failed else text, finish="" if failed else "length" if outcome == "truncated" else "stop",
        scores=() if failed else (scored("strict"), scored("flexible")), prompt_tokens=30, generated_tokens=14,
        seconds=0.05, problem="The engine process ended by itself." if failed else "",
    )  # fmt: skip


def made_report(experiment: Experiment | None = None, results: tuple[TrialResult, ...] | None = None) -> RunReport:
    """The whole of it."""
    asked = experiment or made_experiment()
    measured = made_results(asked) if results is None else results
    return RunReport(
        experiment=asked,
        results=measured,
        summary=summarise(asked, measured),
        environment={
            "llmlab": "0.1.0", "cpu": "2 cores", "models": {"pocket-m": {"parameters": 8_000_000, "file": "ab12"}},
        },
        source='[experiment]\ntitle = "Examples help"\n',
    )  # fmt: skip
