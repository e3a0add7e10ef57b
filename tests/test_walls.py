"""The walls of the house, as far as a linter cannot see them: what is loaded, what is said, how large files grow."""

from __future__ import annotations

import ast
import json
import string
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from llmlab import words
from llmlab.domain.sampling import SETTINGS
from tests.support.gguf_fixtures import IM_END, script_log_odds, write_bigram_model

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "llmlab").rglob("*.py"))

WATCH = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
from llmlab.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
"""Runs llmlab and tells on the last line of standard error what was imported."""


def llmlab(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`llmlab` in a process of its own; it must succeed."""
    return subprocess.run(
        [sys.executable, "-c", WATCH, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        check=True,
    )


def loaded(done: subprocess.CompletedProcess[str]) -> set[str]:
    """The top-level packages that the process imported."""
    modules = json.loads(done.stderr.splitlines()[-1])
    return {name.partition(".")[0] for name in modules}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that answers every question with `Hey`."""
    answer = [ord("\n"), *b"Hey", IM_END]
    return write_bigram_model(tmp_path_factory.mktemp("models") / "hey.gguf", script_log_odds([answer]))


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["ask", "--help"], ["models", "check", "-h"]])
def test_version_and_help_load_next_to_nothing(arguments: list[str]) -> None:
    heavy = {"textual", "rich", "llama_cpp", "numpy", "sqlite3", "jinja2", "msgspec", "asyncio", "psutil"}
    assert loaded(llmlab(*arguments)) & heavy == set()


def test_the_first_frame_waits_for_nothing_that_it_does_not_show() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import json, sys, llmlab.__main__, llmlab.lab; print(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        check=True,
    ).stdout
    modules = set(json.loads(told))
    assert {"llmlab.tui.app", "llmlab.library.settings"} <= modules
    later = ("services", "engine", "store", "documents", "wiring", "lab_services", "tui.screens", "tui.services")
    assert [name for name in modules if name.startswith(tuple(f"llmlab.{part}" for part in later))] == []
    # What the settings hold, and what makes text fit for a terminal.
    shown = {"biases", "fingerprint", "model", "reading_limits", "remote", "sampling", "terminal"}
    assert {name.split(".")[2] for name in modules if name.startswith("llmlab.domain.")} <= shown
    assert modules & {"llama_cpp", "numpy", "sqlite3", "jinja2", "msgspec"} == set()


def test_the_headless_path_loads_no_screen_and_no_llama(model: Path) -> None:
    done = llmlab("ask", "hi", "-m", str(model))
    assert done.stdout == "Hey\n"
    assert loaded(done) & {"textual", "llama_cpp", "numpy"} == set()
    assert loaded(llmlab("chats", "list")) & {"textual", "rich", "llama_cpp", "numpy"} == set()
    assert loaded(llmlab("models", "check", str(model))) & {"textual", "rich", "llama_cpp", "numpy"} == set()


def test_import_contracts_hold() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_outgrows_its_room() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_bytes().splitlines()) for path in SOURCES}
    assert {path: lines for path, lines in long.items() if lines > 400} == {}


def test_no_function_or_class_outgrows_its_room() -> None:
    large = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > (250 if isinstance(node, ast.ClassDef) else 60):
                    large[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = lines
    assert large == {}


def test_standard_output_and_standard_error_have_one_owner_each() -> None:
    """Nothing but the two modules of the command line writes to them; the engine process has streams of its own."""
    owners = {"headless/output.py", "headless/diagnostics.py"}
    offenders = set()
    for path in SOURCES:
        name = path.relative_to(ROOT / "llmlab").as_posix()
        if name in owners or name.startswith("engine/"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id == "print":
                offenders.add(f"{name}:{node.lineno} print")  # type: ignore[attr-defined]
            if isinstance(called, ast.Attribute) and called.attr == "write" and ast.unparse(called).startswith("sys."):
                offenders.add(f"{name}:{called.lineno} {ast.unparse(called)}")
            if isinstance(called, ast.Attribute) and ast.unparse(called) == "click.echo":
                offenders.add(f"{name}:{called.lineno} click.echo")
    assert offenders == set()


def sentences() -> Iterator[tuple[str, str]]:
    """Every sentence that `say` is given as a literal, and those that come from tables: (sentence, where)."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say"):
                continue
            for argument in node.args:
                where = f"{path.relative_to(ROOT)}:{argument.lineno}"
                yield from ((text, where) for text in literals(argument))
    for setting in SETTINGS:
        yield setting.help, f"SETTINGS {setting.name}"


def literals(node: ast.expr) -> list[str]:
    """The texts that an expression may be, as far as they are written out."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=body, orelse=orelse):
            return literals(body) + literals(orelse)
        case _:
            return []


def fields(sentence: str) -> set[str]:
    """The placeholders of a sentence."""
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def test_everything_that_is_said_is_said_in_chinese_too() -> None:
    chinese = words.read_catalogue("zh")
    missing = {f"{where}: {sentence}" for sentence, where in sentences() if sentence not in chinese}
    assert missing == set()


def test_translations_fill_in_the_same_values() -> None:
    chinese: Mapping[str, str] = words.read_catalogue("zh")
    different = {sentence for sentence, translated in chinese.items() if fields(sentence) != fields(translated)}
    assert different == set()


def test_no_sentence_is_translated_twice() -> None:
    """Each file of the catalogue has its own sentences, or the same translation of a shared one."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    seen: dict[str, tuple[str, str]] = {}
    clashes = []
    for path in sorted((ROOT / "llmlab" / "words" / "zh").glob("*.toml")):
        for sentence, translated in tomllib.loads(path.read_text(encoding="utf-8")).items():
            before = seen.setdefault(sentence, (translated, path.name))
            if before[0] != translated:
                clashes.append(f"{sentence}: {before[1]} and {path.name}")
    assert clashes == []
