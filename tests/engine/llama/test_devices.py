from __future__ import annotations

from pathlib import Path

import pytest

from llmlab.domain.model import ModelSpec
from llmlab.engine.llama import devices
from llmlab.engine.llama.fit import Sizes
from llmlab.engine.llama.placement import ALL, place
from llmlab.errors import ModelError
from tests.engine.llama.conftest import load

GB = 1 << 30
SIZES = Sizes((GB,) * 8, GB, 9 * GB, (0.0,) * 8)
"""Eight layers of a gigabyte each, and an output of one."""
TWO = (devices.Device("G0", "First", 4 * GB, 8 * GB), devices.Device("G1", "Second", 40 * GB, 40 * GB))


@pytest.fixture(autouse=True)
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "can_offload", lambda: True)
    monkeypatch.setattr(devices, "gpu_devices", lambda: TWO)


def spec(**settings: object) -> ModelSpec:
    return ModelSpec(name="m", path="", **settings)  # type: ignore[arg-type]


def test_all_gpus_are_used_unless_the_user_chooses() -> None:
    placement = place(spec(), SIZES, 0)
    assert (placement.layers, placement.gpus, placement.chosen) == (9, TWO, False)


@pytest.mark.parametrize(("main", "layers"), [(0, 3), (1, 9)])
def test_one_gpu_takes_what_fits_it(main: int, layers: int) -> None:
    placement = place(spec(main_gpu=main), SIZES, 0)
    assert (placement.layers, placement.gpus, placement.chosen) == (layers, (TWO[main],), True)


def test_the_smallest_gpu_bounds_equal_shares() -> None:
    assert place(spec(tensor_split=(1.0, 1.0)), SIZES, 0).layers < 9
    assert place(spec(tensor_split=(1.0, 9.0)), SIZES, 0).layers == 9


def test_a_share_of_nothing_leaves_a_gpu_out() -> None:
    placement = place(spec(tensor_split=(0.0, 2.0), n_gpu_layers="all"), SIZES, 0)
    assert (placement.layers, placement.gpus, placement.split) == (ALL, (TWO[1],), (2.0,))


@pytest.mark.parametrize("settings", [{"main_gpu": 2}, {"tensor_split": (1.0, 1.0, 1.0)}])
def test_a_gpu_that_is_not_there_is_refused_with_those_that_are(settings: dict[str, object]) -> None:
    with pytest.raises(ModelError) as refusal:
        place(spec(**settings), SIZES, 0)
    assert "1: Second (G1)" in refusal.value.hint


@pytest.mark.skipif(devices._add_server() is not None, reason="this build can use other machines")
def test_other_machines_are_refused_by_a_build_that_cannot_use_them(models: Path) -> None:
    with pytest.raises(ModelError, match="cannot use other machines") as refusal:
        load(models / "bytes.gguf", rpc=("127.0.0.1:50052",))
    assert "GGML_RPC" in refusal.value.hint
