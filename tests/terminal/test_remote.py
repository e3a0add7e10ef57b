"""The lab with a model behind a server, in a real terminal: picked, asked, stopped, and always told where words go."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from llmlab.paths import HOME_VARIABLE
from tests.support.fake_server import Reply, answers, fake_server

if sys.platform != "win32":
    from tests.terminal.driver import Terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")


def test_a_server_is_picked_asked_and_stopped(home: Path) -> None:
    with fake_server() as server:
        host = server.url.split("/")[2]
        config = home / "config"
        config.mkdir(parents=True, exist_ok=True)
        (config / "models.toml").write_text(f'[far]\nurl = "{server.url}"\nmodel = "tiny"\n', encoding="utf-8")
        with Terminal([sys.executable, "-m", "llmlab"], environment={HOME_VARIABLE: str(home)}) as terminal:
            terminal.until_shows("pocket-l", "ready")
            assert not server.asked
            terminal.press("f5")
            terminal.until_shows("type to filter")
            terminal.press("far")
            terminal.until_shows(f"{server.url}#tiny", f"goes to another program on this machine, {host}")
            terminal.press("enter")
            terminal.until_shows(f"ready at {host}")
            terminal.press("Who are you?", "enter")
            terminal.until_shows("Hello")
            begun = threading.Event()

            def endless(reply: Reply) -> None:
                reply.head()
                reply.say("Once upon")
                begun.set()
                reply.until_gone()
                server.gone.set()

            server.chat = endless
            terminal.press("And then?", "enter")
            terminal.until_shows("Once upon")
            assert begun.is_set()
            terminal.press("escape")
            terminal.until(lambda _screen: server.gone.is_set())
            server.chat = answers("back", " again")
            terminal.press("Still there?", "enter")
            terminal.until_shows("back again")
            terminal.press("ctrl+q")
            assert terminal.until_ended() == 0
        assert [message["content"] for message in server.asked[2].body["messages"]][-1] == "Still there?"
