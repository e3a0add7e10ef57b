"""A model's health from its header, and what an engine process says of itself."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import psutil
import pytest

from llmlab.domain.model import Gpu, GpuLayers, LoraAdapter, ModelSpec, Rope
from llmlab.engine.health import describe
from llmlab.engine.probe import probe
from llmlab.errors import EngineError, ModelError
from tests.support.gguf_fixtures import CHATML, VOCABULARY, Shape, write_encoder, write_random_model


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    path = write_random_model(tmp_path_factory.mktemp("models") / "m.gguf", Shape(context=1024))
    return ModelSpec(name="m", path=str(path))


def test_the_header_tells_everything_without_a_load(spec: ModelSpec) -> None:
    facts = describe(spec)
    assert (facts.architecture, facts.quantisation) == ("qwen2", "F16")
    assert (facts.n_ctx, facts.n_ctx_train) == (1024, 1024)
    assert facts.n_layer == Shape().layers
    assert facts.file_bytes == Path(spec.path).stat().st_size
    assert facts.parameters > 0
    assert facts.memory_bytes > facts.parameters
    assert facts.template_name == "file"
    assert facts.notes == ()
    assert facts.n_vocab == VOCABULARY
    assert facts.fit is not None
    assert (facts.fit.verdict, facts.fit.need) == ("fits", facts.memory_bytes)


def test_gpus_are_asked_for_only_when_memory_does_not_suffice(spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def gpus() -> tuple[Gpu, ...]:
        asked.append("")
        return (Gpu("CUDA0", "A large GPU", 80 << 30, 80 << 30),)

    rich = psutil.virtual_memory()._replace(available=8 << 30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: rich)
    assert describe(spec, gpus).fit == describe(spec).fit
    assert not asked
    poor = rich._replace(available=60 << 20)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: poor)
    wide = replace(spec, n_ctx=400_000, n_ubatch=32)
    with pytest.raises(ModelError, match="memory"):
        describe(wide)
    fit = describe(wide, gpus).fit
    assert asked
    assert fit is not None
    assert (fit.verdict, fit.n_gpu_layers) == ("fits", 3)
    with pytest.raises(ModelError, match="memory"):
        describe(replace(wide, n_gpu_layers=0), gpus)


def test_layers_that_somebody_sent_to_a_gpu_must_fit_there(spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    rich = psutil.virtual_memory()._replace(available=8 << 30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: rich)

    def told(free: int, layers: GpuLayers) -> tuple[str, int]:
        fit = describe(replace(spec, n_gpu_layers=layers), lambda: (Gpu("CUDA0", "A GPU", free, free),)).fit
        assert fit is not None
        return fit.verdict, fit.n_gpu_layers

    assert told(1 << 30, "all") == ("fits", 3)
    assert told(1 << 20, "all") == ("no", 3)
    assert told(1 << 20, "auto") == ("fits", 0)
    assert told(1 << 20, 0) == ("fits", 0)


def test_a_draft_model_is_part_of_what_is_needed(spec: ModelSpec, tmp_path: Path) -> None:
    small = write_random_model(tmp_path / "small.gguf", Shape(layers=1, context=512))
    alone, both = describe(spec).fit, describe(replace(spec, draft=str(small))).fit
    assert alone is not None
    assert both is not None
    # It is loaded with the window that it was trained on, and reads in smaller pieces.
    its = describe(ModelSpec(name="d", path=str(small), n_ctx=512, n_batch=512, n_ubatch=512)).fit
    assert its is not None
    assert (alone.draft, both.draft) == (0, its.need)
    assert both.need == alone.need + its.need
    assert both.memory_need == both.need
    with pytest.raises(ModelError) as told:
        describe(replace(spec, draft=str(tmp_path / "none.gguf")))
    assert "none.gguf" in str(told.value)


def test_whether_it_fits_other_machines_is_not_known(spec: ModelSpec) -> None:
    assert describe(replace(spec, rpc=("10.0.0.1:50052",))).fit is None


def test_an_adapter_that_cannot_be_used_is_told(spec: ModelSpec, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="LoRA"):
        describe(replace(spec, lora=(LoraAdapter(str(tmp_path / "none.gguf")),)))


def test_licence_and_file_type_are_those_of_the_file(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(str(tmp_path / "m.gguf"), "llama")
    writer.add_license("apache-2.0")
    writer.add_file_type(15)
    writer.add_block_count(1)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(["a", "b"])
    writer.add_tensor("blk.0.attn_norm.weight", np.ones(32, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    facts = describe(ModelSpec(name="m", path=str(tmp_path / "m.gguf")))
    assert (facts.licence, facts.file_type, facts.quantisation, facts.n_vocab) == ("apache-2.0", "Q4_K_M", "F32", 2)


def test_the_window_follows_the_table_then_rope_then_the_training(spec: ModelSpec) -> None:
    assert describe(replace(spec, n_ctx=256)).n_ctx == 256
    assert describe(replace(spec, rope=Rope(scaling="linear", factor=2.0))).n_ctx == 2048
    assert describe(replace(spec, rope=Rope(scale=0.25))).n_ctx == 4096
    assert describe(replace(spec, rope=Rope(factor=100.0))).n_ctx == 8192


def test_a_larger_window_needs_more_memory(spec: ModelSpec) -> None:
    small, large = (describe(replace(spec, n_ctx=size)).memory_bytes for size in (256, 1024))
    quantised = describe(replace(spec, n_ctx=1024, cache_type_k="q8_0", cache_type_v="q8_0")).memory_bytes
    assert small < quantised < large


def test_a_window_beyond_training_is_noted_and_one_beyond_memory_refused(spec: ModelSpec) -> None:
    (note,) = describe(replace(spec, n_ctx=4096)).notes
    assert "1,024" in note
    with pytest.raises(ModelError, match="memory") as refusal:
        describe(replace(spec, n_ctx=1 << 40))
    assert refusal.value.hint


@pytest.mark.parametrize(
    ("template", "setting", "name", "notes"),
    [
        (CHATML, "auto", "file", 0),
        (None, "auto", "chatml", 1),
        ("{% if %}", "auto", "chatml", 1),
        (None, "llama3", "llama3", 0),
    ],
)
def test_the_template_that_would_be_used(
    tmp_path: Path, template: str | None, setting: str, name: str, notes: int
) -> None:
    path = write_random_model(tmp_path / "m.gguf", template=template)
    facts = describe(ModelSpec(name="m", path=str(path), chat_template=setting))
    assert (facts.template_name, len(facts.notes)) == (name, notes)


def test_a_template_file_that_is_missing_or_wrong_is_told(spec: ModelSpec, tmp_path: Path) -> None:
    path = tmp_path / "chat.jinja"
    with pytest.raises(ModelError, match="template"):
        describe(replace(spec, chat_template=str(path)))
    path.write_text("{% if %}", encoding="utf-8")
    with pytest.raises(ModelError, match="broken"):
        describe(replace(spec, chat_template=str(path)))
    path.write_text("{{ messages[0]['content'] }}", encoding="utf-8")
    assert describe(replace(spec, chat_template=str(path))).template_name == str(path)


def test_damaged_headers_raise_nothing_but_model_errors(spec: ModelSpec, tmp_path: Path) -> None:
    whole = Path(spec.path).read_bytes()
    path = tmp_path / "m.gguf"
    dice = random.Random(5)
    told = 0
    for _ in range(200):
        content = bytearray(whole)
        for _ in range(dice.randint(1, 8)):
            content[dice.randrange(4096)] = dice.randrange(256)
        path.write_bytes(content[: dice.choice([len(content), dice.randrange(len(content))])])
        try:
            describe(replace(spec, path=str(path)))
        except ModelError as error:
            told += bool(error.what)
    assert told > 100


def test_the_engine_process_says_what_it_is() -> None:
    report = probe()
    assert "llama-cpp-python" in report.build
    assert report.gpu or report.devices == ()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit('libllama.so: cannot open')", "libllama.so"),
        ("print('hello there')", ""),
        ('print(\'{"type": "hello", "id": 0, "protocol": 999, "build": "x", "gpu": false}\')', ""),
    ],
)
def test_a_process_that_is_no_engine_is_told_with_its_last_words(code: str, said: str) -> None:
    with pytest.raises(EngineError) as refusal:
        probe((sys.executable, "-c", code))
    assert said in refusal.value.where
    assert refusal.value.hint


def test_a_program_that_is_missing_is_told() -> None:
    with pytest.raises(EngineError, match="cannot be started"):
        probe(("/no/such/program",))


def test_an_embedding_model_is_sound_and_said_to_write_nothing(tmp_path: Path) -> None:
    facts = describe(ModelSpec(name="e", path=str(write_encoder(tmp_path / "encoder.gguf")), n_ctx=4096))
    assert (facts.writes, facts.n_ctx, facts.template_name) == (False, 512, "none")
    assert facts.notes == ("An embedding model: for llmlab embed, not for answers.",)
    assert facts.fit is not None
    assert facts.fit.verdict == "fits"


def test_a_reranker_can_be_used_for_nothing(tmp_path: Path) -> None:
    path = write_encoder(tmp_path / "rank.gguf", pooling=gguf.PoolingType.RANK)
    with pytest.raises(ModelError, match="a reranker"):
        describe(ModelSpec(name="r", path=str(path)))


def test_a_window_of_nobodys_choice_is_told_as_it_would_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_random_model(tmp_path / "wide.gguf", Shape(context=8192, kv_heads=4))
    open_spec, given = (ModelSpec(name="m", path=str(path), n_ctx=n_ctx, n_ubatch=32) for n_ctx in (None, 8192))
    poor = psutil.virtual_memory()._replace(available=3 << 20)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: poor)
    facts = describe(open_spec)
    assert facts.fit is not None
    assert (facts.fit.verdict, facts.n_ctx) == ("smaller", facts.fit.fitting)
    assert 512 <= facts.n_ctx < 8192
    with pytest.raises(ModelError, match="A window of 8,192 tokens"):
        describe(given)
