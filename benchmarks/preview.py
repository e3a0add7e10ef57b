"""What a key costs until a prompt of about 4,000 tokens is drawn anew: waited, made, counted, taken apart, laid out.

`python -m benchmarks preview [-- --tokens 4000 --keys 200]`. The recipe has a system prompt, a template, examples and a
history; each round types one more character. The bar is absolute: 50 ms at the 95th percentile.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from llmlab.domain.model import ModelSpec
from llmlab.domain.prompting import ChatMessage
from llmlab.domain.recipe import Recipe
from llmlab.domain.shots import Shot, ShotSet, ShotUse
from llmlab.domain.template import PromptTemplate, TemplateUse, Variable
from llmlab.engine.child import ChildEngine
from llmlab.library.rendering import render_template
from llmlab.pocket import pocket_path
from llmlab.services.preview import Preparing
from llmlab.tui.panes.prompt_rows import rows_of
from llmlab.tui.screens.picture import SHORTEST_PATIENCE

BAR_MS = 50.0


def recipe_of(spec: ModelSpec) -> Recipe:
    """A recipe with something of everything."""
    rows = tuple(Shot(f"Give me the {number} words of this.", f"There are {number} of them.") for number in range(16))
    template = PromptTemplate(
        name="t", language="en", title="T", user="Read: {{ text }}\nAnswer briefly.", main="text",
        variables=(Variable(name="text"),),
    )  # fmt: skip
    shots = ShotUse(ShotSet(name="s", language="en", title="S", rows=rows), k=16)
    return Recipe(model=spec, system="You are brief. " * 20, template=TemplateUse(template), shots=shots)


async def measure(tokens: int, keys: int) -> tuple[list[float], int]:
    """Milliseconds of each key press, and the tokens of the prompt."""
    spec = ModelSpec(name="m", path=str(pocket_path("pocket-m")), n_ctx=8192, n_threads=1)
    preparing, took, size = Preparing(render_template), [], 0
    with tempfile.TemporaryDirectory() as folder:
        engine = ChildEngine(log=Path(folder) / "engine.log")
        try:
            card = await engine.load(spec, lambda _share: None)
            recipe, history = recipe_of(spec), list[ChatMessage]()
            while size < tokens:
                history += [
                    ChatMessage("user", "Tell me of the river. " * 8),
                    ChatMessage("assistant", "It is long. 很长。" * 8),
                ]
                size = (await preparing.prepare(engine, card, recipe, history, "q")).budget.used
            for key in range(keys):
                begun = time.perf_counter()
                prepared = await preparing.prepare(engine, card, recipe, history, "What is it" + "x" * (key % 40))
                rows_of(prepared.prompt.text, prepared.spans, 40)
                took.append(1000 * (SHORTEST_PATIENCE + time.perf_counter() - begun))
        finally:
            await engine.close()
    return took, size


def main() -> int:
    """Print the table; 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=4000)
    parser.add_argument("--keys", type=int, default=200)
    options, _ = parser.parse_known_args()
    took, size = asyncio.run(measure(options.tokens, options.keys))
    p95 = quantiles(took, n=20)[-1]
    figures = f"median {median(took):.1f} ms, p95 {p95:.1f} ms (bar {BAR_MS:.0f})"
    print(f"prompt of {size:,} tokens, {len(took)} keys: {figures}")
    return 1 if p95 > BAR_MS else 0


if __name__ == "__main__":
    sys.exit(main())
