from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from llmlab.domain.model import CACHE_TYPES, ModelSpec, Rope
from llmlab.domain.sampling import Sampling
from llmlab.engine.gguf import read_gguf
from llmlab.engine.hints import sampling_hints
from llmlab.engine.llama import devices
from llmlab.engine.llama.card import card_of
from llmlab.engine.llama.checks import reason_of
from llmlab.engine.llama.context import ContextSettings
from llmlab.engine.llama.library import Lines
from llmlab.engine.llama.model import Loader
from llmlab.engine.llama.placement import Placement
from llmlab.engine.llama.text_desk import TextDesk
from llmlab.errors import EngineError, ModelError
from tests.engine.llama.conftest import LOG, Harness, load
from tests.support.gguf_fixtures import Shape, vocabulary, write_random_model

Make = Callable[..., Harness]


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose heads are wide enough for blocks of quantised numbers."""
    return write_random_model(tmp_path_factory.mktemp("wide") / "wide.gguf", Shape(width=128, heads=2, kv_heads=1))


def card(path: Path, **settings: Any) -> Any:
    model = load(path, **settings)
    spec = ModelSpec(name="test", path=str(path), **settings)
    try:
        return card_of(spec, model, model.context.n_ctx, TextDesk(spec, model.gguf, model.vocabulary))
    finally:
        model.close()


def refusal(path: Path, **settings: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        load(path, **settings).close()
    return caught.value


def test_the_card_says_what_was_loaded(models: Path) -> None:
    found = card(models / "bytes.gguf")
    assert (found.title, found.architecture, found.n_vocab, found.n_layer) == ("bytes", "qwen2", 288, 2)
    assert (found.n_ctx, found.n_ctx_train, found.template_name) == (2048, 2048, "file")
    assert (found.device, found.n_gpu_layers) == ("CPU", 0)
    assert found.parameters > 50_000
    assert found.file_bytes == (models / "bytes.gguf").stat().st_size
    assert "0.3." in found.build


def test_a_gpu_that_is_asked_for_and_not_there_is_said_once(models: Path) -> None:
    notes = card(models / "bytes.gguf").notes
    if not devices.can_offload():
        assert [note for note in notes if "GPU" in note] == list(notes)
        assert len(notes) == 1
    assert card(models / "bytes.gguf", n_gpu_layers=0).notes == ()


def test_a_window_longer_than_trained_is_said(models: Path) -> None:
    long = {"n_ctx": 4096, "n_gpu_layers": 0}
    assert any("trained" in note for note in card(models / "bytes.gguf", **long).notes)
    assert card(models / "bytes.gguf", rope=Rope(scaling="yarn", factor=2.0), **long).notes == ()
    stretched = card(models / "bytes.gguf", rope=Rope(factor=2.0), n_gpu_layers=0)
    assert stretched.n_ctx == 4096


@pytest.mark.parametrize("kind", CACHE_TYPES)
def test_every_cache_type_works(wide: Path, kind: str) -> None:
    load(wide, cache_type_k=kind, cache_type_v=kind).close()


def test_settings_reach_llama_cpp() -> None:
    spec = ModelSpec(
        name="test", path="", n_batch=1024, n_ubatch=256, flash_attn="off", cache_type_k="q8_0", cache_type_v="f32",
        rope=Rope(scaling="yarn", factor=4.0, base=5e5, original_context=4096),
    )  # fmt: skip
    params = ContextSettings.of(spec, n_ctx=2000, sequences=3, threads=5).params()
    assert (params.n_ctx, params.n_batch, params.n_ubatch, params.n_seq_max) == (2000, 1024, 256, 3)
    assert (params.n_threads, params.n_threads_batch) == (5, 5)
    assert (params.flash_attn_type, params.type_k, params.type_v) == (0, 8, 0)
    assert (params.rope_scaling_type, params.yarn_orig_ctx) == (2, 4096)
    assert (params.rope_freq_base, params.rope_freq_scale) == (5e5, 0.25)
    scaled = ContextSettings.of(
        ModelSpec(name="test", path="", rope=Rope(scaling="linear", scale=0.5), flash_attn="on"),
        n_ctx=1, sequences=1, threads=1,
    ).params()  # fmt: skip
    assert (scaled.rope_scaling_type, scaled.rope_freq_scale, scaled.flash_attn_type) == (1, 0.5, 1)


def test_a_window_that_does_not_fit_memory_names_one_that_does(models: Path) -> None:
    error = refusal(models / "bytes.gguf", n_ctx=4_000_000_000)
    assert "4,000,000,000" in error.what
    assert "n_ctx" in error.where
    assert "would fit" in error.hint


def test_a_quantised_cache_without_flash_attention_says_what_to_change(wide: Path) -> None:
    error = refusal(wide, cache_type_v="q8_0", flash_attn="off")
    assert "flash_attn" in error.hint


def make_file(path: Path, architecture: str, **entries: Any) -> Path:
    """A file with a header and one tensor."""
    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_block_count(1)
    for key, value in entries.items():
        name = key.replace("__", ".")
        if isinstance(value, bool):
            writer.add_bool(name, value)
        elif isinstance(value, int):
            writer.add_uint32(name, value)
        else:
            writer.add_string(name, value)
    writer.add_tensor("blk.0.attn_norm.weight", np.ones(32, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize(
    ("architecture", "entries", "said"),
    [
        ("bert", {}, "embedding model"),
        ("llama", {"llama__attention__causal": False}, "embedding model"),
        ("t5", {}, "separate encoder"),
        ("dream", {}, "diffusion model"),
        ("llama", {"general__type": "adapter"}, "LoRA adapter"),
        ("clip", {"general__type": "mmproj"}, "projector"),
        ("llama", {}, "no vocabulary"),
    ],
)
def test_files_that_cannot_answer_are_refused_by_name(
    tmp_path: Path, architecture: str, entries: dict[str, Any], said: str
) -> None:
    error = refusal(make_file(tmp_path / "other.gguf", architecture, **entries))
    assert said in error.what
    assert error.where.endswith("other.gguf")
    assert error.hint


def test_an_unknown_architecture_is_named(tmp_path: Path) -> None:
    path = write_random_model(tmp_path / "new.gguf")
    data = path.read_bytes().replace(b"qwen2", b"qwenX")
    path.write_bytes(data)
    error = refusal(path)
    assert "qwenX" in error.what
    assert "newer" in error.hint


def test_a_vocabulary_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.gguf"
    writer = gguf.GGUFWriter(str(path), "llama")
    tokens, kinds, merges = vocabulary()
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert "only a vocabulary" in refusal(path).what


@pytest.mark.parametrize("missing", ["blk.1.ffn_down.weight", "output_norm.weight"])
def test_a_missing_tensor_is_named(models: Path, tmp_path: Path, missing: str) -> None:
    data = (models / "bytes.gguf").read_bytes()
    path = tmp_path / "missing.gguf"
    path.write_bytes(data.replace(missing.encode(), missing[:-1].encode() + b"X"))
    assert missing in refusal(path).what


def test_loading_can_be_cancelled(models: Path) -> None:
    seen: list[float] = []
    spec = ModelSpec(name="test", path=str(models / "bytes.gguf"))
    loader = Loader(spec, LOG, seen.append, lambda: bool(seen), abort=lambda: False)
    with pytest.raises(EngineError, match="cancelled"):
        loader.load()
    assert seen


def test_progress_rises_to_one(models: Path) -> None:
    seen: list[float] = []
    spec = ModelSpec(name="test", path=str(models / "bytes.gguf"))
    LOG.install()
    Loader(spec, LOG, seen.append, lambda: False, abort=lambda: False).load().close()
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_hints_of_the_file_are_read_and_nonsense_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "hints.gguf"
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_float32("general.sampling.temp", 0.5)
    writer.add_int32("general.sampling.top_k", 20)
    writer.add_float32("general.sampling.top_p", 7.0)
    writer.add_string("general.sampling.min_p", "none")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert sampling_hints(read_gguf(path)) == Sampling(temperature=0.5, top_k=20)


def test_the_reason_is_the_error_that_says_most() -> None:
    assert reason_of([]) == ""
    assert reason_of(["llama_model_load: error loading model: missing tensor 'x'"]) == "missing tensor 'x'"
    lines = ["gguf_init: bad magic", "llama_model_load: error loading model: failed", "failed to load model"]
    assert reason_of(lines) == "bad magic"
    assert reason_of(["llama_model_load_from_file_impl: failed to load model"]) == "failed to load model"


def test_a_long_piece_is_not_lost(models: Path, tmp_path: Path) -> None:
    path = write_random_model(tmp_path / "long.gguf", long_token="Ġ" * 200)
    model = load(path)
    token = next(t for t in range(model.vocabulary.size) if model.vocabulary.text(t).startswith("ĠĠ"))
    assert model.vocabulary.look_up(token) == (b" " * 200, False)
    model.close()


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Pretends that there is one GPU with so many bytes free; what goes there is computed on the CPU all the same."""

    def pretend(free: int) -> None:
        device = devices.Device("GPU0", "A pretended GPU", free, free)
        monkeypatch.setattr(devices, "can_offload", lambda: True)
        monkeypatch.setattr(devices, "gpu_devices", lambda: (device,))

    return pretend


