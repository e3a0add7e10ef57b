"""Layers on a device: a real GPU, or a server on loopback; see docs/models.md for the command."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmlab.domain.generation import Failed, Finished, Piece
from llmlab.domain.model import LoraAdapter, ModelCard, ModelSpec
from llmlab.domain.sampling import Sampling
from llmlab.engine.child import ChildEngine
from llmlab.engine.llama import devices, fitting, library
from llmlab.engine.llama.model import Loader
from llmlab.engine.protocol import GenerationRequest
from llmlab.errors import EngineDied, ModelError
from tests.gpu.conftest import DeviceServer
from tests.support.gguf_fixtures import (
    IM_END,
    Shape,
    script_log_odds,
    write_bigram_model,
    write_lora,
    write_random_model,
)

pytestmark = pytest.mark.gpu

GREEDY = Sampling(temperature=0.0, seed=1, max_tokens=64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `hey`, which says `Hey` after a line break and ends, and `bytes` and `deep`, which do not."""
    folder = tmp_path_factory.mktemp("models")
    write_bigram_model(folder / "hey.gguf", script_log_odds([[ord("\n"), *b"Hey", IM_END]]))
    write_random_model(folder / "bytes.gguf")
    write_random_model(folder / "deep.gguf", Shape(layers=6))
    write_lora(folder / "strong.gguf")
    return folder


def spec(path: Path, **settings: Any) -> ModelSpec:
    return ModelSpec(**{"name": "test", "path": str(path), "n_threads": 1, **settings})


async def answer(engine: ChildEngine, prompt: tuple[int, ...], sampling: Sampling = GREEDY) -> tuple[str, Any]:
    """The text of an answer and its terminal event."""
    text, last = "", None
    async for event in engine.generate(GenerationRequest(prompt, sampling)):
        if isinstance(event, Piece):
            text += event.text
        last = event
    return text, last


async def run(log: Path, given: ModelSpec) -> tuple[ModelCard, str]:
    """The card of a loaded model, and what it says after a line break."""
    engine = ChildEngine(log=log)
    try:
        card = await engine.load(given, lambda _share: None)
        text, last = await answer(engine, (ord("\n"),))
        assert isinstance(last, Finished)
        return card, text
    finally:
        await engine.close()


@pytest.mark.parametrize(("asked", "layers"), [("all", 2), ("auto", 2), (1, 1), (0, 0)])
async def test_layers_go_to_the_device_and_the_answer_stays(
    folder: Path, tmp_path: Path, device: tuple[str, ...], asked: Any, layers: int
) -> None:
    card, text = await run(tmp_path / "log", spec(folder / "hey.gguf", n_gpu_layers=asked, rpc=device))
    assert (card.n_gpu_layers, text) == (layers, "Hey")
    assert (card.device == "CPU") == (layers == 0)
    assert all(address in card.device for address in device) or not layers


async def test_one_gpu_is_chosen_and_one_that_is_not_there_refused(
    folder: Path, tmp_path: Path, device: tuple[str, ...]
) -> None:
    card, text = await run(tmp_path / "log", spec(folder / "hey.gguf", main_gpu=0, n_gpu_layers="all", rpc=device))
    assert (card.n_gpu_layers, text) == (2, "Hey")
    with pytest.raises(ModelError, match="no GPU 15") as refusal:
        await run(tmp_path / "log", spec(folder / "hey.gguf", main_gpu=15, rpc=device))
    assert "0:" in refusal.value.hint


async def test_adapters_work_on_a_device(folder: Path, tmp_path: Path, device: tuple[str, ...]) -> None:
    texts = []
    for lora in ((), (LoraAdapter(str(folder / "strong.gguf")),)):
        given = spec(folder / "bytes.gguf", n_gpu_layers="all", rpc=device, lora=lora)
        texts.append((await run(tmp_path / "log", given))[1])
    assert texts[0] != texts[1]


