"""A server as a model on the command line: asked, previewed, listed, measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Barrier

import pytest

from tests.headless.conftest import Command
from tests.support.fake_server import FakeServer, Reply, answers, fake_server

EXPERIMENT = """
title = "Far away"
hypothesis = "It answers."

[base]
model = "far"
sampling.temperature = 0.0
sampling.max_tokens = 16

[axes]
system = ["", "Be brief."]

[data]
generator = "arithmetic"
limit = 6

[[scorers]]
kind = "number"
"""


@pytest.fixture
def server(llmlab: Command) -> Iterator[FakeServer]:
    """A server that the models.toml of the working directory calls `far`."""
    with fake_server() as fake:
        Path("models.toml").write_text(f'[far]\nurl = "{fake.url}"\nmodel = "tiny"\nparallel = 3\n', "utf-8")
        yield fake


def test_a_question_is_answered_by_the_server(llmlab: Command, server: FakeServer) -> None:
    assert llmlab("ask", "Who are you?", "-m", "far", "-s", "Be kind.") == 0, llmlab.err
    assert llmlab.out == "Hello\n"
    assert server.asked[0].body["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Who are you?"},
    ]


def test_where_the_words_go_is_said(llmlab: Command, server: FakeServer) -> None:
    host = server.url.split("/")[2]
    llmlab.terminal = True
    assert llmlab("ask", "hi", "-m", "far") == 0
    assert f"goes to another program on this machine, {host}" in llmlab.err
    llmlab.terminal = False
    server.asked.clear()
    for command in (("models", "check", "far"), ("models", "info", "far"), ("models",)):
        assert llmlab(*command) == 0
        assert host in llmlab.out
    found = llmlab.json("models", "info", "far")
    assert isinstance(found, dict)
    assert found["settings"]["remote"]["parallel"] == 3


def test_looking_at_models_asks_no_server(llmlab: Command, server: FakeServer) -> None:
    def refuse(reply: Reply) -> None:
        server.asked.append(reply)

    server.models = refuse
    for command in (("models",), ("models", "check", "far"), ("models", "info", "far"), ("doctor",)):
        llmlab(*command)
    assert not server.asked


def test_a_refused_connection_is_one_message(llmlab: Command, server: FakeServer) -> None:
    Path("models.toml").write_text('[far]\nurl = "http://127.0.0.1:9/v1"\nmodel = "tiny"\n', "utf-8")
    assert llmlab("ask", "hi", "-m", "far") != 0
    assert "127.0.0.1:9 cannot be reached" in llmlab.err
    assert llmlab.err.count("cannot be reached") == 1


def test_likelihoods_are_refused_with_what_to_do(llmlab: Command, server: FakeServer) -> None:
    assert llmlab("score", "a text", "-m", "far") != 0
    assert "cannot tell how likely" in llmlab.err


def test_a_preview_sends_no_text(llmlab: Command, server: FakeServer) -> None:
    assert llmlab("preview", "Who are you?", "-m", "far") == 0, llmlab.err
    assert "Who are you?" in llmlab.out
    assert not server.asked


def test_an_experiment_runs_with_as_many_requests_as_are_allowed(llmlab: Command, server: FakeServer) -> None:
    server.chat = answers("It is ", "7.")
    Path("far.en.toml").write_text(EXPERIMENT, "utf-8")
    assert llmlab("run", "far.en.toml", "--dry-run") == 0, llmlab.err
    # A run plans as a dry run does, and then asks.
    first, together = 2 * len(server.asked), Barrier(3)

    def behave(reply: Reply) -> None:
        # The first three are answered once all three have come; sent one by one, none would ever be.
        if first <= server.asked.index(reply) < first + 3:
            together.wait(timeout=20)
        answers("It is ", "7.")(reply)

    server.chat = behave
    found = llmlab.json("run", "far.en.toml")
    assert isinstance(found, dict)
    assert not together.broken
    assert len(server.asked) == first + 18
    assert (found["failed"], found["done"]) == (0, 18)
    assert server.most == 3
    assert llmlab("run", "far.en.toml") == 0
    before = len(server.asked)
    assert llmlab("run", "far.en.toml") == 0
    assert len(server.asked) == before, "what was measured is not measured again"


def test_a_server_that_goes_away_ends_no_run_in_silence(llmlab: Command, server: FakeServer) -> None:
    Path("far.en.toml").write_text(EXPERIMENT, "utf-8")

    def half(reply: Reply) -> None:
        if len(server.asked) % 2:
            reply.json(500, {"error": "boom"})
        else:
            answers("7")(reply)

    server.chat = half
    found = llmlab.json("run", "far.en.toml")
    assert isinstance(found, dict)
    assert 0 < found["failed"] < found["done"] == 18
    server.chat = answers("7")
    again = llmlab.json("run", "far.en.toml")
    assert isinstance(again, dict)
    assert again["failed"] == 0
