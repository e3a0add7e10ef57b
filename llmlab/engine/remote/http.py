"""One HTTP request, carried out in a thread of its own; closing its socket ends it at once.

The standard library's client knows chunks, headers and certificates, and is there on every machine. It blocks, so it
runs beside the event loop; an asynchronous client would be a dependency for the sake of two requests.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, RemoteDisconnected
from typing import Final, Literal
from urllib.parse import urlsplit

MOST_BYTES: Final = 256 << 20
"""Of one answer: what is longer is not meant well."""
PIECE: Final = 64 << 10
"""Bytes taken from the socket at once."""

Breakage = Literal["unreachable", "untrusted", "silent", "closed", "unreadable", "endless"]
"""No connection; a certificate that is not good; nothing for too long; the connection ended in the middle; not HTTP;
more than anybody wants."""


class Broken(Exception):
    """An exchange that did not come to its end.

    Args:
        kind: what happened.
        reason: in the words of the system.
    """

    def __init__(self, kind: Breakage, reason: str = "") -> None:
        super().__init__(kind, reason)
        self.kind = kind
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for."""

    url: str
    body: bytes | None = None
    """Makes it a POST."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    connect_s: float = 10.0
    """Seconds until a server that cannot be reached is given up."""
    silence_s: float = 300.0
    """Seconds without a byte until it is given up."""


@dataclass(frozen=True, slots=True)
class Head:
    """How the server answers."""

    status: int
    kind: str
    """Content type without its parameters, in lower case."""
    location: str = ""
    """Where it sends instead."""
    retry_after: str = ""
    """How long it wants to be left alone."""


class Exchange:
    """A request and its answer; needs a running event loop, and `close` at the end."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Queue[Head | bytes | Broken] = asyncio.Queue()
        self._socket: socket.socket | None = None
        self._closed = threading.Event()

    async def head(self) -> Head:
        """Send the request; how it is answered.

        Raises:
            Broken: it is not.
        """
        threading.Thread(target=self._carry_out, name=f"llmlab {self._request.url}", daemon=True).start()
        head = await self._next()
        assert isinstance(head, Head)
        return head

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes.

        Raises:
            Broken: it does not come to its end.
        """
        size = 0
        while isinstance(piece := await self._next(), bytes) and piece:
            size += len(piece)
            if size > MOST_BYTES:
                raise Broken("endless")
            yield piece

    async def body(self, most: int) -> bytes:
        """The whole body, or its first `most` bytes."""
        found = bytearray()
        async for piece in self.pieces():
            found += piece
            if len(found) >= most:
                break
        return bytes(found[:most])

    def close(self) -> None:
        """End the exchange: the thread wakes up and finds that its socket is shut."""
        self._closed.set()
        if self._socket is not None:
            with suppress(OSError):
                # The plain verb: that of a TLS socket waits for the other side.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    async def _next(self) -> Head | bytes:
        found = await self._arrived.get()
        if isinstance(found, Broken):
            raise found
        return found

    def _tell(self, news: Head | bytes | Broken) -> None:
        """Hand something over to the event loop, which may be gone."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._arrived.put_nowait, news)

    def _carry_out(self) -> None:
        """What the thread does."""
        stage: Breakage = "unreachable"
        connection = _connection(self._request)
        try:
            connection.connect()
            stage = "closed"
            self._socket = connection.sock
            if self._closed.is_set():
                # It was closed while it connected; who waits all the same is told.
                self._tell(Broken("closed"))
                return
            connection.sock.settimeout(self._request.silence_s)
            with self._asked(connection) as response:
                self._tell(_head(response))
                while not self._closed.is_set() and (piece := response.read1(PIECE)):
                    self._tell(piece)
            self._tell(b"")
        except TimeoutError as error:
            self._tell(Broken("unreachable" if stage == "unreachable" else "silent", str(error)))
        except ssl.SSLCertVerificationError as error:
            self._tell(Broken("untrusted", error.verify_message))
        except (RemoteDisconnected, ConnectionError) as error:
            self._tell(Broken(stage, getattr(error, "strerror", "") or ""))
        except OSError as error:
            self._tell(Broken(stage, error.strerror or str(error)))
        except HTTPException as error:
            # A chunk that is cut off is a connection that ended.
            cut = type(error).__name__ == "IncompleteRead"
            self._tell(Broken("closed" if cut else "unreadable", "" if cut else type(error).__name__))
        except ValueError as error:
            # A socket that `close` shut in the middle of a chunk's size, or a header that is none.
            self._tell(Broken("unreadable", str(error)))
        finally:
            connection.close()

    def _asked(self, connection: HTTPConnection) -> HTTPResponse:
        target = urlsplit(self._request.url)
        method = "GET" if self._request.body is None else "POST"
        connection.request(method, target.path or "/", self._request.body, dict(self._request.headers))
        return connection.getresponse()


def _connection(request: Request) -> HTTPConnection:
    target = urlsplit(request.url)
    kind = HTTPSConnection if target.scheme == "https" else HTTPConnection
    return kind(target.hostname or "", target.port, timeout=request.connect_s)


def _head(response: HTTPResponse) -> Head:
    kind = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
    location = response.getheader("Location") or ""
    return Head(response.status, kind, location, response.getheader("Retry-After") or "")
