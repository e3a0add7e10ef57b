"""Commands as declarations, slash commands as text, exports as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmlab.domain.messages import ChatSummary
from llmlab.errors import StoreError, UsageError
from llmlab.tui.commands.chat_acts import export_path, file_stem, write_new
from llmlab.tui.commands.slash import completions, parse_slash
from llmlab.tui.commands.table import BY_SLASH, COMMANDS, keys_of
from llmlab.tui.widgets.chat_list import chat_line
from llmlab.tui.widgets.hints import hints_for
from llmlab.tui.widgets.pastes import FOLD_CHARACTERS, Pastes

TAKEN = {"ctrl+i", "ctrl+m", "ctrl+b", "ctrl+a"}
"""Tab and enter in disguise, and what tmux and screen keep for themselves."""


def test_every_command_can_be_found_and_rebound() -> None:
    assert len({command.id for command in COMMANDS}) == len(COMMANDS)
    assert len(BY_SLASH) == sum(1 for command in COMMANDS if command.slash)
    assert all(command.title and command.help for command in COMMANDS)


def test_no_two_commands_of_one_place_share_a_key_and_none_is_out_of_reach() -> None:
    for scope in ("app", "lab", "message", "list"):
        places = {"app", "lab", scope}
        keys = [key for command in COMMANDS if command.scope in places for key in keys_of(command, {})]
        assert len(set(keys)) == len(keys), scope
        assert not TAKEN & set(keys)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/new", ("chat.new", "")),
        ("/export json  out.json ", ("chat.export", "json  out.json")),
        ("/rename A new title", ("chat.rename", "A new title")),
        ("hello", None),
        (" /new", None),
        ("/usr/bin/env", None),
        ("/2 apples", None),
        ("/", None),
        ("/new\nline", None),
    ],
)
def test_slash_commands(text: str, expected: tuple[str, str] | None) -> None:
    parsed = parse_slash(text)
    assert (parsed and (parsed.command.id, parsed.argument)) == expected


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("/regenrate", "/regenerate"), ("/template", "/t"), ("/examples", "/shots"), ("/exampl", "/example")],
)
def test_an_unknown_slash_command_names_the_near_miss(typed: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_slash(typed)
    assert f"{meant}?" in caught.value.hint


def test_completions_end_with_the_word() -> None:
    assert len(completions("/")) == len(BY_SLASH)
    assert [command.slash for command in completions("/ne")] == ["new"]
    assert completions("/new ") == ()
    assert completions("ne") == ()


def test_stopping_comes_first_while_an_answer_runs() -> None:
    assert hints_for("message", answering=True)[0].id == "answer.stop"
    assert hints_for("message", answering=False)[0].scope == "message"


@pytest.mark.parametrize(
    ("title", "stem"),
    [("Which fruit?", "Which-fruit"), ("../../etc/passwd", "etc-passwd"), ("苹果 和", "苹果-和"), ("???", "chat")],
)
def test_file_names_from_titles(title: str, stem: str) -> None:
    assert file_stem(title) == stem


def test_exports_go_where_they_are_asked_to(tmp_path: Path) -> None:
    assert export_path(tmp_path, "", "a.md") == tmp_path / "a.md"
    assert export_path(tmp_path, "b.md", "a.md") == tmp_path / "b.md"
    assert export_path(tmp_path / "other", str(tmp_path), "a.md") == tmp_path / "a.md"


def test_a_file_that_exists_is_never_overwritten(tmp_path: Path) -> None:
    first, second = write_new(tmp_path / "a.md", "1"), write_new(tmp_path / "a.md", "2")
    assert (first.read_text(), second.name) == ("1", "a-2.md")
    with pytest.raises(StoreError):
        write_new(tmp_path / "none" / "a.md", "3")


def test_pastes_unfold_to_what_they_were_even_when_they_look_like_marks() -> None:
    pastes = Pastes()
    long = "x" * (FOLD_CHARACTERS + 1)
    first = pastes.fold(long)
    second = pastes.fold(first * 1000)
    assert len(second) < 80
    assert pastes.unfold(f"a {first} b {second}") == f"a {long} b {first * 1000}"
    assert pastes.fold("short") == "short"
    assert pastes.mark_before(f"a {first}") == first


def test_a_search_shows_its_match_on_one_line_and_nothing_as_markup() -> None:
    snippet = "a long way before the \x02[b]match\x03 and\nafter \x1b[31m it"
    chat = ChatSummary(id="1", title="[i]T[/i]", created=0, updated=0, model="m", snippet=snippet)
    title, match = chat_line(chat, 40).plain.split("\n")
    assert title == "[i]T[/i]"
    assert "[b]match" in match
    assert "\x1b" not in match
    assert len(match) <= 40
