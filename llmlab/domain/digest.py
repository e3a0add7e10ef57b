"""A document made short by a model: parts and notes, what is asked of the model, and what it costs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from llmlab.domain.document import Document
from llmlab.domain.model import ModelCard
from llmlab.domain.passages import SIZE, WIDE, Passage, weight
from llmlab.domain.reading import Excerpt, framed
from llmlab.domain.sampling import Sampling

DigestWay = Literal["map", "refine"]
"""Notes of every part, several at a time, then notes of the notes; or one summary that each part is worked into."""
Task = Literal["note", "merge", "refine", "final", "whole"]
"""Notes of a part; notes of notes; a summary with the next part worked in; the end of it; all in one."""

TOGETHER: Final = 4
"""Requests that share the window at the same time."""
LEAST_ROOM: Final = 768
"""Tokens of a request at the least, where the window has them; in a small window fewer requests run together."""
MOST_ROOM: Final = 2048
"""Tokens of a request at the most: small models lose what stands in the middle of more."""
NOTE_SHARE: Final = 6
"""A note is at most this part of what it is made from, so that notes of notes become fewer."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Tokens that requests are made of."""

    room: int
    """Prompt and answer of one request."""
    note: int
    """The longest answer."""
    frame: int
    """What is asked, and everything around the text."""
    at_once: int = 1
    """Requests of this size that the window holds."""

    @property
    def text(self) -> int:
        """What is left for the text; a summary that is refined takes its share of it."""
        return self.room - self.note - self.frame

    @property
    def notes(self) -> int:
        """What is left for notes that are merged: one more always fits, which else would be merged with nothing."""
        return self.text - self.note


