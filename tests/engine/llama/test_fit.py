from __future__ import annotations

from pathlib import Path

import pytest

from llmlab.domain.model import CACHE_TYPES
from llmlab.engine.gguf import read_gguf
from llmlab.engine.llama.fit import CACHE_TYPE_IDS, COMPUTE_BYTES, Sizes, layers_that_fit, sizes_of, window_that_fits
from tests.support.gguf_fixtures import VOCABULARY

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


def test_every_cache_type_of_the_domain_is_known(models: Path) -> None:
    assert set(CACHE_TYPES) == set(CACHE_TYPE_IDS)
    for kind in CACHE_TYPES:
        assert sizes_of(read_gguf(models / "bytes.gguf"), kind, kind).cache_per_token > 0
