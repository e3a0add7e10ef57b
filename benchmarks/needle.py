"""One fact in a long text: found by depth and length, inside the trained window and beyond it, by way of reading.

    python -m benchmarks.needle [--model NAME] [--items 4] [--lengths 256 512 900] [--beyond 1536 2048 3072] [--quick]

Inside the trained window the text is read whole. Beyond it four ways meet the same texts and questions: `plain` (a
longer window and nothing else), `yarn` and `linear` (stretched), and `auto`, which says which way it took. Texts are
invented facts among filler sentences, half of them Chinese; an answer is right when it holds the value. Lengths are
tokens of the text.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from llmlab import wiring
from llmlab.domain.document import Document, digest_of
from llmlab.domain.model import ModelSpec
from llmlab.domain.reading import ReadingUse, Stretching, WishedWay
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.paths import Paths
from llmlab.services.ask import ask
from llmlab.services.host import EngineHost
from llmlab.services.preview import Preparing
from llmlab.services.reading import Reader, ref_of
from training.curriculum.facts import FILLER_EN, FILLER_ZH, Fact, fact

DEPTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
INSIDE_GOAL = 0.95
GAIN_GOAL = 0.20
OTHERS = 3
"""Facts about other places that lie in the same text."""
FACT = 20
"""Tokens that a fact takes, about."""
ANSWER = 32


@dataclass(frozen=True)
class Arm:
    """One way to read."""

    name: str
    way: WishedWay
    stretching: Stretching = "yarn"
    raised: bool = False
    """The window is made longer, and positions are left as they are."""


WHOLE = Arm("whole", "whole")
PLAIN, YARN, LINEAR = Arm("plain", "whole", raised=True), Arm("yarn", "stretched"), Arm("linear", "stretched", "linear")
AUTO = Arm("auto", "auto")


@dataclass(frozen=True)
class Item:
    """A text that holds the fact, and how it is asked for."""

    document: Document
    question: str
    value: str
    told: str
    """The sentence that tells it."""


@dataclass(frozen=True)
class Found:
    """What came of asking."""

    right: bool
    shown: bool
    """The prompt held the sentence."""
    way: str


@dataclass
class Bench:
    """What answers."""

    host: EngineHost
    reader: Reader
    preparing: Preparing
    spec: ModelSpec
    texts: dict[str, Document]
    sizes: dict[str, int]
    """Tokens of each sentence of filler."""

    async def asked(self, arm: Arm, item: Item, length: int) -> Found:
        """What came of asking for the fact."""
        self.texts[item.document.digest] = item.document
        # What surrounds the text takes some tokens as well.
        spec = replace(self.spec, n_ctx=-(-(length * 5 // 4 + 256) // 256) * 256) if arm.raised else self.spec
        recipe = Recipe(
            model=spec,
            thinking=False,
            sampling=Sampling(temperature=0.0, seed=1, max_tokens=ANSWER),
            reading=ReadingUse(documents=(ref_of(item.document),), way=arm.way, stretching=arm.stretching),
        )
        answers = ask(self.host, self.preparing, recipe, item.question, asyncio.Event())
        async with aclosing(answers):
            last = [said async for said in answers][-1].message
        told = last.origin.reading if last.origin else None
        assert told is not None
        at = item.document.text.index(item.told)
        shown = any(start <= at < end for start, end in told.coverage[0].stretches)
        return Found(item.value.lower() in last.text.lower(), shown, told.way)

    def items(self, length: int, depth: float, count: int) -> Iterator[Item]:
        """`count` texts of about `length` tokens, the fact at `depth`; the same ones for each arm."""
        for number in range(count):
            rng = random.Random(f"{length}|{depth}|{number}")
            chinese = number % 2 == 1
            needle, *others = _facts(rng, 1 + OTHERS, chinese=chinese)
            pool, gap = (FILLER_ZH, "") if chinese else (FILLER_EN, " ")
            sentences: list[str] = [other.told(rng) for other in others]
            written = FACT * (1 + OTHERS)
            while written < length:
                sentences.append(rng.choice(pool))
                written += self.sizes[sentences[-1]]
            rng.shuffle(sentences)
            told = needle.told(rng)
            sentences.insert(round(depth * len(sentences)), told)
            paragraphs = [gap.join(sentences[at : at + 4]) for at in range(0, len(sentences), 4)]
            text = "\n".join(paragraphs)
            document = Document(name="notes.txt", path="", kind="text", text=text, digest=digest_of(text))
            yield Item(document, needle.question(rng), needle.value, told)


def _facts(rng: random.Random, count: int, *, chinese: bool) -> list[Fact]:
    """Facts about different places."""
    found: dict[str, Fact] = {}
    while len(found) < count:
        made = fact(rng, chinese=chinese)
        found.setdefault(made.entity, made)
    return list(found.values())


async def measure(
    bench: Bench, arms: list[Arm], lengths: list[int], depths: list[float], count: int
) -> dict[str, float]:
    """Print a grid an arm; the share that each found, over all of its cells."""
    shares: dict[str, float] = {}
    for arm in arms:
        began, results = time.monotonic(), list[Found]()
        print(f"\n{arm.name:8}" + "".join(f"{f'depth {depth:.0%}':>12}" for depth in depths), flush=True)
        for length in lengths:
            row = []
            for depth in depths:
                found = [await bench.asked(arm, item, length) for item in bench.items(length, depth, count)]
                row.append(sum(each.right for each in found))
                results += found
            print(f"{length:>8,}" + "".join(f"{f'{cell}/{count}':>12}" for cell in row), flush=True)
        shares[arm.name] = sum(each.right for each in results) / len(results)
        took = ", ".join(f"{way} {times}" for way, times in Counter(each.way for each in results).most_common())
        shown = sum(each.shown for each in results) / len(results)
        print(
            f"   all: {shares[arm.name]:.0%} of {len(results)}; in the prompt {shown:.0%}; {took}; "
            f"{time.monotonic() - began:.0f} s",
            flush=True,
        )
    return shares


async def run(options: argparse.Namespace, home: Path) -> int:
    """All grids; 1 when a goal was missed."""
    paths = Paths(home / "config", home / "data", home / "logs", home / "cache")
    paths.ensure()
    host = wiring.make_host(paths)
    texts: dict[str, Document] = {}
    reader = Reader(lambda _path: Document("", "", "text", ""), texts.__getitem__, lambda _spec, wanted: wanted)
    spec = wiring.open_shelf(paths, home).find(options.model)
    filler = (*FILLER_EN, *FILLER_ZH)
    bench = Bench(host, reader, wiring.make_preparing(reader), spec, texts, {})
    try:
        engine, card = await host.engine_for(spec)
        bench.sizes = dict(
            zip(filler, await engine.count([" " * each.isascii() + each for each in filler]), strict=True)
        )
        print(f"{card.title}: trained window {card.n_ctx_train:,} tokens, {options.items} items a cell")
        inside = await measure(bench, [WHOLE], options.lengths, options.depths, options.items)
        beyond = await measure(bench, [PLAIN, YARN, LINEAR, AUTO], options.beyond, options.depths, options.items)
    finally:
        await reader.close()
        await host.close()
    gain = max(beyond["yarn"], beyond["linear"]) - beyond["plain"]
    best = max(beyond["yarn"], beyond["linear"], beyond["plain"])
    verdicts = {
        f"inside the window {inside['whole']:.0%} (goal {INSIDE_GOAL:.0%})": inside["whole"] >= INSIDE_GOAL,
        f"stretched against plain {100 * gain:+.0f} points (goal +{100 * GAIN_GOAL:.0f})": gain >= GAIN_GOAL,
        f"auto {beyond['auto']:.0%}, the best other way {best:.0%}": beyond["auto"] >= best,
    }
    print()
    for text, good in verdicts.items():
        print(("ok   " if good else "MISS ") + text)
    return 0 if all(verdicts.values()) else 1


def main() -> int:
    """Parse and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="pocket-l", help="a name from models.toml, or a GGUF file")
    parser.add_argument("--items", type=int, default=4, help="texts a cell, half of them Chinese")
    parser.add_argument("--lengths", type=int, nargs="+", default=[256, 512, 800], help="inside the trained window")
    parser.add_argument("--beyond", type=int, nargs="+", default=[1536, 2048, 3072], help="beyond it")
    parser.add_argument("--depths", type=float, nargs="+", default=list(DEPTHS), help="0 is the beginning, 1 the end")
    parser.add_argument("--quick", action="store_true", help="two items, three depths, two lengths")
    options = parser.parse_args()
    if options.quick:
        options.items, options.depths = 2, [0.0, 0.5, 1.0]
        options.lengths, options.beyond = options.lengths[-2:], options.beyond[:2]
    with tempfile.TemporaryDirectory() as home:
        return asyncio.run(run(options, Path(home)))


if __name__ == "__main__":
    sys.exit(main())
