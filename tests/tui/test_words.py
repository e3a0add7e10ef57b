"""Every sentence of the screen has its Chinese, with the same placeholders."""

from __future__ import annotations

import ast
from pathlib import Path
from string import Formatter

import pytest

import llmlab.tui
from llmlab.domain.sampling import SETTINGS
from llmlab.tui.commands.table import COMMANDS
from llmlab.tui.panes.document_words import WAY_HELP, WAY_NAMES
from llmlab.tui.screens.help import COMPARING, SECTIONS, WRITING
from llmlab.words import read_catalogue


def sentences() -> set[str]:
    """All English sentences: arguments of `say`, and what tables hand to it."""
    found = {text for command in COMMANDS for text in (command.title, command.help, command.hint) if text}
    found |= {text for _, text in (*SECTIONS, *WRITING, *COMPARING)} | {setting.help for setting in SETTINGS}
    found |= {*WAY_NAMES.values(), *WAY_HELP.values()}
    for file in Path(llmlab.tui.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    found.add(str(first.value))
    return found


@pytest.mark.parametrize("sentence", sorted(sentences()))
def test_a_sentence_has_its_chinese(sentence: str) -> None:
    chinese = read_catalogue("zh").get(sentence)
    assert chinese, sentence
    assert placeholders(chinese) == placeholders(sentence)


def placeholders(text: str) -> set[str]:
    """Names of the fields of a sentence."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}
