"""settings.toml."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.sampling import Sampling
from llmlab.errors import ConfigError
from llmlab.library.settings import Settings, SettingsFile, read_settings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "settings.toml"


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_no_file_is_every_default(path: Path) -> None:
    assert read_settings(path) == (Settings(), ())


def test_every_setting_arrives(path: Path) -> None:
    written(
        path,
        """
        language = "zh"
        theme = "light"
        show_thinking = true
        thinking = false
        last_model = "qwen"
        [last_context]
        n_ctx = 16384
        rope_scaling = "yarn"
        [sampling]
        top_k = 3
        [keymap]
        "chat.new" = "ctrl+n"
        "app.quit" = ["ctrl+q", "f10", "?"]
        """,
    )
    settings, problems = read_settings(path)
    assert problems == ()
    assert settings == Settings(
        language="zh",
        theme="light",
        show_thinking=True,
        thinking=False,
        last_model="qwen",
        last_context={"n_ctx": 16384, "rope_scaling": "yarn"},
        sampling=Sampling(top_k=3),
        keymap={"chat.new": "ctrl+n", "app.quit": "ctrl+q,f10,?"},
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('theem = "dark"', "1: theem: there is no such key; did you mean theme?"),
        ('theme = "blue"', '1: theme: "blue" is not one of "dark", "light"'),
        ('language = "fr"', '1: language: "fr" is not one of "auto", "en", "zh"'),
        ("[sampling]\ntop_p = 3", "2: sampling.top_p: 3 is not a number from 0 to 1"),
        ("[keymap]\nx = 3", '2: keymap.x: 3 is no key such as "ctrl+n" and no list of keys'),
        ('[keymap]\nx = "ctrl + n"', '2: keymap.x: "ctrl + n" is no key such as "ctrl+n" and no list of keys'),
        ("[last_context]\nn_ctx = 3", "2: last_context.n_ctx: 3 is not a whole number from 64 to 16,777,216"),
        ("keymap = 3", "1: keymap: 3 is not a table"),
    ],
)
def test_what_is_wrong_is_told_and_the_rest_still_counts(path: Path, text: str, said: str) -> None:
    written(path, "show_thinking = true\n" + text)
    settings, problems = read_settings(path)
    number, rest = said.split(":", 1)
    assert [str(problem) for problem in problems] == [f"{path}:{int(number) + 1}:{rest}"]
    assert settings.show_thinking


def test_auto_is_no_language(path: Path) -> None:
    assert read_settings(written(path, 'language = "auto"'))[0].language == ""


def test_a_change_is_written_and_read_back(path: Path) -> None:
    file = SettingsFile(path)
    file.change(theme="light", last_model='a "b"\\')
    file.change(sampling=Sampling(temperature=0.5, stop=("a\n", "b")), keymap={"app.quit": "ctrl+q,f10"})
    file.change(thinking=True, last_context={"n_ctx": 8192, "rope_factor": 2.0, "deterministic": True})
    assert SettingsFile(path).current == file.current
    assert file.current == Settings(
        theme="light",
        last_model='a "b"\\',
        thinking=True,
        last_context={"n_ctx": 8192, "rope_factor": 2.0, "deterministic": True},
        sampling=Sampling(temperature=0.5, stop=("a\n", "b")),
        keymap={"app.quit": "ctrl+q,f10"},
    )
    file.change(thinking=None, last_model="", last_context={}, sampling=Sampling())
    assert SettingsFile(path).current == Settings(theme="light", keymap={"app.quit": "ctrl+q,f10"})


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_the_file_is_the_owners_alone(path: Path) -> None:
    SettingsFile(path).change(theme="light")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_comments_and_order_survive(path: Path) -> None:
    written(path, "# mine\ntheme = 'dark' # so\n\n# keys\n[keymap]\n'x' = 'f2' # mine too\n")
    SettingsFile(path).change(last_model="m", theme="light")
    text = path.read_text(encoding="utf-8")
    assert text == "# mine\ntheme = \"light\"\nlast_model = \"m\"\n\n# keys\n[keymap]\n'x' = 'f2' # mine too\n"


def test_what_stands_there_already_stays_as_it_was_written(path: Path) -> None:
    text = "\n\n# mine\n[sampling] # so\ntop_k = 0x10\n\n\n[keymap]\nx = ['f2']\n"
    written(path, text)
    SettingsFile(path).change(sampling=Sampling(top_k=16), last_context={}, keymap={"x": "f2"})
    assert path.read_text(encoding="utf-8") == text


def test_values_over_several_lines_survive_in_meaning(path: Path) -> None:
    written(path, 'theme = "light"\n[sampling]\nstop = [\n  "a",\n  "b",\n]\n')
    file = SettingsFile(path)
    file.change(sampling=Sampling(top_k=1))
    assert SettingsFile(path).current == Settings(theme="light", sampling=Sampling(top_k=1))


@pytest.mark.parametrize("text", ["this is no TOML", 'theem = "dark"', 'theme = "blue"'])
def test_a_file_with_a_mistake_is_never_overwritten(path: Path, text: str) -> None:
    written(path, text)
    file = SettingsFile(path)
    assert len(file.problems) == 1
    with pytest.raises(ConfigError, match="not written") as refusal:
        file.change(theme="light")
    assert str(path) in refusal.value.where
    assert path.read_text(encoding="utf-8") == text
    assert file.current.theme == "light", "it holds until the end of the program"
    written(path, "")
    file.change(theme="light")
    assert SettingsFile(path).current.theme == "light"


def test_an_edit_made_meanwhile_survives(path: Path) -> None:
    file = SettingsFile(path)
    file.change(theme="light")
    written(path, path.read_text(encoding="utf-8") + "show_thinking = true\n")
    file.change(last_model="x")
    assert SettingsFile(path).current == Settings(theme="light", show_thinking=True, last_model="x")


def test_a_value_that_could_not_be_read_back_is_not_written(path: Path) -> None:
    file = SettingsFile(path)
    file.change(last_model="x")
    with pytest.raises(ConfigError):
        file.change(theme="blue")
    assert SettingsFile(path).current == Settings(last_model="x")


def test_a_place_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file, no folder", encoding="utf-8")
    file = SettingsFile(tmp_path / "config" / "settings.toml")
    with pytest.raises(ConfigError, match="cannot be written"):
        file.change(theme="light")


TEXT = st.text(max_size=12)


@given(
    last_model=TEXT,
    theme=st.sampled_from(["dark", "light"]),
    thinking=st.none() | st.booleans(),
    stop=st.lists(st.text(min_size=1, max_size=5), max_size=3),
    before=st.sampled_from(
        ["", "# c\n", '[keymap]\n"a.b" = "f2"\n', "show_thinking = true\n\n[sampling]\ntop_k = 2\n"]
    ),
)
def test_whatever_is_written_reads_back(
    tmp_path_factory: pytest.TempPathFactory,
    last_model: str,
    theme: str,
    thinking: bool | None,
    stop: list[str],
    before: str,
) -> None:
    path = tmp_path_factory.getbasetemp() / "settings.toml"
    path.write_text(before, encoding="utf-8")
    file = SettingsFile(path)
    file.change(last_model=last_model, theme=theme, thinking=thinking, sampling=Sampling(stop=tuple(stop) or None))
    again = SettingsFile(path)
    assert again.problems == ()
    assert again.current == file.current
