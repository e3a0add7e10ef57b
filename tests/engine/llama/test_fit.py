from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from llmlab.domain.model import CACHE_TYPES, Gpu, LoraAdapter, ModelSpec
from llmlab.engine.gguf import GgufFile, Value, read_gguf
from llmlab.engine.llama.checks import cache_is_known
from llmlab.engine.llama.fit import (
    CACHE_TYPE_IDS,
    COMPUTE_BYTES,
    Estimate,
    Sizes,
    compute_bytes,
    layers_that_fit,
    room_on,
    sizes_of,
    window_that_fits,
)
from tests.engine.llama.conftest import load
from tests.support.gguf_fixtures import VOCABULARY, Shape, write_random_model

MIB = 1 << 20
SIZES = Sizes(layers=(100 * MIB,) * 10, output=50 * MIB, total=1100 * MIB, cache_layers=(1024.0,) * 10)
"""Ten layers of 100 MiB, and 1 KiB of cache a layer and token."""


@pytest.mark.parametrize(
    ("left_for_layers", "layers"),
    [(0, 0), (103, 0), (105, 2), (209, 3), (5000, 11)],
)
def test_layers_go_to_the_gpu_from_the_last_with_the_output_first(left_for_layers: int, layers: int) -> None:
    # A layer takes 100 MiB and 4 MiB of cache for 4,096 tokens.
    free = int((COMPUTE_BYTES + (50 + left_for_layers) * MIB) / 0.94) + 1
    assert layers_that_fit(SIZES, 4096, free) == layers


def test_nothing_fits_nowhere() -> None:
    assert layers_that_fit(SIZES, 4096, 0) == 0


def test_the_window_that_fits_is_rounded_down() -> None:
    assert window_that_fits(SIZES, 100 * MIB) == 9472
    assert window_that_fits(SIZES, 0) == 0


def test_sizes_are_those_of_the_file(models: Path) -> None:
    sizes = sizes_of(read_gguf(models / "bytes.gguf"), "f16", "f16")
    assert len(sizes.layers) == 2
    assert sizes.output == (VOCABULARY * 64 + 64) * 4
    assert sizes.total == sum(sizes.layers) + sizes.output + VOCABULARY * 64 * 4
    # Two layers, two heads of 16 numbers for keys and values each, two bytes a number.
    assert sizes.cache_per_token == 2 * 2 * 16 * 2 * 2


def test_a_quantised_cache_is_smaller(models: Path) -> None:
    gguf = read_gguf(models / "bytes.gguf")
    assert sizes_of(gguf, "q8_0", "q8_0").cache_per_token < sizes_of(gguf, "f16", "f16").cache_per_token * 0.6


def header(**metadata: int) -> GgufFile:
    """A model of six layers, 128 numbers wide."""
    known: dict[str, Value] = {"general.architecture": "a", "a.block_count": 6, "a.embedding_length": 128}
    known |= {f"a.{key.replace('__', '.')}": value for key, value in metadata.items()}
    return GgufFile(Path("m.gguf"), 3, 100, known, (), 0)


def test_layers_that_keep_a_state_have_no_cache() -> None:
    plain = header(attention__head_count=4)
    assert sizes_of(plain, "f16", "f16").cache_layers == (512.0,) * 6
    assert sizes_of(header(attention__head_count=0), "f16", "f16").cache_per_token == 0
    some = header(attention__head_count=4, full_attention_interval=3)
    assert sizes_of(some, "f16", "f16").cache_layers == (0.0, 0.0, 512.0) * 2


@pytest.mark.parametrize(
    ("metadata", "known"),
    [
        ({}, True),
        ({"attention__kv_lora_rank": 512}, False),
        ({"ssm__state_size": 16}, False),
        ({"ssm__state_size": 16, "full_attention_interval": 4}, True),
        ({"ssm__state_size": 16, "attention__head_count": 0}, True),
        ({"shortconv__l_cache": 3}, False),
    ],
)
def test_a_cache_is_known_where_the_header_tells_which_layers_have_one(metadata: dict[str, int], known: bool) -> None:
    assert cache_is_known(header(**metadata)) is known