@dataclass(frozen=True, slots=True)
class Note:
    """What a model wrote of a stretch of a document."""

    task: Task
    first: int
    """The first part that it is about, from 1."""
    last: int
    start: int
    """Offset of that stretch into the document's text, in characters."""
    end: int
    text: str
    key: str = ""
    """Hash of all that it depends on."""
    kept: bool = False
    """It was written in an earlier run, and not again."""
    cut: bool = False
    """The model had more to say than its room."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a document that is read in one go."""

    number: int
    """From 1."""
    start: int
    end: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a digest takes, told before it starts."""

    parts: int
    requests: int
    """In all, those among them that were answered in an earlier run."""
    kept: int
    """Answered in an earlier run."""
    prompt_tokens: int
    """To be read; of notes that are not written yet, as many as they may have."""
    answer_tokens: int
    """To be written at the most."""
    read_speed: float = 0.0
    """Tokens a second, measured on this model; 0 where nothing is left to do."""
    write_speed: float = 0.0
    """Tokens a second of all requests that run together."""
    seconds: float = 0.0
    """How long it takes where every answer is as long as it may be."""


def sizes_of(card: ModelCard, frame: int) -> Sizes:
    """How the window of a model is shared.

    Args:
        card: the model.
        frame: tokens of the longest request without its text.
    """
    at_once = max(1, min(TOGETHER, card.n_ctx // LEAST_ROOM))
    room = min(MOST_ROOM, card.n_ctx // at_once)
    return Sizes(room, max(1, room // NOTE_SHARE), frame, at_once)


def size_within(tokens: int) -> int:
    """What a passage may weigh so that several of them fill a part of `tokens` tokens well."""
    return max(WIDE, min(SIZE, tokens // 2))


def parts_of(passages: Sequence[Passage], tokens: Sequence[int], most: int) -> tuple[Part, ...]:
    """Passages that follow each other, as many together as have `most` tokens; a longer one stands alone."""
    parts: list[Part] = []
    for passage, size in zip(passages, tokens, strict=True):
        if parts and parts[-1].tokens + size <= most:
            last = parts.pop()
            parts.append(Part(last.number, last.start, passage.end, last.tokens + size))
        else:
            parts.append(Part(len(parts) + 1, passage.start, passage.end, size))
    return tuple(parts)


def groups_of(tokens: Sequence[int], most: int) -> tuple[tuple[int, int], ...]:
    """Notes that are merged together, as start and end: as many as have `most` tokens, and never one alone.

    Args:
        tokens: of each note, one or more.
        most: tokens of a group; two notes are merged even where they have more.
    """
    groups: list[tuple[int, int]] = []
    start = used = 0
    for place, size in enumerate(tokens):
        if place - start >= 2 and used + size > most:
            groups.append((start, place))
            start, used = place, 0
        used += size
    groups.append((start, len(tokens)))
    if len(groups) > 1 and groups[-1][1] - groups[-1][0] == 1:
        # The last one alone would be noted of itself.
        _, end = groups.pop()
        groups[-1] = (groups[-1][0], end)
    return tuple(groups)


def merges_ahead(notes: int, size: int, most: int) -> Iterator[tuple[int, ...]]:
    """The rounds of merges that so many notes of `size` tokens lead to: in each, how many notes every merge takes."""
    while notes > 1:
        groups = groups_of([size] * notes, most)
        yield tuple(end - start for start, end in groups)
        notes = len(groups)


def is_chinese(text: str) -> bool:
    """Most of what the beginning of `text` says is said in an unspaced script."""
    head = text[:20_000]
    return weight(head) - len(head) > len(head) // 2


_ASK: Final[dict[tuple[Task, bool], str]] = {
    ("note", False): (
        "This is part {first} of {total} of the document. Write short notes of what it says, in its order: who, what, "
        "when, where, numbers, results. Take them only from this part, and add no introduction."
    ),
    ("note", True): (
        "这是文档的第{first}部分，共{total}部分。请按原文顺序写出简短的笔记：人物、事件、时间、地点、数字、结果。"
        "只写这一部分说到的内容，不要写开场白。"
    ),
    ("merge", False): (
        "These are notes on parts {first} to {last} of {total} of a document, in order. Merge them into one set of "
        "short notes that keeps the order and what matters most. Add nothing that they do not say, and no introduction."
    ),
    ("merge", True): (
        "这是文档第{first}至第{last}部分（共{total}部分）的笔记，按顺序排列。"
        "请把它们合并成一份简短的笔记，保持顺序，保留最重要的内容。不要添加笔记里没有的内容，不要写开场白。"
    ),
    ("refine", False): (
        "First comes a summary of parts 1 to {before} of {total} of a document, then part {last}. Write the summary "
        "again so that it also holds what matters in part {last}, as short as before. Add nothing that neither says."
    ),
    ("refine", True): (
        "前面是文档第1至第{before}部分（共{total}部分）的摘要，后面是第{last}部分。"
        "请重写摘要，把第{last}部分的要点也写进去，长度与原来相仿。不要添加两者都没有说的内容。"
    ),
    ("final", False): (
        "These are notes on the whole document, in order. Write a summary of the document from them: first what it is "
        "about, then its course. Add nothing that they do not say."
    ),
    ("final", True): (
        "这是整篇文档的笔记，按顺序排列。请据此写出全文摘要：先说它讲的是什么，再说经过。不要添加笔记里没有的内容。"
    ),
    ("whole", False): (
        "Write a summary of the document: first what it is about, then its course. Add nothing that it does not say."
    ),
    ("whole", True): "请写出这篇文档的摘要：先说它讲的是什么，再说经过。不要添加文档里没有的内容。",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One thing that is asked of the model."""

    task: Task
    first: int
    """The first part that it is about, from 1."""
    last: int
    total: int
    start: int
    end: int
    """The stretch of the document that it is about, in characters."""
    material: tuple[str, ...]
    """What it reads: a part; notes in order; or a summary and the next part."""

    def prompt(self, document: Document) -> str:
        """The message of the user: what it reads, framed so that it cannot be taken for a request, then what to do."""
        asked = _ASK[self.task, is_chinese(document.text)]
        excerpts = [
            Excerpt(document=0, number=0, start=self.start, end=self.end, text=text.strip()) for text in self.material
        ]
        told = asked.format(first=self.first, last=self.last, total=self.total, before=self.last - 1)
        return framed(document.name, excerpts) + told

    @property
    def name(self) -> str:
        """Short and in order among files of its kind."""
        parts = f"{self.first:04d}" if self.first == self.last else f"{self.first:04d}-{self.last:04d}"
        return f"{self.task}-{parts}"


def key_of(model: str, tokens: Sequence[int], sampling: Sampling) -> str:
    """What an answer depends on, as a hash: the model's mark, the prompt, how it is drawn."""
    depends = json.dumps([model, list(tokens), repr(sampling)], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(depends.encode("ascii")).hexdigest()[:32]
