"""What is chosen where the user leaves layers and window open: by llama.cpp's own fitting, or by llmlab's estimate."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from llama_cpp import llama_cpp as api

from llmlab.engine.llama import devices, fitting
from llmlab.engine.llama.library import Lines
from llmlab.engine.llama.model import Loader
from tests.engine.llama.conftest import load

GPU = devices.Device("GPU0", "A pretended GPU", 8 << 30, 8 << 30)
MEASURED = "llama.cpp itself measured what fits."


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """One GPU is pretended; what goes there is computed on the CPU all the same."""
    monkeypatch.setattr(devices, "can_offload", lambda: True)
    monkeypatch.setattr(devices, "gpu_devices", lambda: (GPU,))
    monkeypatch.setattr("llmlab.engine.llama.model.gpu_devices", lambda: (GPU,))


@pytest.fixture
def chooses(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[int, int, int]]]:
    """Puts a function in the place of llama.cpp's that chooses what a test says; what it was asked is listed."""

    def pretend(layers: int, n_ctx: int, status: int = 0) -> list[tuple[int, int, int]]:
        asked: list[tuple[int, int, int]] = []

        def choose(_path: bytes, model: Any, context: Any, *rest: Any) -> int:
            model, context = model._obj, context._obj
            asked.append((model.n_gpu_layers, context.n_ctx, rest[3]))
            model.n_gpu_layers, context.n_ctx = layers, context.n_ctx or n_ctx
            return status

        monkeypatch.setattr(fitting, "_function", lambda: choose)
        return asked

    return pretend


def chosen(path: Path, **settings: Any) -> tuple[int, int, tuple[str, ...]]:
    """Layers on the GPU, window and notes of a model that is loaded."""
    model = load(path, **settings)
    found = model.n_gpu_layers, model.context.n_ctx, model.notes
    model.close()
    return found


@pytest.mark.usefixtures("one_gpu")
@pytest.mark.parametrize(
    ("layers", "fitted", "n_ctx", "expected"),
    [
        (-1, 2048, None, (3, 2048, ("All 3 layers fit the GPU.", MEASURED))),
        (2, 2048, None, (2, 2048, ("2 of 3 layers fit the GPU; the others run on the CPU.", MEASURED))),
        (
            -1,
            1024,
            None,
            (3, 1024, ("All 3 layers fit the GPU.", MEASURED, "The window is 1,024 tokens and not ")),
        ),
        (-1, 1024, 1536, (3, 1536, ("All 3 layers fit the GPU.", MEASURED))),
    ],
)
def test_llama_cpp_chooses_what_the_user_leaves_open(
    models: Path, chooses: Any, layers: int, fitted: int, n_ctx: int | None, expected: tuple[int, int, tuple[str, ...]]
) -> None:
    asked = chooses(layers, fitted)
    there, window, notes = chosen(models / "bytes.gguf", n_ctx=n_ctx)
    assert (there, window) == expected[:2]
    assert [note[: len(start)] for note, start in zip(notes, expected[2], strict=True)] == list(expected[2])
    default = api.llama_model_default_params().n_gpu_layers
    assert asked == [(default, n_ctx or 0, n_ctx or 2048)]


@pytest.mark.usefixtures("one_gpu")
@pytest.mark.parametrize("settings", [{"n_gpu_layers": 1}, {"n_gpu_layers": "all"}, {"n_gpu_layers": 0}])
def test_what_the_user_chose_is_not_asked_of_anybody(models: Path, chooses: Any, settings: dict[str, Any]) -> None:
    asked = chooses(2, 512)
    _, window, notes = chosen(models / "bytes.gguf", **settings)
    assert (window, notes, asked) == (2048, (), [])


@pytest.mark.usefixtures("one_gpu")
def test_where_llama_cpp_finds_nothing_the_estimate_decides(models: Path, chooses: Any) -> None:
    chooses(1, 512, status=1)
    assert chosen(models / "bytes.gguf") == (3, 2048, ("All 3 layers fit the GPU.",))


@pytest.mark.usefixtures("one_gpu")
def test_a_choice_that_does_not_load_is_made_smaller(
    models: Path, chooses: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chooses(-1, 2048)
    read, tried = Loader._read_weights, []

    def fail_at_first(loader: Loader, placement: Any) -> Any:
        tried.append((placement.layers, placement.own is None))
        return (None, Lines(["out of memory"])) if len(tried) == 1 else read(loader, placement)

    monkeypatch.setattr(Loader, "_read_weights", fail_at_first)
    layers, _, notes = chosen(models / "bytes.gguf")
    assert tried == [(-1, False), (2, True)]
    assert layers == 2
    assert notes[0].startswith("2 of 3 layers")


def test_shares_and_overrides_reach_the_parameters() -> None:
    split = (ctypes.c_float * 2)(3.0, 1.0)
    overrides = (fitting._Override * 2)(fitting._Override(b"exps", None))
    params = api.llama_model_default_params()
    fitting.Fitted(5, 4096, split, overrides).apply(params)
    assert params.n_gpu_layers == 5
    assert [params.tensor_split[index] for index in range(2)] == [3.0, 1.0]
    assert params.tensor_buft_overrides == ctypes.addressof(overrides)
    untouched = api.llama_model_default_params()
    fitting.Fitted(5, 4096).apply(untouched)
    assert not untouched.tensor_split
    assert not untouched.tensor_buft_overrides


def test_without_a_gpu_a_window_of_nobodys_choice_is_as_large_as_memory_allows(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = psutil.virtual_memory()

    def free(size: int) -> None:
        monkeypatch.setattr(psutil, "virtual_memory", lambda: real._replace(available=size))

    model = load(models / "bytes.gguf")
    cache, weights = model.sizes.cache_per_token, model.sizes.total
    model.close()
    free(int(weights + 1500 * cache + (2 << 20)))
    layers, window, notes = chosen(models / "bytes.gguf")
    assert (layers, window % 256) == (0, 0)
    assert 512 <= window < 2048
    assert any(note.startswith(f"The window is {window:,} tokens and not 2,048") for note in notes)
    assert chosen(models / "bytes.gguf", n_ctx=2048)[1] == 2048


@pytest.mark.skipif(fitting.available(), reason="this build has it")
def test_a_build_without_it_says_so() -> None:
    assert fitting.fit("model.gguf", None, None, [], 512) is None
