"""Models for the fault tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.gguf_fixtures import Shape, write_random_model


@pytest.fixture(scope="package")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound model of 230 kB."""
    return write_random_model(tmp_path_factory.mktemp("small") / "small.gguf")


@pytest.fixture(scope="package")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound model that takes a while to load and seconds to read a long prompt."""
    shape = Shape(layers=12, width=512, heads=8, kv_heads=2, feed_forward=1024, context=16_384)
    return write_random_model(tmp_path_factory.mktemp("slow") / "slow.gguf", shape)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "engine.log"
