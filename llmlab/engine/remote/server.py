"""One server: the key that it wants, its models, and requests to it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import msgspec

from llmlab.domain.remote import Remote
from llmlab.domain.terminal import visible_line
from llmlab.engine.remote.chat import Listed, listing_of, said_by
from llmlab.engine.remote.http import Broken, Exchange, Request
from llmlab.engine.remote.problems import broken, refused, shortened, unreadable
from llmlab.errors import ModelError
from llmlab.words import say

MOST_SAID: Final = 64 << 10
"""Bytes of an error that are read."""
MOST_LISTED: Final = 4 << 20
"""Bytes of a list of models that are read."""
UNLISTED: Final = (404, 405, 501)
"""What a server says that keeps no list of models."""


class Server:
    """Sends requests; several may run at the same time."""

    def __init__(self, remote: Remote, connect_s: float) -> None:
        """Prepare; nothing is connected to.

        Args:
            remote: where it is.
            connect_s: seconds until it is given up when it cannot be reached.

        Raises:
            ModelError: the key that it wants is not in the environment.
        """
        self.remote = remote
        self.key = _key(remote)
        self._connect_s = connect_s
        self._exchanges: set[Exchange] = set()

    @contextmanager
    def exchange(self, path: str, body: Mapping[str, Any] | None = None) -> Iterator[Exchange]:
        """A request that ends with the block, or with `close`."""
        exchange = Exchange(self._request(path, body))
        self._exchanges.add(exchange)
        try:
            yield exchange
        finally:
            self._exchanges.discard(exchange)
            exchange.close()

    async def listed(self) -> list[Listed]:
        """The models that it lists; none where it keeps no list.

        Raises:
            ModelError: it does not take the key.
            EngineError: it cannot be reached, or answers with something else.
        """
        try:
            with self.exchange("models") as exchange:
                head = await exchange.head()
                if head.status in UNLISTED:
                    return []
                if head.status != 200:
                    raise refused(head, await self.reason(exchange), self.remote, self.remote.model)
                return listing_of(await exchange.body(MOST_LISTED)).data
        except Broken as error:
            raise broken(error, self.remote) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise unreadable(self.remote, visible_line(str(error))) from None

    async def reason(self, exchange: Exchange) -> str:
        """Why it refuses, in its own words, safe to show."""
        with suppress(Broken):
            return self.shown(said_by(await exchange.body(MOST_SAID)))
        return ""

    def shown(self, text: str) -> str:
        """What it says, safe to show: on one line, without the key."""
        return shortened(text, self.key)

    def close(self) -> None:
        """End every request."""
        for exchange in self._exchanges:
            exchange.close()

    def _request(self, path: str, body: Mapping[str, Any] | None) -> Request:
        headers = {"Accept": "text/event-stream, application/json", "User-Agent": "llmlab"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        return Request(
            url=f"{self.remote.url}/{path}",
            body=None if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
            headers=headers,
            connect_s=self._connect_s,
            silence_s=self.remote.timeout,
        )


def _key(remote: Remote) -> str:
    """The key from the environment; empty where none is wanted."""
    if not remote.key_env:
        return ""
    key = os.environ.get(remote.key_env, "").strip()
    if not key:
        raise ModelError(
            say("The environment variable {variable} is not set.", variable=remote.key_env),
            where=remote.host,
            hint=say("Put the key of the server into it and start llmlab again; nothing was sent."),
        )
    if not (key.isascii() and key.isprintable()):
        raise ModelError(
            say("The environment variable {variable} holds no key.", variable=remote.key_env),
            where=remote.host,
            hint=say("A key is one line of letters, digits and signs."),
        )
    return key


def chosen(listed: Sequence[Listed], remote: Remote) -> Listed | None:
    """The model that is asked for, as the server lists it; `None` where it keeps no list.

    Raises:
        ModelError: it lists others alone, or none while nothing is asked for.
    """
    if not listed and not remote.model:
        raise ModelError(
            say("The server lists no model."),
            where=remote.host,
            hint=say("Write model = and its name into the model's table."),
        )
    if not listed or not remote.model:
        return listed[0] if listed else None
    # Ollama lists `name:latest` for what is also called `name`.
    found = next((one for one in listed if one.id in (remote.model, f"{remote.model}:latest")), None)
    if found is None:
        names = ", ".join(visible_line(one.id) for one in listed[:8]) + (", …" if len(listed) > 8 else "")
        raise ModelError(
            say("The server has no model {model}.", model=visible_line(remote.model)),
            where=remote.host,
            hint=say("It lists: {names}. Write one of them as model in models.toml.", names=names),
        )
    return found
