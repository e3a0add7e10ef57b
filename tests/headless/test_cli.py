"""The command line in this process: everything that needs no engine."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from llmlab import __version__, words
from llmlab.__main__ import choose_language
from llmlab.cli import run
from llmlab.commands.kit import Session
from llmlab.domain.messages import Chat, Message, Origin, Text
from llmlab.domain.model import EngineReport, Gpu
from llmlab.domain.recipe import Recipe
from llmlab.errors import EngineError
from llmlab.headless.diagnostics import Diagnostics
from llmlab.headless.output import Output
from llmlab.paths import Paths
from llmlab.store.chats import ChatStore
from tests.headless.conftest import Command
from tests.headless.terminals import Closed, Stream


def test_a_deterministic_question_asks_for_a_deterministic_model(
    llmlab: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def answer(_host: object, _preparing: object, recipe: Recipe, *_rest: object, **_options: object) -> int:
        asked.append(recipe.model.deterministic)
        return 0

    monkeypatch.setattr("llmlab.headless.ask.answer", answer)
    assert [llmlab("ask", "q", "-m", "pocket:pocket-m", *flag) for flag in ((), ("--deterministic",))] == [0, 0]
    assert asked == [False, True]


def test_version(llmlab: Command) -> None:
    assert llmlab("--version") == 0
    assert llmlab.out == f"llmlab {__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["ask", "--help"], ["chats", "export", "-h"]])
def test_help_goes_to_standard_output(llmlab: Command, arguments: list[str]) -> None:
    assert llmlab(*arguments) == 0
    assert llmlab.out.startswith("Usage: llmlab")
    assert llmlab.out.endswith("\n")
    assert llmlab.err == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["modles"], "There is no command modles; did you mean models?"),
        (["Why is the sky blue?"], 'llmlab ask "Why is the sky blue?"'),
        (["chats", "lst"], "There is no command lst; did you mean list?"),
        (["ask", "--modle", "x"], "There is no option --modle; did you mean --model?"),
        (["ask", "q", "--seed"], "--seed needs its value"),
        (["ask", "q", "-o", "temperature"], "-o needs its value: -o KEY VALUE"),
        (["ask", "q", "--json=1"], "--json takes no value"),
        (["ask", "q", "--logprobs", "101"], "--logprobs takes a whole number from 0 to 100"),
        (["chats", "list", "-n", "0"], "-n/--limit takes a whole number from 1 on"),
        (["chats", "show"], "Missing: ID"),
        (["chats", "export", "x", "--format", "pdf"], "--format takes md or json"),
        (["--modle"], "There is no option --modle; did you mean --model?"),
        (["ask", "x", "y"], "Unexpected: y; a text of several words stands in quotes"),
        (["ask", "--seed", "x", "q"], "--seed takes a whole number"),
        (["ask", "q", "-o", "temp", "1"], "did you mean temperature?"),
        (["ask", "q", "-m", "pocket-n"], "did you mean pocket-m?"),
        (["ask"], "There is no question."),
        (["chats"], "Usage: llmlab chats"),
        (["chats", "show", "abc"], "There is no chat abc."),
        (["chats", "search", " "], "nothing to search for"),
        (["models", "check", "pocket-n"], "did you mean pocket-m?"),
        (["--language", "fr"], "--language takes auto or en or zh"),
    ],
)
def test_a_wrong_command_line_is_told_on_standard_error(llmlab: Command, arguments: list[str], said: str) -> None:
    assert llmlab(*arguments) == 2
    assert said in llmlab.err
    assert llmlab.out == ""


@pytest.mark.parametrize("command", ["ask", "chats show", "chats"])
def test_a_complaint_names_the_help_of_its_command(llmlab: Command, command: str) -> None:
    assert llmlab(*command.split(), "--nothing") == 2
    assert f"See: llmlab {command} --help" in llmlab.err


@pytest.mark.parametrize("arguments", [["--help"], ["chats", "--help"], ["ask", "--help"]])
def test_a_help_page_is_in_the_language_in_use(llmlab: Command, arguments: list[str]) -> None:
    words.use_language("zh")
    assert llmlab(*arguments) == 0
    assert llmlab.out.startswith("用法:")
    assert "选项" in llmlab.out
    assert not [word for word in ("Usage", "Options", "OPTIONS", "Commands", "COMMAND", "ARGS") if word in llmlab.out]


def test_the_lab_without_a_terminal_points_to_ask(llmlab: Command) -> None:
    assert llmlab() == 2
    assert "llmlab ask" in llmlab.err


def test_what_nobody_foresaw_is_one_sentence_and_a_log(llmlab: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> int:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr("llmlab.headless.places.list_paths", broken)
    assert llmlab("paths") == 1
    assert "ZeroDivisionError: odd" in llmlab.err
    assert "Traceback" not in llmlab.err
    assert "Traceback" in (llmlab.paths.logs / "llmlab.log").read_text(encoding="utf-8")


def test_a_reader_that_left_is_no_failure(llmlab: Command) -> None:
    out = Output(io.TextIOWrapper(io.BufferedWriter(Closed()), encoding="utf-8"))
    err = Stream(terminal=False)
    assert run(["paths"], Session(out, Diagnostics(err), llmlab.paths)) == 0
    assert err.text == ""


def test_ctrl_c_anywhere_is_130(llmlab: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("llmlab.headless.places.list_paths", interrupted)
    assert llmlab("paths") == 130
    assert llmlab.err == ""


def test_folders_that_cannot_be_made_say_so(llmlab: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    root = tmp_path / "file"
    llmlab.paths = Paths(root / "config", root / "data", root / "logs", root / "cache")
    assert llmlab("ask", "hi") == 2
    assert "LLMLAB_HOME" in llmlab.err


def test_paths(llmlab: Command) -> None:
    found = llmlab.json("paths")
    assert isinstance(found, dict)
    assert found["config"] == str(llmlab.paths.config)
    assert found["models_here"] == str(Path.cwd() / "models.toml")
    assert Path(found["models_shipped"]).is_file()
    assert llmlab("paths") == 0
    assert llmlab.out.splitlines()[0].split() == ["config", str(llmlab.paths.config)]


def test_models_lists_the_good_and_the_bad(llmlab: Command) -> None:
    llmlab.paths.models_file.write_text("[odd]\npth = 'x'\n[fine]\npath = '/x.gguf'\n", encoding="utf-8")
    found = llmlab.json("models")
    assert isinstance(found, dict)
    assert {model["name"]: (model["ok"], model["default"]) for model in found["models"]} == {
        "pocket-m": (True, False), "pocket-l": (True, True), "pocket-s": (True, False), "pocket-l-base": (True, False),
        "odd": (False, False), "fine": (True, False),
    }  # fmt: skip
    assert llmlab("models") == 0
    first, marked, *family, odd, fine = (line.split()[:2] for line in llmlab.out.splitlines())
    assert (marked, odd, fine) == (["*", "pocket-l"], ["!", "odd"], ["fine", "/x.gguf"])
    assert [name for name, _ in (first, *family)] == ["pocket-m", "pocket-s", "pocket-l-base"]
    assert f"{llmlab.paths.models_file}:2: [odd] pth: there is no such key; did you mean path?" in llmlab.err


def test_models_here_win(llmlab: Command) -> None:
    llmlab.paths.models_file.write_text("[m]\npath = '/user.gguf'\n", encoding="utf-8")
    Path("models.toml").write_text("default = 'm'\n[m]\npath = 'here.gguf'\n", encoding="utf-8")
    found = llmlab.json("models")
    assert isinstance(found, dict)
    (model,) = [model for model in found["models"] if model["default"]]
    assert (model["name"], model["path"]) == ("m", str(Path.cwd() / "here.gguf"))


def test_models_check_reads_headers_and_fails_when_one_is_bad(llmlab: Command) -> None:
    assert llmlab("models", "check") == 0, llmlab.err
    assert llmlab.out.startswith("pocket-m: sound; qwen2, ")
    llmlab.paths.models_file.write_text("[gone]\npath = '/gone.gguf'\n", encoding="utf-8")
    assert llmlab("models", "check") == 1
    assert "gone: " in llmlab.out
    assert llmlab("models", "check", "pocket-m") == 0
    assert llmlab("models", "check", "gone", "--json") == 1
    (model,) = json.loads(llmlab.out)["models"]
    assert (model["ok"], model["facts"]) == (False, None)
    assert "/gone.gguf" in json.dumps(model["problem"])


def test_models_check_takes_a_file(llmlab: Command, tmp_path: Path) -> None:
    path = tmp_path / "noise.gguf"
    path.write_bytes(b"noise" * 100)
    assert llmlab("models", "check", str(path)) == 1
    assert "noise: " in llmlab.out


@pytest.fixture
def chats(llmlab: Command) -> list[str]:
    """Two stored chats; their ids, the newest first."""
    made: list[str] = []
    store = ChatStore(llmlab.paths.database)
    for number, name in enumerate(("aa11", "bb22")):
        moment = 1_000_000.0 * (number + 1)
        chat = Chat(id=name * 8, title=f"Tell {name} \x1b[2J", created=moment, updated=moment, model="m")
        asked = Message(id=name + "q", parent=None, role="user", parts=(Text("Tell\x1b[2J"),), created=moment)
        said = replace(
            asked, id=name + "a", parent=asked.id, role="assistant", parts=(Text(f"An apple for {name}"),),
            origin=Origin(model="m"),
        )  # fmt: skip
        store.create(chat)
        store.save(chat.id, asked)
        store.save(chat.id, said)
        made.insert(0, chat.id)
    store.close()
    return made


def test_chats_are_listed_searched_shown_and_exported(llmlab: Command, chats: list[str], tmp_path: Path) -> None:
    listed = llmlab.json("chats", "list")
    assert isinstance(listed, list)
    assert {chat["id"] for chat in listed} == set(chats)
    assert all(chat["messages"] == 2 for chat in listed)
    found = llmlab.json("chats", "search", "apple for bb")
    assert isinstance(found, list)
    assert [chat["id"] for chat in found] == ["bb22" * 8]
    assert "apple" in found[0]["snippet"]
    assert "\x02" not in found[0]["snippet"]
    assert llmlab("chats", "search", "apple") == 0
    assert "An apple for" in llmlab.out
    assert llmlab("chats", "list", "-n", "1") == 0
    assert len(llmlab.out.splitlines()) == 1

    assert llmlab("chats", "show", "aa") == 0
    assert "An apple for aa11" in llmlab.out
    exported = llmlab.json("chats", "show", "aa11aa11")
    assert isinstance(exported, dict)
    assert exported["id"] == "aa11" * 8
    file = tmp_path / "chat.json"
    assert llmlab("chats", "export", "bb", "--format", "json", "-o", str(file)) == 0
    assert llmlab.out == ""
    assert json.loads(file.read_text(encoding="utf-8"))["id"] == "bb22" * 8
    assert llmlab("chats", "export", "aa", "-o", str(file)) == 2
    assert "exists already" in llmlab.err
    assert llmlab("chats", "export", "aa", "-o", str(file), "--force") == 0
    assert "An apple for aa11" in file.read_text(encoding="utf-8")
    assert llmlab("chats", "export", "aa", "-o", str(tmp_path / "no" / "where")) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_an_export_to_a_full_disk_has_failed_and_was_no_mistake(llmlab: Command, chats: list[str]) -> None:
    assert llmlab("chats", "export", "aa", "-o", "/dev/full", "--force") == 1
    assert "No space left" in llmlab.err


def test_nothing_stored_reaches_a_terminal_raw(llmlab: Command, chats: list[str]) -> None:
    llmlab.terminal = True
    for arguments in (
        ["chats", "list"],
        ["chats", "show", "aa"],
        ["chats", "search", "Tell"],
        ["chats", "list", "--json"],
    ):
        assert llmlab(*arguments) == 0
        assert "\x1b[2J" not in llmlab.out
        assert "Tell" in llmlab.out


def test_a_beginning_that_fits_several_chats_is_refused(llmlab: Command, chats: list[str]) -> None:
    store = ChatStore(llmlab.paths.database)
    store.create(Chat(id="aaff", title="t", created=1.0, updated=1.0, model="m"))
    store.close()
    assert llmlab("chats", "show", "aa") == 2
    assert "Several chats begin with aa" in llmlab.err
    assert llmlab("chats", "show", "") == 2


def test_a_database_of_noise_is_told_and_left_alone(llmlab: Command) -> None:
    llmlab.paths.database.write_bytes(b"noise" * 2000)
    code = llmlab("chats", "list")
    assert code in (0, 1)
    assert "Traceback" not in llmlab.err
    kept = [path for path in llmlab.paths.data.iterdir() if path.read_bytes() == b"noise" * 2000]
    assert kept, "the damaged file is still somewhere"


def findings(llmlab: Command, code: int) -> dict[str, list[tuple[str, str]]]:
    """What the doctor found: state and text by area."""
    assert llmlab("doctor", "--json") == code, llmlab.out + llmlab.err
    value = json.loads(llmlab.out)
    assert value["ok"] is (code == 0)
    areas: dict[str, list[tuple[str, str]]] = {}
    for finding in value["findings"]:
        areas.setdefault(finding["area"], []).append((finding["state"], finding["text"]))
    return areas


@pytest.fixture
def sound_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "llmlab.wiring.probe_engine",
        lambda: EngineReport("build 1", gpu=True, devices=(Gpu("CUDA0", "A GPU", 8 << 30, 10 << 30),)),
    )


@pytest.mark.usefixtures("sound_engine")
def test_the_doctor_finds_a_sound_house_sound(llmlab: Command, chats: list[str]) -> None:
    areas = findings(llmlab, 0)
    assert areas["engine"] == [("ok", "build 1")]
    estimate = "llmlab estimates how many layers fit; this build does not bring llama.cpp's own fitting."
    assert areas["gpu"] == [("ok", "0: A GPU (CUDA0), 8.0 GB of 10.0 GB free"), ("ok", estimate)]
    assert len(areas["folder"]) == 4
    assert areas["chats"][0][1].startswith("2 chats")
    assert areas["model"][0][1].startswith("pocket-m: sound")
    assert {"llmlab", "packages", "cores", "memory", "disk", "settings"} < areas.keys()
    assert llmlab("doctor") == 0
    assert llmlab.out.startswith("ok  ")


def test_the_doctor_names_what_is_broken(llmlab: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead() -> EngineReport:
        raise EngineError("It does not start.", where="libllama.so is missing", hint="Install it.")

    monkeypatch.setattr("llmlab.wiring.probe_engine", dead)
    llmlab.paths.settings_file.write_text('theem = "dark"', encoding="utf-8")
    llmlab.paths.models_file.write_text("default = 'zz'\n[bad]\npath = 1\n[gone]\npath = '/gone'", encoding="utf-8")
    areas = findings(llmlab, 1)
    assert areas["engine"] == [("broken", "It does not start. (libllama.so is missing)")]
    assert "did you mean theme?" in areas["settings"][0][1]
    assert [state for state, _ in areas["model"]] == ["ok"] * 4 + ["broken"] * 2
    assert "default names no model: zz" in areas["models.toml"][0][1]
    assert llmlab("doctor") == 1
    assert "BROKEN" in llmlab.out


@pytest.mark.usefixtures("sound_engine")
def test_the_doctor_sees_a_folder_in_the_way(llmlab: Command, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("", encoding="utf-8")
    llmlab.paths = Paths(llmlab.paths.config, blocked / "data", llmlab.paths.logs, llmlab.paths.cache)
    assert ("broken", f"{blocked / 'data'} cannot be written.") in findings(llmlab, 1)["folder"]


@pytest.mark.parametrize(
    ("arguments", "environment", "settings", "chosen"),
    [
        ([], "", "", "en"),
        ([], "zh", "en", "zh"),
        ([], "", "zh", "zh"),
        (["--language", "zh"], "en", "en", "zh"),
        (["--language=en", "ask"], "zh", "zh", "en"),
        (["--language"], "", "", "en"),
        (["--language", "auto"], "", "zh", "zh"),
    ],
)
def test_the_flag_then_the_variable_then_the_settings_choose_the_language(
    paths: Paths,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    environment: str,
    settings: str,
    chosen: str,
) -> None:
    monkeypatch.setenv("LLMLAB_LANG", environment)
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(variable, "C")
    if settings:
        paths.settings_file.write_text(f'language = "{settings}"', encoding="utf-8")
    assert choose_language(arguments, paths) == chosen


def test_help_speaks_chinese(llmlab: Command) -> None:
    words.use_language("zh")
    assert llmlab("ask", "--help") == 0
    assert "采样" in llmlab.out
