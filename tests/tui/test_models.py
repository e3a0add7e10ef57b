"""Which model the next start of the lab finds, and how it loads it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmlab.domain.model import ModelSpec, Rope
from llmlab.domain.sampling import Sampling
from llmlab.errors import ConfigError
from llmlab.tui.models import first_model, look_at_shelf, to_remember
from tests.tui.laboratory import ShelfDouble, spec

LISTED = replace(spec("one"), n_ctx=2048, sampling=Sampling(temperature=0.3), system="Be brief.")


class Shelf(ShelfDouble):
    """Finds files by their path as well."""

    def find(self, name: str) -> ModelSpec:
        return ModelSpec(name="file", path=name) if name.startswith("/files/") else super().find(name)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf([LISTED, spec("two")])


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (LISTED, "one"),
        (replace(LISTED, n_ctx=8192, rope=Rope(scaling="yarn", factor=4.0)), "one"),
        (replace(LISTED, cache_type_v="q8_0", chat_template="raw"), "one"),
        (ModelSpec(name="file", path="/files/file.gguf"), "/files/file.gguf"),
        (ModelSpec(name="file", path="/files/file.gguf", n_ctx=512, deterministic=True), "/files/file.gguf"),
        (ModelSpec(name="one", path="/files/one.gguf", n_ctx=512), "/files/one.gguf"),
    ],
)
def test_what_was_loaded_last_is_found_as_it_was_loaded(shelf: Shelf, model: ModelSpec, name: str) -> None:
    last, context = to_remember(shelf, model)
    assert last == name
    found = first_model(shelf, "", last, context)
    assert found == replace(model, name=found.name)


def test_what_the_command_line_asks_for_is_loaded_as_its_table_says(shelf: Shelf) -> None:
    assert first_model(shelf, "one", "one", {"n_ctx": 8192}) == LISTED


def test_the_default_is_nobody_else_s_window(shelf: Shelf) -> None:
    assert first_model(shelf, "", "gone", {"n_ctx": 8192}) == LISTED


def test_a_model_that_nothing_finds_again_is_remembered_by_its_path(shelf: Shelf) -> None:
    server = ModelSpec(name="far", path="http://localhost/far", n_ctx=512)
    with pytest.raises(ConfigError):
        shelf.find(server.path)
    assert to_remember(shelf, server) == (server.path, {})


def test_an_edit_of_the_window_goes_before_the_one_that_was_kept(shelf: Shelf) -> None:
    last, context = to_remember(shelf, replace(LISTED, n_ctx=32768))
    lower = replace(LISTED, n_ctx=1024)
    assert first_model(Shelf([lower]), "", last, context) == lower
    other = replace(LISTED, system="Be kind.")
    assert first_model(Shelf([other]), "", last, context) == replace(other, n_ctx=32768)
    assert first_model(shelf, "", last, {"n_ctx": 8192}) == replace(LISTED, n_ctx=8192), "as a person writes it"


class Edited(Shelf):
    """models.toml is edited: its first table says `new` once it is read again."""

    new: ModelSpec = LISTED

    def reload(self) -> None:
        super().reload()
        self.listed[0] = self.new


@pytest.mark.parametrize(
    ("new", "found"),
    [
        (LISTED, None),
        (replace(LISTED, system="Be kind."), replace(LISTED, system="Be kind.", n_ctx=32768)),
        (replace(LISTED, n_ctx=1024), replace(LISTED, n_ctx=1024)),
    ],
    ids=["another table", "another field", "the window"],
)
async def test_an_edit_lets_go_of_a_window_only_where_it_is_about_that(new: ModelSpec, found: ModelSpec | None) -> None:
    shelf = Edited([LISTED, spec("two")], edited=True)
    shelf.new = new
    news = await look_at_shelf(shelf, replace(LISTED, n_ctx=32768))
    assert news is not None
    assert news.spec == found
