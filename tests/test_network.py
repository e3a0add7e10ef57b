"""llmlab opens no network connection: every Python process below these tests refuses to, and writes down who tried."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from llmlab.paths import HOME_VARIABLE
from tests.support.gguf_fixtures import IM_END, script_log_odds, write_bigram_model

if sys.platform != "win32":
    from tests.terminal.driver import Terminal

ROOT = Path(__file__).parents[1]

GUARD = """
import os, socket, sys

def note(*words):
    with open(os.environ["LLMLAB_TEST_GUARD"], "a", encoding="utf-8") as log:
        log.write(" ".join(map(str, words)) + "\\n")

def refuse(*args, **kwargs):
    note("NETWORK", *args)
    raise OSError("no network here")

local = socket.socket

def guarded(name):
    verb = getattr(local, name)
    def call(self, *args):
        return refuse(name, *args) if self.family in (socket.AF_INET, socket.AF_INET6) else verb(self, *args)
    return call

class Socket(local):
    connect, connect_ex, sendto, bind, listen = map(guarded, ("connect", "connect_ex", "sendto", "bind", "listen"))

socket.socket = Socket
socket.getaddrinfo = socket.gethostbyname = socket.create_connection = refuse
note("GUARDED", *sys.orig_argv[1:4])
"""
"""A `sitecustomize` for the processes under test."""


class Guard:
    """A folder whose `sitecustomize` refuses the network, and what it wrote down."""

    def __init__(self, folder: Path) -> None:
        (folder / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
        self._log = folder / "guard.log"
        self.environment: Mapping[str, str] = {
            "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
            "LLMLAB_TEST_GUARD": str(self._log),
        }

    def log(self) -> str:
        """Which processes were guarded, and what they tried."""
        return self._log.read_text(encoding="utf-8")


@pytest.fixture
def guard(tmp_path: Path) -> Guard:
    return Guard(tmp_path)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that answers every question with `Hey`."""
    answer = [ord("\n"), *b"Hey", IM_END]
    return write_bigram_model(tmp_path_factory.mktemp("models") / "hey.gguf", script_log_odds([answer]))


def test_the_guard_works(guard: Guard) -> None:
    code = "import urllib.request\ntry: urllib.request.urlopen('http://127.0.0.1:9')\nexcept OSError: pass"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **guard.environment}, check=True, timeout=60)
    assert "NETWORK" in guard.log()


@pytest.mark.parametrize("command", ["ask", "doctor", "chats", "check"])
def test_no_command_reaches_for_the_network(guard: Guard, model: Path, command: str) -> None:
    arguments = {
        "ask": ["ask", "hi", "-m", str(model)],
        "doctor": ["doctor"],
        "chats": ["chats", "list"],
        "check": ["models", "check", str(model)],
    }[command]
    done = subprocess.run(
        [sys.executable, "-m", "llmlab", *arguments],
        env={**os.environ, **guard.environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    log = guard.log()
    assert "NETWORK" not in log
    assert "GUARDED -m llmlab" in log
    if command == "ask":
        assert done.stdout.split() == [b"Hey"]
    if command in ("ask", "doctor"):
        assert "llmlab.engine.worker" in log, "the engine was guarded, too"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_the_lab_reaches_for_no_network(guard: Guard, model: Path, home: Path) -> None:
    command = [sys.executable, "-m", "llmlab", "-m", str(model)]
    environment = {**guard.environment, HOME_VARIABLE: str(home)}
    with Terminal(command, environment=environment) as terminal:
        terminal.until_shows("ready")
        terminal.press("hi", "enter")
        terminal.until_shows("Hey")
        terminal.press("ctrl+q")
        assert terminal.until_ended() == 0
    log = guard.log()
    assert "NETWORK" not in log
    assert "llmlab.engine.worker" in log
