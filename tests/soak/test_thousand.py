"""Whatever happens around it, every request ends once, and says what it would have said alone."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import numpy as np
import pytest

from llmlab.domain.generation import Failed, Finished
from llmlab.domain.model import ModelSpec
from tests.soak.soaking import WINDOW, Alone, Outcome, Soak, wishes
from tests.support.gguf_fixtures import write_random_model


@pytest.fixture
def spec(tmp_path: Path) -> ModelSpec:
    path = write_random_model(tmp_path / "bytes.gguf", dtype=np.float16)
    return ModelSpec(name="soak", path=str(path), n_ctx=WINDOW, n_threads=1, deterministic=True)


def check(outcome: Outcome, alone: Alone) -> None:
    """One terminal event a sample unless its reader left, and the text of a fresh engine as far as it came."""
    wish = outcome.wish
    for sample in range(wish.samples):
        text, ids = alone.says(wish, sample)
        said, terminals = outcome.texts.get(sample, ""), outcome.terminals.get(sample, [])
        assert text.startswith(said)
        assert len(terminals) == 1 or (outcome.left and not terminals)
        for terminal in terminals:
            if isinstance(terminal, Finished):
                assert (said, terminal.ids, terminal.usage.generated) == (text, ids, len(ids))
            else:
                assert isinstance(terminal, Failed)


async def soaked(spec: ModelSpec, folder: Path, count: int, kills: int, seed: int) -> Soak:
    soak = Soak(spec, folder)
    await soak.run(wishes(count, seed, kills))
    assert len(soak.outcomes) == count
    assert soak.starts > 1
    alone = Alone(spec)
    for outcome in soak.outcomes:
        check(outcome, alone)
    failed = sum(
        isinstance(event, Failed) for each in soak.outcomes for ends in each.terminals.values() for event in ends
    )
    assert 0 < failed < count // 2
    return soak


async def test_sixty_requests_in_any_order_with_cancels_and_a_kill(spec: ModelSpec, tmp_path: Path) -> None:
    soak = await soaked(spec, tmp_path, count=60, kills=2, seed=1)
    assert list((tmp_path / "snapshots").glob("*.kv")) != []
    assert any(
        event.usage.reused
        for each in soak.outcomes
        for ends in each.terminals.values()
        for event in ends
        if isinstance(event, Finished)
    )


@pytest.mark.slow
async def test_a_thousand_requests_leave_the_memory_as_it_was(spec: ModelSpec, tmp_path: Path) -> None:
    soak = await soaked(spec, tmp_path, count=1000, kills=12, seed=2)
    # The last third has one engine: half of it to warm up, and the other half must not grow.
    last = soak.memory[-300:]
    before, after = median(last[100:150]), median(last[-50:])
    print(f"engine memory {before / 2**20:.1f} MB, then {after / 2**20:.1f} MB")
    assert after <= 1.05 * before
