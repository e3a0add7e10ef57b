"""Looks for what a story in a terminal needs of a model, with the recipes that the lab would use.

python -m tests.terminal.story_search pocket-l

prints what `STORIES` in test_story.py takes: problems where one draw slips and the majority of nine
is right, words whose label changes with examples, and problems that steps solve and a direct answer does not.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Final

from llmlab import wiring
from llmlab.domain.experiment import Item
from llmlab.domain.generators.base import generate
from llmlab.domain.generators.registry import GENERATORS
from llmlab.domain.messages import Message
from llmlab.domain.modes import ReasoningMode, ReasoningUse
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.domain.shots import ShotUse
from llmlab.paths import Paths
from llmlab.services.ask import ask
from llmlab.services.host import EngineHost

WORDS: Final = {
    "foo": (
        "cow", "sheep", "wolf", "lion", "eagle", "duck", "mouse", "camel", "dog", "cat", "pig", "bear", "fox", "deer",
    ),
    "bar": ("carrot", "potato", "fern", "bean", "ivy", "elm", "lily", "daisy", "corn", "garlic", "onion", "grass"),
}  # fmt: skip
"""Animals and plants that the set of examples does not hold, by their label in it."""
VOTES: Final = 9
TEMPERATURES: Final = (1.2, 1.6)
LONGEST: Final = 160
"""Tokens of an answer: what is hot enough to slip may also never end."""


@dataclass(frozen=True, slots=True)
class Model:
    """Asks one model as the lab does."""

    host: EngineHost
    base: Recipe
    steps: ReasoningMode
    votes: ReasoningMode
    shots: ShotUse

    async def message(self, question: str, recipe: Recipe) -> Message:
        """The whole answer."""
        said = ask(self.host, wiring.make_preparing(), recipe, question, asyncio.Event())
        return [value async for value in said][-1].message

    async def final(self, question: str, mode: ReasoningMode | None, sampling: Sampling) -> str:
        """The final answer of one draw; without a mode the last number of it."""
        use = ReasoningUse(mode) if mode else None
        message = await self.message(question, replace(self.base, reasoning=use, sampling=sampling))
        return message.reasoned.answer if message.reasoned else message.text


@asynccontextmanager
async def opened(name: str, folder: Path) -> AsyncIterator[Model]:
    """The model of a name, in a home of its own."""
    paths = Paths(*(folder / part for part in ("config", "data", "logs", "cache")))
    paths.ensure()
    host, modes = wiring.make_host(paths), wiring.open_reasoning(paths, folder)
    base = Recipe(model=wiring.open_shelf(paths, folder).find(name), thinking=False, sampling=Sampling(temperature=0.0))
    shots = wiring.open_shots(paths, folder).use("foo-bar:4", "en")
    try:
        yield Model(host, base, modes.find("steps", "en"), modes.find("votes", "en"), shots)
    finally:
        await host.close()


async def words(model: Model) -> AsyncIterator[str]:
    """Words that get no label by themselves, the wrong one after one example and the right one after four."""
    for label, word in ((label, word) for label, listed in WORDS.items() for word in listed):
        texts = [
            (await model.message(word, replace(model.base, shots=shots))).text.strip()
            for shots in (None, replace(model.shots, k=1), model.shots)
        ]
        alone, one, four = texts
        wrong = one.startswith(tuple(WORDS)) and not one.startswith(label)
        if wrong and four.startswith(label) and not WORDS.keys() & set(alone.split()):
            yield f"word={word!r}, one={one!r}, four={four!r}, alone={alone!r}"


async def problems(model: Model, items: Sequence[Item]) -> AsyncIterator[str]:
    """Problems that steps solve at temperature 0 and a direct answer does not."""
    greedy = Sampling(temperature=0.0)
    for item in items:
        direct = await model.final(item.question, None, greedy)
        if await model.final(item.question, model.steps, greedy) == item.gold[0] and item.gold[0] not in direct:
            first = item.fields["steps"].splitlines()[0]
            yield f"problem={item.question!r}, step={first!r}, right={item.gold[0]!r}  # direct: {direct!r}"


async def majorities(model: Model, items: Sequence[Item]) -> AsyncIterator[str]:
    """Problems where the draw of a seed is wrong and the majority of nine from this seed on is right."""
    for seed, temperature, item in product(range(1, 6), TEMPERATURES, items):
        right = item.gold[0]
        drawn = Sampling(temperature=temperature, top_p=1.0, min_p=0.0, seed=seed, max_tokens=LONGEST)
        recipe = replace(model.base, sampling=drawn)
        one = (await model.message(item.question, replace(recipe, reasoning=ReasoningUse(model.steps)))).text
        closed = re.search(r"The answer is (\d+)\.$", one)
        if closed is None or closed[1] == right:
            continue
        voted = await model.message(item.question, replace(recipe, reasoning=ReasoningUse(model.votes, VOTES)))
        if voted.reasoned is not None and voted.reasoned.answer == right:
            told = ", ".join(f"{vote.answer} x{vote.count}" for vote in voted.reasoned.votes)
            row = f"harder={item.question!r}, temperature={str(temperature)!r}, seed={str(seed)!r}, slip={closed[1]!r}"
            yield f"{row}, majority={right!r}  # {told}"


async def search(name: str, count: int) -> None:
    """Print what was found."""
    make = GENERATORS["word_problems"]
    with tempfile.TemporaryDirectory() as folder:
        async with opened(name, Path(folder)) as model:
            async for row in majorities(model, generate(make, count, 2, {"steps": 4})):
                print(row, flush=True)
            async for row in words(model):
                print(row, flush=True)
            async for row in problems(model, generate(make, count, 1, {"steps": 3})):
                print(row, flush=True)


def main() -> None:
    """Search for the model on the command line."""
    parser = argparse.ArgumentParser(description="Looks for what test_story.py needs of a model.")
    parser.add_argument("model", help="a name in models.toml, such as pocket-l")
    parser.add_argument("--count", type=int, default=6, help="problems that are tried (6)")
    given = parser.parse_args()
    asyncio.run(search(given.model, given.count))


if __name__ == "__main__":
    main()