async def test_a_model_is_spread_over_several_machines(
    folder: Path, tmp_path: Path, server: Callable[[], DeviceServer]
) -> None:
    both = (server().address, server().address)
    both_log, one_log = tmp_path / "both", tmp_path / "one"
    card, text = await run(both_log, spec(folder / "deep.gguf", n_gpu_layers="all", rpc=both, tensor_split=(1.0, 1.0)))
    assert all(address in card.device for address in both)
    log = both_log.read_text(encoding="utf-8")
    assert all(f"[{address}] KV buffer" in log for address in both), "each holds a layer"
    one, same = await run(one_log, spec(folder / "deep.gguf", n_gpu_layers="all", rpc=both, tensor_split=(0.0, 1.0)))
    assert one.device == both[1]
    assert f"[{both[0]}] KV buffer" not in one_log.read_text(encoding="utf-8")
    assert same == text
    with pytest.raises(ModelError, match="3 shares are given and there are 2"):
        await run(one_log, spec(folder / "deep.gguf", rpc=both, tensor_split=(1.0, 1.0, 1.0)))


async def test_a_machine_that_goes_away_ends_the_answer_in_words_and_a_new_start_works(
    folder: Path, tmp_path: Path, server: Callable[[], DeviceServer]
) -> None:
    machine = server()
    given = spec(folder / "bytes.gguf", n_gpu_layers="all", rpc=(machine.address,))
    engine = ChildEngine(log=tmp_path / "log")
    await engine.load(given, lambda _share: None)
    endless, last = Sampling(temperature=1.0, seed=1), None
    async for event in engine.generate(GenerationRequest((65,), endless)):
        if isinstance(event, Piece):
            machine.kill()
        last = event
    assert isinstance(last, Failed)
    assert "under rpc went away" in last.hint
    assert machine.address in last.hint
    assert not engine.alive
    await engine.close()
    machine.start()
    assert (await run(tmp_path / "log", given))[0].n_gpu_layers == 3


async def test_nobody_at_the_address_is_one_clear_error(
    folder: Path, tmp_path: Path, server: Callable[[], DeviceServer]
) -> None:
    machine = server()
    machine.kill()
    with pytest.raises(ModelError, match=machine.address) as refusal:
        await run(tmp_path / "log", spec(folder / "bytes.gguf", rpc=(machine.address,)))
    assert "ggml-rpc-server" in refusal.value.hint


@pytest.mark.usefixtures("server")
async def test_a_stranger_at_the_address_is_told_as_such(folder: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:

        def hang_up() -> None:
            while True:
                try:
                    stranger.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=hang_up, daemon=True).start()
        address = f"127.0.0.1:{stranger.getsockname()[1]}"
        with pytest.raises((EngineDied, ModelError)) as refusal:
            await run(tmp_path / "log", spec(folder / "bytes.gguf", rpc=(address,)))
    assert address in str(refusal.value)


def test_layers_and_window_are_fitted_by_llama_cpp_itself(
    folder: Path, device: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not fitting.available():
        pytest.skip("this build does not bring llama.cpp's own fitting (libllama-common)")
    path = write_random_model(folder / "wide.gguf", Shape(layers=8, width=512, feed_forward=2048, context=16_384))

    def fitted(left: int | None = None, **settings: Any) -> tuple[int, int, tuple[str, ...]]:
        log = library.Log()
        log.install()
        given = spec(path, rpc=device, **settings)
        devices.connect(device)
        if left is not None:
            spare = devices.gpu_devices()[0].free - left
            monkeypatch.setattr(fitting, "SPARE_LEAST", spare)
            monkeypatch.setattr(fitting, "SPARE_MOST", spare)
        model = Loader(given, log, lambda _share: None, lambda: False, abort=lambda: False).load()
        found = model.n_gpu_layers, model.context.n_ctx, model.notes
        model.close()
        return found

    layers, window, notes = fitted()
    assert (layers, window) == (9, 8192)
    assert notes == ("All 9 layers fit the GPU.", "llama.cpp itself measured what fits.")
    layers, window, _ = fitted(150 << 20, n_ctx=16_384)
    assert 0 < layers < 9
    assert window == 16_384
    fewer, smaller, notes = fitted(150 << 20)
    assert fewer >= layers
    assert 4096 <= smaller <= 8192
    assert fitted(8 << 20)[0] < fewer