@pytest.mark.parametrize(
    ("asked", "free", "layers", "note"),
    [
        ("auto", 8 << 30, 3, "All 3 layers"),
        ("auto", 1 << 20, 0, "0 of 3 layers"),
        ("all", 1 << 20, 3, ""),
        (2, 1 << 20, 2, ""),
        (0, 8 << 30, 0, ""),
    ],
)
def test_layers_go_where_they_are_asked_to_go(
    models: Path, gpu: Callable[[int], None], asked: Any, free: int, layers: int, note: str
) -> None:
    gpu(free)
    found = card(models / "bytes.gguf", n_gpu_layers=asked)
    assert found.n_gpu_layers == layers
    assert found.device == ("A pretended GPU" if layers else "CPU")
    assert [text for text in found.notes if note in text] == list(found.notes)
    assert bool(found.notes) == bool(note)


def test_fewer_layers_are_tried_when_a_gpu_has_less_room_than_it_says(
    models: Path, gpu: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu(8 << 30)
    read_weights = Loader._read_weights
    tried: list[int] = []

    def fail_on_gpu(loader: Loader, placement: Placement) -> Any:
        tried.append(placement.layers)
        return (None, Lines(["out of memory"])) if placement.layers > 1 else read_weights(loader, placement)

    monkeypatch.setattr(Loader, "_read_weights", fail_on_gpu)
    found = card(models / "bytes.gguf")
    assert tried == [3, 2, 1]
    assert found.n_gpu_layers == 1
    assert any("1 of 3 layers" in note for note in found.notes)


def test_a_number_that_does_not_fit_is_not_changed_behind_the_back(
    models: Path, gpu: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu(8 << 30)
    monkeypatch.setattr(Loader, "_read_weights", lambda _loader, _layers: (None, Lines(["out of memory"])))
    assert "out of memory" in refusal(models / "bytes.gguf", n_gpu_layers=3).what
