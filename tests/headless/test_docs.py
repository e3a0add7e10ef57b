"""The documents say what the program does: options, keys, ranges and exit codes stand in them; examples are valid."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from llmlab.cli import lab_command
from llmlab.domain.model import CACHE_TYPES, NAMED_TEMPLATES, ModelSpec, Rope
from llmlab.domain.recipe import Recipe
from llmlab.domain.remote import Remote
from llmlab.domain.sampling import SETTINGS, Setting
from llmlab.headless.ask import record
from llmlab.headless.diagnostics import Exit
from llmlab.library.models import LATER, parse_models
from llmlab.library.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"
COMMANDS = (DOCS / "command-line.md").read_text(encoding="utf-8")
MODELS = (DOCS / "models.md").read_text(encoding="utf-8")
PROMPT = (DOCS / "prompt.md").read_text(encoding="utf-8")


def commands(command: click.Command, name: str = "llmlab") -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from commands(found, f"{name} {child}")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize(("name", "command"), list(commands(lab_command())))
def test_every_command_and_option_is_documented(name: str, command: click.Command) -> None:
    assert name in COMMANDS
    for parameter in command.params:
        for option in (*parameter.opts, *parameter.secondary_opts):
            if option.startswith("-"):
                assert re.search(rf"`{option}[` ]", COMMANDS), option


def test_every_exit_code_is_documented() -> None:
    for code in Exit:
        assert re.search(rf"^\| {int(code)} \|", COMMANDS, re.MULTILINE)


def test_the_object_in_the_document_has_the_keys_of_the_real_one() -> None:
    (example,) = (json.loads(block) for block in blocks(COMMANDS, "json"))
    real = record(None, Recipe(model=ModelSpec(name="m", path="")))
    assert list(example) == list(real)
    for part in ("usage", "timing"):
        assert list(example[part]) == list(real[part])  # type: ignore[call-overload]


def test_every_key_of_a_model_is_documented() -> None:
    keys = {field.name for field in dataclasses.fields(ModelSpec)} - {"name", "source", "purpose", "remote"} | set(
        LATER
    )
    keys |= {field.name for field in dataclasses.fields(Remote)}
    keys |= {f"rope.{field.name}" for field in dataclasses.fields(Rope)}
    keys |= {field.name for field in dataclasses.fields(Settings)}
    assert {key for key in keys if f"`{key}`" not in MODELS} == set()
    for word in (*CACHE_TYPES, *NAMED_TEMPLATES):
        assert re.search(rf"\b{word}\b", MODELS), word


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_sampler_setting_is_documented_with_its_range(setting: Setting) -> None:
    if setting.kind == "biases":
        assert f"`{setting.name}`: {setting.help}." in PROMPT
        return
    span = "text or list of texts" if setting.kind == "texts" else f"{bound(setting.low)} to {bound(setting.high)}"
    assert f"| `{setting.name}` | {span} | {setting.help} |" in MODELS


def bound(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


@pytest.mark.parametrize("example", blocks(MODELS, "toml"))
def test_every_example_is_valid(example: str) -> None:
    file = parse_models(example, DOCS / "models.toml")
    assert file.problems == ()
    assert file.models
    assert all(isinstance(model, ModelSpec) for model in file.models), file.models