def test_heads_that_stand_for_each_layer_tell_which_have_a_cache(models: Path) -> None:
    hybrid = read_gguf(models / "hybrid.gguf")
    assert cache_is_known(hybrid)
    assert [size > 0 for size in sizes_of(hybrid, "f16", "f16").cache_layers] == [False, True] * 2
    assert not cache_is_known(read_gguf(models / "recurrent.gguf"))


def test_every_cache_type_of_the_domain_is_known(models: Path) -> None:
    assert set(CACHE_TYPES) == set(CACHE_TYPE_IDS)
    for kind in CACHE_TYPES:
        assert sizes_of(read_gguf(models / "bytes.gguf"), kind, kind).cache_per_token > 0


GB = 1 << 30
BIG = Sizes(layers=(GB,) * 8, output=GB, total=10 * GB, cache_layers=(64 * 1024.0,) * 8)
"""Ten gigabytes of weights, and half a megabyte of cache a token: 4 GB for 8,192."""


def estimate(models: Path, free: int, *gpus: int, **settings: object) -> Estimate:
    spec = ModelSpec(name="m", path="", **settings)  # type: ignore[arg-type]
    found = tuple(Gpu(f"G{number}", "", size, size) for number, size in enumerate(gpus))
    return Estimate(spec, read_gguf(models / "bytes.gguf"), BIG, 16, free, found)


@pytest.mark.parametrize(
    ("memory", "gpus", "verdict", "fitting"),
    [
        (15, (), "fits", 8192),
        (12, (), "smaller", 4096),
        (9, (), "no", 0),
        # The machine's memory alone would not do; what the GPU takes is not asked of it.
        (3, (16,), "fits", 8192),
        (11, (6,), "fits", 8192),
        (1, (8,), "no", 0),
    ],
)
def test_a_model_fits_or_a_smaller_window_does_or_nothing(
    models: Path, memory: int, gpus: tuple[int, ...], verdict: str, fitting: int
) -> None:
    fit = estimate(models, memory * GB, *(size * GB for size in gpus)).fit(8192)
    assert fit.verdict == verdict
    assert fitting * 0.9 <= fit.fitting <= fitting
    assert fit.fitting % 256 == 0
    assert fit.memory_need <= fit.need
    assert bool(fit.n_gpu_layers) == bool(gpus)


