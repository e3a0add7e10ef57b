"""The bars of the family: what each model was built to show, and whether it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from training.score import Result, gain, wilson

Results = Mapping[str, Result]
"""The results of one model by the name of their cell."""

MODES = ("direct", "prompted", "native")


@dataclass(frozen=True, slots=True)
class Bar:
    """One line: a share (or a difference of two) against its bar."""

    name: str
    value: float
    low: float
    high: float
    items: int
    bar: str
    met: bool


def _share(name: str, results: list[Result], bar: float, *, most: bool = False) -> Bar:
    right, items = sum(result.right for result in results), sum(result.items for result in results)
    low, high = wilson(right, items)
    share = right / items
    sign = "<=" if most else ">="
    return Bar(name, share, low, high, items, f"{sign} {100 * bar:.0f} %", share <= bar if most else share >= bar)


def _gain(name: str, better: Result, base: Result, bar: float) -> Bar:
    value, low, high = gain(better, base)
    met = value >= bar and low > 0
    return Bar(name, value, low, high, better.items, f">= {100 * bar:.0f} points, interval above 0", met)


def _languages(results: Results) -> Iterator[Bar]:
    """Chinese against English, task by task."""
    for name, chinese in results.items():
        english = results.get(name.removesuffix("zh") + "en") if name.endswith(", zh") else None
        if english is None:
            continue
        value = chinese.share - english.share
        spread = 1.959964 * sum(part.share * (1 - part.share) / part.items for part in (chinese, english)) ** 0.5
        task = name.removesuffix(", zh")
        low, high = value - spread, value + spread
        yield Bar(
            f"Chinese minus English: {task}", value, low, high, chinese.items, "within 10 points", abs(value) <= 0.1
        )


def bars(results: Results) -> list[Bar]:
    """List the bars of one model, in the order of the design."""

    def both(name: str) -> list[Result]:
        return [results[f"{name}, en"], results[f"{name}, zh"]]

    table = [
        _share("examples, 0-shot", [results["examples, 0-shot"]], 0.20, most=True),
        _share("examples, 1-shot", [results["examples, 1-shot"]], 0.85),
        _share("examples, 4-shot", [results["examples, 4-shot"]], 0.95),
        _share("word problems, 4 steps, direct", both("word problems, 4 steps, direct"), 0.25, most=True),
    ]
    table += [_share(name, both(name), 0.95) for name in (f"word problems, 4 steps, {mode}" for mode in MODES[1:])]
    nine, one = (results[f"word problems, 5-6 steps, {count} at 0.8"] for count in ("9 samples", "1 sample"))
    far = results["document, 1300-1900 tokens, YaRN x2"]
    table += [
        _gain("self-consistency: 9 samples against 1 at 0.8", nine, one, 0.05),
        _share("document, 500-900 tokens", [results["document, 500-900 tokens, grounded"]], 0.95),
        _share("absent fact refused, grounded", [results["absent fact refused, grounded"]], 0.95),
        _share("absent fact refused, plain", [results["absent fact refused, plain"]], 0.10, most=True),
        *_languages(results),
        _share("instructions, held-out verb pairs", [results["instructions, held-out verb pairs"]], 0.80),
        _gain(
            "past the trained context with YaRN against without",
            far,
            results["document, 1300-1900 tokens, as trained"],
            0.20,
        ),
    ]
    return table


def size_bars(family: Mapping[str, Results]) -> list[Bar]:
    """List the bars that compare the models with each other, as far as those models are there."""
    table: list[Bar] = []
    steps = "word problems, 4 steps, prompted"
    for model, bar, most in (("pocket-s", 0.15, True), ("pocket-l", 0.95, False)):
        if model in family:
            results = [family[model][f"{steps}, en"], family[model][f"{steps}, zh"]]
            table.append(_share(f"{model}: {steps}", results, bar, most=most))
    if "pocket-l-base" in family:
        pairs = family["pocket-l-base"]["instructions, held-out verb pairs"]
        table.append(_share("pocket-l-base: instructions, held-out verb pairs", [pairs], 0.15, most=True))
    return table


def print_bars(title: str, table: list[Bar]) -> None:
    """Print bars as Markdown."""
    print(f"\n{title}\n\n| what | measured | 95 % interval | items | bar | met |\n|---|---|---|---|---|---|")
    for bar in table:
        interval, met = f"{100 * bar.low:.1f} - {100 * bar.high:.1f}", "yes" if bar.met else "no"
        print(f"| {bar.name} | {100 * bar.value:.1f} | {interval} | {bar.items} | {bar.bar} | {met} |")
