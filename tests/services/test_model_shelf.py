"""The shelf of models."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from llmlab.domain.model import BadModel, ModelFacts, ModelSpec
from llmlab.errors import ConfigError, ModelError
from llmlab.services.models import ModelShelf

FACTS = ModelFacts(
    title="t", architecture="llama", quantisation="Q8_0", parameters=1, file_bytes=1, n_layer=1, n_ctx_train=1,
    n_ctx=1, memory_bytes=1, template_name="file", can_think=False,
)  # fmt: skip


def inspect(spec: ModelSpec) -> ModelFacts:
    if spec.name == "gone":
        raise ModelError("There is no such file.", where=spec.path)
    return FACTS


class Files:
    """Three layers of models.toml in a folder."""

    def __init__(self, folder: Path) -> None:
        self.paths = tuple(folder / name / "models.toml" for name in ("shipped", "user", "here"))
        for path in self.paths:
            path.parent.mkdir()
        self._edits = 0

    def write(self, layer: int, text: str) -> None:
        """Edit a file; its time moves on even where the clock of the file system is coarse."""
        self.paths[layer].write_text(text, encoding="utf-8")
        self._edits += 1
        os.utime(self.paths[layer], (self._edits, self._edits))

    def shelf(self) -> ModelShelf:
        return ModelShelf(self.paths, inspect)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(tmp_path)
    made.write(0, 'default = "a"\n[a]\npath = "shipped-a"\nn_ctx = 64\n[b]\npath = "shipped-b"')
    return made


def names(shelf: ModelShelf) -> dict[str, str]:
    return {model.name: Path(model.path).name if isinstance(model, ModelSpec) else "BAD" for model in shelf.models()}


def test_a_later_file_replaces_whole_tables_by_name(files: Files) -> None:
    files.write(1, '[a]\npath = "user-a"\n[c]\npath = "user-c"')
    files.write(2, '[c]\npath = "here-c"')
    shelf = files.shelf()
    assert names(shelf) == {"a": "user-a", "b": "shipped-b", "c": "here-c"}
    assert shelf.find("a").n_ctx is None, "nothing of the table below shines through"
    assert shelf.find("a").path == str(files.paths[1].parent / "user-a")
    assert shelf.problems() == ()


def test_the_last_default_counts_and_the_first_good_model_stands_in(files: Files) -> None:
    assert files.shelf().default().name == "a"
    files.write(1, 'default = "b"')
    assert files.shelf().default().name == "b"
    files.write(2, 'default = "a"')
    assert files.shelf().default().name == "a"
    files.write(2, 'default = "bb"')
    shelf = files.shelf()
    assert shelf.default().name == "b"
    assert shelf.problems() == (f"{files.paths[2]}: default names no model: bb; did you mean b?",)
    files.write(0, "[a]\npath = 1")
    files.write(1, "")
    files.write(2, "")
    with pytest.raises(ConfigError, match="No model can be used"):
        files.shelf().default()


def test_the_last_file_names_the_model_of_vectors(files: Files) -> None:
    assert files.shelf().embeddings() is None
    files.write(1, 'embeddings = "a"')
    assert files.shelf().embeddings() == files.shelf().find("a")
    files.write(2, 'embeddings = "b"')
    assert files.shelf().embeddings() == files.shelf().find("b")
    files.write(2, 'embeddings = ""')
    shelf = files.shelf()
    assert (shelf.embeddings(), shelf.problems()) == (None, ())
    files.write(2, 'embeddings = "bb"')
    shelf = files.shelf()
    assert shelf.embeddings() is None
    assert shelf.problems() == (f"{files.paths[2]}: embeddings names no model: bb; did you mean b?",)


def test_a_bad_table_is_listed_and_never_takes_a_good_ones_place(files: Files) -> None:
    files.write(1, '[a]\npath = "user-a"\nn_ctxx = 1\n[new]\npath = 3')
    shelf = files.shelf()
    assert names(shelf) == {"a": "shipped-a", "b": "shipped-b", "new": "BAD"}
    assert len(shelf.problems()) == 2
    assert "did you mean n_ctx?" in shelf.problems()[0]
    with pytest.raises(ConfigError, match="not a text"):
        shelf.find("new")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("zzz", "There is no model zzz"),
        ("modell", "There is no model modell; did you mean model-x?"),
        ("missing.gguf", "There is no file missing.gguf."),
        (
            "shipped-a-q5_0.gguf",
            "There is no file shipped-a-q5_0.gguf. Make it with: llmlab models quantise a --type q5_0",
        ),
        ("shipped-a-q9.gguf", "There is no file shipped-a-q9.gguf."),
        ("dir/missing", "There is no file dir/missing."),
        ("pocket:none", 'llmlab ships no model "none"'),
        ("nul\0", "There is no model nul\0"),
    ],
)
def test_what_is_not_found_says_so(files: Files, name: str, said: str) -> None:
    files.write(1, '[model-x]\npath = "x"')
    with pytest.raises(ConfigError) as refusal:
        files.shelf().find(name)
    assert refusal.value.what == said
    assert refusal.value.hint


def test_a_file_is_found_by_its_path(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "odd.bin"
    path.write_bytes(b"")
    assert files.shelf().find(str(path)) == ModelSpec(name="odd", path=str(path))


def test_an_edit_is_noticed_and_read(files: Files) -> None:
    shelf = files.shelf()
    assert not shelf.changed_on_disk()
    files.write(1, '[c]\npath = "c"')
    assert shelf.changed_on_disk()
    assert "c" not in names(shelf)
    shelf.reload()
    assert not shelf.changed_on_disk()
    assert names(shelf) == {"a": "shipped-a", "b": "shipped-b", "c": "c"}
    files.paths[1].unlink()
    assert shelf.changed_on_disk()
    shelf.reload()
    assert names(shelf) == {"a": "shipped-a", "b": "shipped-b"}


def test_an_edit_of_the_same_length_is_noticed_by_its_time(files: Files) -> None:
    files.write(1, '[c]\npath = "c"')
    shelf = files.shelf()
    files.write(1, '[d]\npath = "d"')
    assert shelf.changed_on_disk()


@pytest.mark.parametrize(
    "bad", ['[c]\npath = "c"\nn_ctx = "many"\n[d]\npath = "d"', '[c]\npath = oops\n[d]\npath = "d"', "no TOML at all"]
)
def test_a_bad_edit_keeps_the_last_good_table_and_says_so(files: Files, bad: str) -> None:
    files.write(1, '[c]\npath = "c"\nn_ctx = 128\n[d]\npath = "d"')
    shelf = files.shelf()
    files.write(1, bad)
    shelf.reload()
    assert shelf.find("c").n_ctx == 128
    assert shelf.find("d").name == "d"
    assert len(shelf.problems()) == 1
    assert str(files.paths[1]) in shelf.problems()[0]
    files.write(1, '[c]\npath = "c"\nn_ctx = 256')
    shelf.reload()
    assert shelf.find("c").n_ctx == 256
    assert "d" not in names(shelf), "a table that was taken out is gone"
    assert shelf.problems() == ()


def test_a_file_that_cannot_be_read_any_more_says_what_it_said(files: Files) -> None:
    files.write(1, 'default = "b"\nembeddings = "c"\n[c]\npath = "c"\n[d]\npath = "user-d"\n[e]\npath = 1')
    files.write(2, '[d]\npath = "here-d"')
    shelf = files.shelf()
    for bad in ("no TOML at all", "still none"):
        files.write(1, bad)
        files.write(2, "")
        shelf.reload()
        embeddings = shelf.embeddings()
        assert (shelf.default().name, embeddings and embeddings.name) == ("b", "c")
        assert names(shelf) == {"a": "shipped-a", "b": "shipped-b", "c": "c", "d": "user-d"}
        assert len(shelf.problems()) == 1
        assert "is not valid TOML" in shelf.problems()[0]
    files.write(1, "")
    shelf.reload()
    assert (shelf.default().name, shelf.embeddings(), shelf.problems()) == ("a", None, ())


def test_a_table_that_was_never_good_stays_bad_until_it_is(files: Files) -> None:
    files.write(1, "[c]\npath = 1")
    shelf = files.shelf()
    files.write(1, "[c]\npath = 2")
    shelf.reload()
    assert names(shelf)["c"] == "BAD"
    files.write(1, '[c]\npath = "c"')
    shelf.reload()
    assert names(shelf)["c"] == "c"


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_one_file_under_two_names_is_read_once(files: Files) -> None:
    link = files.paths[2]
    link.symlink_to(files.paths[0])
    shelf = files.shelf()
    assert {model.source for model in shelf.models()} == {str(files.paths[0])}


def test_health_comes_from_the_header_alone(files: Files) -> None:
    files.write(1, '[gone]\npath = "gone.gguf"\n[bad]\npath = 1')
    shelf = files.shelf()
    health = {model.name: shelf.check(model) for model in shelf.models()}
    assert health["a"].ok
    assert health["a"].facts == FACTS
    assert not health["gone"].ok
    assert isinstance(health["gone"].problem, ModelError)
    assert isinstance(next(model for model in shelf.models() if model.name == "bad"), BadModel)
    assert isinstance(health["bad"].problem, ConfigError)


def test_the_picker_says_that_an_embedding_model_writes_nothing(tmp_path: Path) -> None:
    shelf = ModelShelf((tmp_path / "models.toml",), lambda _spec: replace(FACTS, writes=False))
    assert shelf.fit(ModelSpec(name="e", path="/e.gguf")) == "an embedding model; it cannot write answers"


def test_two_bad_edits_in_a_row_keep_the_last_good_table(files: Files) -> None:
    files.write(1, '[q]\npath = "user-q"')
    shelf = files.shelf()
    files.write(1, '[q]\npath = "user-q"\nn_ctx = "x"')
    shelf.reload()
    assert names(shelf)["q"] == "user-q"
    for content in (b'[q]\npath = "\xd6\xd0"', b'[q]\npath = "\xce\xc4"'):
        files.paths[1].write_bytes(content)
        shelf.reload()
        assert names(shelf) == {"a": "shipped-a", "b": "shipped-b", "q": "user-q"}
        assert "is not UTF-8" in " ".join(shelf.problems())
