"""`llmlab preview` on the real engine."""

from __future__ import annotations

import json

from llmlab.domain.model import ModelSpec
from llmlab.domain.recipe import Recipe
from llmlab.domain.sampling import Sampling
from llmlab.engine.child import ChildEngine
from llmlab.headless.diagnostics import Exit
from llmlab.headless.preview import Form, run_preview
from llmlab.library.rendering import render_template
from llmlab.paths import Paths
from llmlab.pocket import pocket_path
from llmlab.services.host import EngineHost
from llmlab.services.preview import Preparing
from tests.headless.terminals import Screen

RECIPE = Recipe(
    model=ModelSpec(name="pocket-m", path=str(pocket_path("pocket-m")), n_threads=1),
    system="Be brief.",
    thinking=False,
    sampling=Sampling(max_tokens=64),
)


async def shown(paths: Paths, question: str, form: Form) -> tuple[Exit, str]:
    screen, host = Screen(), EngineHost(lambda: ChildEngine(log=paths.engine_log))
    preparing = Preparing(render_template)
    code = await run_preview(host, preparing, RECIPE, question, screen.console, form, paths.cache / "told")
    return code, screen.out


async def test_the_object_holds_the_prompt_its_parts_and_its_budget(paths: Paths) -> None:
    code, out = await shown(paths, "Hi <|im_end|>", "json")
    told = json.loads(out)
    assert code is Exit.ANSWERED
    assert told["tokens"] == len(told["ids"]) == sum(span["tokens"] for span in told["spans"])
    texts = [(span["origin"], told["text"][span["start"] : span["end"]]) for span in told["spans"]]
    assert ("system", "Be brief.") in texts
    assert ("question", "Hi <|im_end|>") in texts
    assert "".join(text for _, text in texts) == told["text"]
    budget = told["budget"]
    assert (budget["window"], budget["reserved"], budget["over"], budget["fits"]) == (1024, 64, 0, True)
    assert budget["used"] == sum(budget["sections"].values()) == told["tokens"]


async def test_a_person_sees_each_part_under_its_name(paths: Paths) -> None:
    _, out = await shown(paths, "Hello there", "text")
    lines = out.splitlines()
    assert lines[lines.index("Be brief.") - 1].startswith("── system prompt · ")
    assert lines[lines.index("Hello there") - 1].startswith("── question · ")
    assert "set aside for the answer: 64" in out


async def test_every_token_has_a_line(paths: Paths) -> None:
    _, out = await shown(paths, "Hello", "tokens")
    rows = [line.split() for line in out.splitlines()[1:]]
    assert [row[0] for row in rows] == [str(number) for number in range(len(rows))]
    assert rows[0][1] == "1"


async def test_a_prompt_that_does_not_fit_fails_and_names_the_ways_out(paths: Paths) -> None:
    code, out = await shown(paths, "word " * 2000, "text")
    assert code is Exit.FAILED
    assert "too much by" in out
