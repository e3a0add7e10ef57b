"""What is built from the checkout: a wheel and a source archive that lack nothing llmlab needs."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive."""
    folder = tmp_path_factory.mktemp("dist")
    # A fixed date makes the archives the same however often they are built.
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1767225600"}
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def data_files() -> set[str]:
    """Every file below llmlab/ that is not made by running it, relative to the checkout."""
    files = (file for file in (ROOT / "llmlab").rglob("*") if file.is_file())
    return {file.relative_to(ROOT).as_posix() for file in files if "__pycache__" not in file.parts}


def test_the_wheel_holds_code_data_and_the_guide_to_models(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (points,) = (name for name in names if name.endswith("entry_points.txt"))
        assert "llmlab = llmlab.__main__:main" in archive.read(points).decode()
        assert archive.read("llmlab/defaults/models.toml") == (ROOT / "models.toml").read_bytes()
        prompts = [file for file in (ROOT / "prompts").rglob("*") if file.is_file()]
        assert {f"llmlab/defaults/{file.relative_to(ROOT).as_posix()}" for file in prompts} <= names
    assert data_files() <= names
    assert any(name.startswith("llmlab/words/zh/") for name in names)
    assert any(name.startswith("llmlab/pocket/") and name.endswith(".gguf") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "training/", "benchmarks/"))]


def test_the_source_archive_can_build_and_test_itself(built: Path) -> None:
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert data_files() <= names
    assert {
        "pyproject.toml",
        "models.toml",
        "prompts/templates/summarise.en.toml",
        "README.md",
        "LICENSE",
        "Makefile",
        "tests/conftest.py",
    } <= names
