"""A server on this machine that speaks OpenAI's protocol, or fails at it in whatever way a test wants."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = Mapping[str, Any]


class Reply:
    """What a test does with one request: sends bytes, waits, breaks off."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        self._handler = handler
        self.body = body
        """What was sent, empty for a GET."""
        self.headers = dict(handler.headers.items())

    def head(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        """Status and headers; the body goes on until the connection ends."""
        self._handler.send_response(status)
        self._handler.send_header("Content-Type", kind)
        for name, value in headers.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.send_header("Connection", "close")
        self._handler.end_headers()

    def write(self, data: bytes | str) -> None:
        """Part of the body, at once."""
        self._handler.wfile.write(data.encode() if isinstance(data, str) else data)
        self._handler.wfile.flush()

    def event(self, value: Json | str) -> None:
        """One server-sent event."""
        self.write(f"data: {value if isinstance(value, str) else json.dumps(value)}\n\n")

    def say(self, text: str, **more: object) -> None:
        """A piece of the answer."""
        self.event({"choices": [{"index": 0, "delta": {"content": text}, **more}]})

    def finish(self, reason: str = "stop", usage: Json | None = None) -> None:
        """The end, as the protocol has it."""
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        if usage is not None:
            self.event({"choices": [], "usage": usage})
        self.event("[DONE]")

    def json(self, status: int, value: object, **headers: str) -> None:
        """A whole answer that is no stream."""
        self.head(status, "application/json", **headers)
        self.write(json.dumps(value))

    def cut(self) -> None:
        """Break the connection off, as a killed server does."""
        self._handler.connection.shutdown(socket.SHUT_RDWR)

    def until_gone(self) -> None:
        """Wait until the other side has left."""
        with suppress(OSError):
            while self._handler.connection.recv(1024):
                pass


Behaviour = Callable[[Reply], None]


def answers(*pieces: str) -> Behaviour:
    """Says these, one after another."""

    def behave(reply: Reply) -> None:
        reply.head()
        for piece in pieces:
            reply.say(piece)
        reply.finish(usage={"prompt_tokens": 7, "completion_tokens": len(pieces)})

    return behave


def lists(*names: str, **more: object) -> Behaviour:
    """Lists models."""
    return lambda reply: reply.json(200, {"object": "list", "data": [{"id": name, **more} for name in names]})


@dataclass
class FakeServer:
    """What runs, and what it was asked."""

    url: str = ""
    models: Behaviour = field(default_factory=lambda: lists("tiny"))
    chat: Behaviour = field(default_factory=lambda: answers("Hel", "lo"))
    asked: list[Reply] = field(default_factory=list)
    """Every request for an answer."""
    running: int = 0
    most: int = 0
    """Answers that ran at the same time at the most."""
    gone: threading.Event = field(default_factory=threading.Event)
    """A client left before its answer was complete."""
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def fake_server() -> Iterator[FakeServer]:
    """A server in a thread."""
    fake = FakeServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with suppress(OSError):
                if self.path.endswith("/models"):
                    fake.models(Reply(self, {}))
                else:
                    Reply(self, {}).json(404, {"error": "no such path"})
            self.close_connection = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = Reply(self, body)
            with fake.lock:
                fake.asked.append(reply)
                fake.running += 1
                fake.most = max(fake.most, fake.running)
            try:
                fake.chat(reply)
            except OSError:
                fake.gone.set()
            finally:
                with fake.lock:
                    fake.running -= 1
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    server = Quiet(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
