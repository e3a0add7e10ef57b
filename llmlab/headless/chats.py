"""`llmlab chats`: stored chats, listed, shown, exported and searched."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

from llmlab import wiring
from llmlab.domain.messages import Chat, ChatSummary
from llmlab.errors import LlmlabError, UsageError
from llmlab.headless.diagnostics import Exit
from llmlab.headless.output import Output, table
from llmlab.library.writing import make_new, write_over
from llmlab.paths import Paths
from llmlab.services.chat import ChatService
from llmlab.words import say

T = TypeVar("T")

SHORT = 8
"""Characters of an id in a listing."""

EVERY = 1_000_000
"""Chats looked through for the beginning of an id."""


def list_chats(paths: Paths, out: Output, *, search: str, limit: int, as_json: bool) -> Exit:
    """Print chats, the newest first; with `search`, those that hold it, with the place."""
    summaries = _with_chats(paths, lambda chats: chats.list(search, limit))
    if as_json:
        out.json([_record(summary) for summary in summaries])
        return Exit.ANSWERED
    rows = [
        (summary.id[:SHORT], _moment(summary.updated), summary.model, summary.title or say("Untitled chat"))
        for summary in summaries
    ]
    for line, summary in zip(table(rows), summaries, strict=True):
        out.line(line)
        if summary.snippet:
            out.matches(" " * (SHORT + 2) + summary.snippet)
    return Exit.ANSWERED


def export_chat(
    paths: Paths,
    out: Output,
    chat_id: str,
    *,
    form: Literal["md", "json"],
    file: Path | None = None,
    force: bool = False,
) -> Exit:
    """Print a chat, or write it to `file`.

    Raises:
        UsageError: no chat, or several, begin with `chat_id`; or the file exists, or cannot be where it should.
        LlmlabError: the file could not be written.
    """

    async def read(chats: ChatService) -> str:
        return chats.export(await _find(chats, chat_id), form)

    text = _with_chats(paths, read)
    if file is None:
        out.write(text)
        out.end_line()
    else:
        _write(file, text, force=force)
    return Exit.ANSWERED


async def _find(chats: ChatService, chat_id: str) -> Chat:
    """The one chat whose id begins with `chat_id`."""
    found = [summary for summary in await chats.list("", EVERY) if summary.id.startswith(chat_id.lower())]
    if not chat_id or not found:
        raise UsageError(say("There is no chat {id}.", id=chat_id), hint=say("See all of them with: llmlab chats list"))
    if len(found) > 1:
        ids = ", ".join(summary.id[: len(chat_id) + 4] for summary in found[:5])
        raise UsageError(say("Several chats begin with {id}.", id=chat_id), hint=ids)
    return await chats.open(found[0].id)


def _with_chats(paths: Paths, verb: Callable[[ChatService], Awaitable[T]]) -> T:
    """The result of `verb` on the stored chats, closed again afterwards."""

    async def call() -> T:
        chats = wiring.open_chats(paths, wiring.make_host(paths))
        try:
            return await verb(chats)
        finally:
            await chats.close()

    return asyncio.run(call())


def _record(summary: ChatSummary) -> dict[str, object]:
    return {
        "id": summary.id,
        "title": summary.title,
        "created": summary.created,
        "updated": summary.updated,
        "model": summary.model,
        "messages": summary.messages,
        "snippet": summary.snippet.replace("\x02", "").replace("\x03", ""),
    }


def _moment(seconds: float) -> str:
    with suppress(OSError, OverflowError, ValueError):
        return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
    return "?"


def _write(file: Path, text: str, *, force: bool) -> None:
    try:
        (write_over if force else make_new)(file, text)
    except FileExistsError:
        raise UsageError(
            say("The file exists already."), where=str(file), hint=say("Choose another name, or add --force.")
        ) from None
    except OSError as error:
        # A place that cannot be is a mistake of the command line; a disk that is full is none.
        misplaced = isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError | NotADirectoryError)
        raise (UsageError if misplaced else LlmlabError)(
            say("The file cannot be written: {reason}", reason=error.strerror or str(error)),
            where=str(file),
            hint=say("Choose another place with -o."),
        ) from None
