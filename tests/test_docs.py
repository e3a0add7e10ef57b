"""The documentation keeps up with the program: links lead somewhere, keys and commands are those that hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llmlab.tui.commands.table import BY_SLASH, COMMANDS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CHAT_PAGE = (ROOT / "docs" / "chat.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_table_of_ids_names_every_command_with_its_keys() -> None:
    listed = dict(re.findall(r"\| `([a-z]+\.[a-z_]+)` \| `([^`]+)` ", CHAT_PAGE))
    commands = {command.id: command.keys for command in COMMANDS if command.keys}
    assert {id_: keys for id_, keys in listed.items() if not id_.startswith("composer.")} == commands


def test_every_slash_command_on_the_page_exists() -> None:
    named = set(re.findall(r"`/([a-z]+)", CHAT_PAGE))
    assert named
    assert named - set(BY_SLASH) == set()
