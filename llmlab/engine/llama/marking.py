"""Tells in a rendered prompt what came from a message and what the template wrote around it.

A template is a program; the only sure way to see where its input went is to mark the input. Each text is given twice:
plain, and with a pair of private characters inside its outer whitespace (so that `trim` and `strip` work as ever). If
taking the marks out of the second gives the first, they show the spans. A template that looks inside the texts or cuts
them loses marks; then every character that could begin or end a control token is replaced in the texts before rendering
and put back after, so that whatever the template did, no control token can come out of a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from llmlab.sandbox import FAILURES

FIRST_PRIVATE: Final = 0xF0000
"""First of Unicode's two private planes, which no text or template uses by agreement."""
LAST_PRIVATE: Final = 0x10FFFD

Message = Mapping[str, str]
"""A message as the template sees it: `role`, `content`, perhaps its reasoning."""
Render = Callable[[Sequence[Message]], str]
"""What the template writes for messages."""

ROLE: Final = "role"
"""The one key of a message that is no content."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where the text of message `message` stands in a rendered prompt, in characters."""

    start: int
    end: int
    message: int


@dataclass(frozen=True, slots=True)
class Marked:
    """A rendered prompt and where its contents are."""

    text: str
    contents: tuple[Stretch, ...]
    """In order, without overlap."""
    guarded: str
    """As long as `text`; a control token of the template stands in both, one of a message never in this."""


def render_marked(render: Render, messages: Sequence[Message], specials: Collection[str]) -> Marked:
    """`messages` rendered, their contents found; `specials` are the vocabulary's special tokens.

    Raises:
        FAILURES: the template goes wrong on these messages, or they hold every private character there is.
    """
    plain = render(messages)
    contents = _find_by_marks(render, messages, plain)
    if contents is not None:
        return Marked(plain, contents, _without(plain, contents))
    edges = sorted({edge for name in specials for edge in (name[0], name[-1]) if not edge.isspace()})
    stand_ins = _free_characters(_texts(messages), len(edges))
    escape = str.maketrans(dict(zip(edges, stand_ins, strict=True)))
    restore = str.maketrans(dict(zip(stand_ins, edges, strict=True)))
    escaped = [
        {key: text if key == ROLE else text.translate(escape) for key, text in message.items()} for message in messages
    ]
    guarded = render(escaped)
    contents = _find_by_marks(render, escaped, guarded)
    if contents is None:
        contents = tuple(_find_by_text(guarded, escaped, specials))
    return Marked(guarded.translate(restore), contents, _without(guarded, contents))


def _find_by_marks(render: Render, messages: Sequence[Message], plain: str) -> tuple[Stretch, ...] | None:
    """Where the contents stand in `plain`; `None` when the template does not treat marked ones alike."""
    owners = _owners(messages)
    marks = _free_characters([plain, *_texts(messages)], 2 * len(owners))
    if not marks:
        return None
    # A template may choke on marks that it takes for words; that says nothing about the messages.
    with suppress(*FAILURES):
        return _contents_between(render(_with_marks(messages, marks)), plain, marks, owners)
    return None


def _find_by_text(text: str, messages: Sequence[Message], specials: Iterable[str]) -> Iterator[Stretch]:
    """Where the contents of `messages` stand in `text`, in order, away from the special tokens."""
    taken = sorted(
        (found.start(), found.end())
        for name in specials
        if name in text
        for found in re.finditer(re.escape(name), text)
    )
    position = 0
    for core, owner in zip(map(str.strip, _texts(messages)), _owners(messages), strict=True):
        found = text.find(core, position) if core else -1
        while found >= 0 and any(start < found + len(core) and found < end for start, end in taken):
            found = text.find(core, found + 1)
        if found >= 0:
            position = found + len(core)
            yield Stretch(found, position, owner)


def _without(text: str, contents: Iterable[Stretch]) -> str:
    """`text` with NULs for its contents."""
    parts: list[str] = []
    position = 0
    for item in contents:
        parts += [text[position : item.start], "\0" * (item.end - item.start)]
        position = item.end
    return "".join([*parts, text[position:]])


def _texts(messages: Sequence[Message]) -> list[str]:
    return [text for message in messages for key, text in message.items() if key != ROLE]


def _owners(messages: Sequence[Message]) -> list[int]:
    """The message of each of `_texts`."""
    return [index for index, message in enumerate(messages) for key in message if key != ROLE]


def _free_characters(used: Iterable[str], count: int) -> list[str]:
    """`count` private characters, one after another, that stand in none of the texts; empty when there are none."""
    taken = sorted({ord(mark) for text in used for mark in re.findall("[\U000f0000-\U0010fffd]", text)})
    start = FIRST_PRIVATE
    for code in [*taken, LAST_PRIVATE + 1]:
        if code - start >= count:
            return [chr(start + offset) for offset in range(count)]
        start = code + 1
    return []


def _with_marks(messages: Sequence[Message], marks: Sequence[str]) -> list[Message]:
    pairs = iter(zip(marks[::2], marks[1::2], strict=True))
    return [
        {key: text if key == ROLE else _between(text, *next(pairs)) for key, text in message.items()}
        for message in messages
    ]


def _between(text: str, first: str, last: str) -> str:
    """`text` with the marks inside its outer whitespace."""
    core = text.strip()
    if not core:
        return text
    lead = len(text) - len(text.lstrip())
    return f"{text[:lead]}{first}{core}{last}{text[lead + len(core) :]}"


def _contents_between(
    marked: str, plain: str, marks: Sequence[str], owners: Sequence[int]
) -> tuple[Stretch, ...] | None:
    """Where the contents are; `None` when the marks were lost or changed what was written."""
    parts = re.split(f"([{marks[0]}-{marks[-1]}])", marked)
    if "".join(parts[::2]) != plain:
        return None
    contents: list[Stretch] = []
    position = opened = 0
    inside = -1
    for index, part in enumerate(parts):
        if index % 2 == 0:
            position += len(part)
            continue
        field, closes = divmod(ord(part) - ord(marks[0]), 2)
        if closes != (inside >= 0) or (closes and field != inside):
            return None
        if closes and position > opened:
            contents.append(Stretch(opened, position, owners[field]))
        inside, opened = (-1, 0) if closes else (field, position)
    return tuple(contents) if inside < 0 else None