SMALL = Sizes(layers=(GB // 2,) * 2, output=GB // 4, total=2 * GB, cache_layers=(16 * 1024.0,) * 2)
"""A draft of two gigabytes, and 256 MB of cache for 8,192 tokens."""


@pytest.mark.parametrize(
    ("memory", "gpus", "verdict", "there"),
    [
        (18, (), "fits", 0.0),
        # The model alone would fit.
        (15, (), "smaller", 0.0),
        (11, (), "no", 0.0),
        # What the model leaves of the GPU goes to the draft: all but its embedding, or not all of its layers either.
        (3, (20,), "fits", 1.5),
        (3, (15,), "fits", 0.9),
    ],
)
def test_a_draft_needs_room_beside_the_model(
    models: Path, memory: int, gpus: tuple[int, ...], verdict: str, there: float
) -> None:
    alone = estimate(models, memory * GB, *(size * GB for size in gpus))
    its = Estimate(ModelSpec(name="d", path="", n_ctx=8192), alone.gguf, SMALL, 16, memory * GB)
    fit = replace(alone, draft=its).fit(8192)
    assert fit.verdict == verdict
    assert 2 * GB < fit.draft < 3 * GB
    assert fit.need == alone.fit(8192).need + fit.draft
    assert fit.draft - (fit.memory_need - alone.fit(8192).memory_need) == pytest.approx(there * GB, abs=0.2 * GB)


def test_adapters_are_part_of_what_is_needed(models: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "style.gguf"
    adapter.write_bytes(bytes(MIB))
    lora = (LoraAdapter(str(adapter)), LoraAdapter(str(tmp_path / "gone.gguf")))
    for gpus in ((), (20 * GB,)):
        plain = estimate(models, 20 * GB, *gpus).fit(8192)
        adapted = estimate(models, 20 * GB, *gpus, lora=lora).fit(8192)
        assert adapted.need - plain.need == MIB


def test_a_number_of_layers_that_the_gpu_cannot_hold_does_not_fit(models: Path) -> None:
    assert estimate(models, 20 * GB, 4 * GB, n_gpu_layers="all").fit(8192).verdict == "no"
    assert estimate(models, 20 * GB, 4 * GB, n_gpu_layers=2).fit(8192).verdict == "fits"
    assert estimate(models, 20 * GB, 4 * GB, n_gpu_layers=0).fit(8192).n_gpu_layers == 0


def test_the_gpus_that_the_user_chose_count(models: Path) -> None:
    both = estimate(models, 3 * GB, 10 * GB, 10 * GB)
    assert both.fit(8192).verdict == "fits"
    assert estimate(models, 3 * GB, 10 * GB, 10 * GB, main_gpu=1).fit(8192).verdict != "fits"
    assert estimate(models, 3 * GB, 10 * GB, 10 * GB, tensor_split=(1.0, 0.0)).fit(8192).verdict != "fits"


def test_each_device_needs_room_to_compute() -> None:
    assert room_on([GB]) == GB
    assert room_on([GB, GB]) == 2 * GB - COMPUTE_BYTES
    assert room_on([]) == 0
    assert room_on([100, 200]) == 300, "there is never more room than is free"
    assert room_on([GB, 100], [1.0, 3.0]) == COMPUTE_BYTES
    assert room_on([GB, GB], [1.0, 3.0]) == pytest.approx((GB - COMPUTE_BYTES) * 4 / 3 + COMPUTE_BYTES, abs=2)


SHAPES = (
    Shape(layers=2, width=256, heads=4, kv_heads=2, feed_forward=1024, context=8192),
    Shape(layers=6, width=512, heads=8, kv_heads=8, feed_forward=1408, context=4096),
    Shape(layers=4, width=1024, heads=16, kv_heads=4, feed_forward=4096, context=2048),
)


@pytest.mark.parametrize("flash", ["auto", "off"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_estimate_is_what_llama_cpp_takes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], shape: Shape, flash: str
) -> None:
    """Against the sizes of all buffers that llama.cpp says it made."""
    path = write_random_model(tmp_path / "m.gguf", shape)
    spec = ModelSpec(name="m", path=str(path), n_ctx=shape.context, flash_attn=flash)  # type: ignore[arg-type]
    capfd.readouterr()
    load(path, n_ctx=shape.context, flash_attn=flash, n_gpu_layers=0).close()
    taken = re.findall(r"(\w+) +(?:buffer size) = +([0-9.]+) MiB", capfd.readouterr().err)
    real = sum(float(size) for _, size in taken) * MIB
    gguf = read_gguf(path)
    sizes = sizes_of(gguf, "f16", "f16")
    guess = sizes.total + sizes.cache_per_token * shape.context + compute_bytes(gguf, spec, shape.context, 16)
    assert guess == pytest.approx(real, rel=0.05)


def test_adapters_are_looked_at_once_for_all_windows(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[ModelSpec] = []

    def size(spec: ModelSpec) -> int:
        looked.append(spec)
        return 0

    monkeypatch.setattr("llmlab.engine.llama.fit.adapter_bytes", size)
    assert estimate(models, 2 * GB).fit(1 << 20).verdict != "fits"
    assert len(looked) == 1
