"""How documents come into a prompt: what is asked for, which way is taken and why, and what the prompt then holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from llmlab.domain.coverage import merged, shares

Way = Literal["whole", "stretched", "passages", "digest"]
"""All of it; all of it in a window beyond the trained one; what is like the question; what was noted of all of it."""
WishedWay = Literal["auto", "whole", "stretched", "passages", "digest"]
WAYS: Final[tuple[WishedWay, ...]] = ("auto", "whole", "stretched", "passages", "digest")

LONGEST_NAME: Final = 80
"""Characters of a file's name that the model is shown."""

Stretching = Literal["yarn", "linear"]
"""How positions beyond the trained window are brought into it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRef:
    """A document as a recipe names it; its text is kept under its digest."""

    name: str
    """What the model and the user see: the file's name."""
    path: str
    """Where it was read from, absolute; empty for standard input."""
    digest: str
    """SHA-256 of the extracted text, as hexadecimal digits."""
    characters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingUse:
    """The documents of a recipe and how they are read."""

    documents: tuple[DocumentRef, ...]
    way: WishedWay = "auto"
    k: int | None = None
    """Passages at most; `None` is as many as their share of the window takes."""
    stretching: Stretching = "yarn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A stretch of one document, as the prompt holds it."""

    document: int
    """Its place among the documents, from 0."""
    number: int
    """The number in front of it, `[number]`: no two excerpts of one reading share it; 0 for a digest."""
    start: int
    """Offset into the document's text, in characters."""
    end: int
    text: str
    page: int | None = None
    """From 1; `None` where the format has no pages."""
    chapter: str = ""
    line: int = 1
    """Line of the text on which it begins, from 1."""


@dataclass(frozen=True, slots=True)
class Held:
    """An excerpt without its text: enough to find it in the document again."""

    document: int
    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingTold:
    """What an answer tells of the documents that its prompt held."""

    documents: tuple[DocumentRef, ...]
    way: Way
    reason: str
    tokens: int
    held: tuple[Held, ...]
    warnings: tuple[str, ...] = ()

    @property
    def coverage(self) -> tuple[Coverage, ...]:
        """For each document, in order, what of it the prompt held."""
        return coverage_of(self.documents, self.held, whole=self.way in ("whole", "stretched"))


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which parts of a document a prompt holds."""

    characters: int
    """Of the whole document."""
    stretches: tuple[tuple[int, int], ...] = ()
    """Start and end in characters, in order, apart from each other."""

    @property
    def share(self) -> float:
        """Share of the document that is held, 0 to 1."""
        held = sum(end - start for start, end in self.stretches)
        return held / self.characters if self.characters else 1.0

    def strip(self, cells: int) -> tuple[float, ...]:
        """The share held of each of `cells` equal parts of the document, in order."""
        return tuple(shares(self.characters, self.stretches, cells))


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What of the documents a prompt holds."""

    use: ReadingUse
    way: Way
    reason: str
    """Why this way, as a sentence in the language in use."""
    excerpts: tuple[Excerpt, ...]
    """In the order of the documents, each in the order of its text."""
    tokens: int = 0
    """What it costs, counted by the model's tokenizer: the excerpts with their numbers and frames."""
    warnings: tuple[str, ...] = ()
    """What this way cannot do for this question, or what it risks, in the language in use."""

    @property
    def coverage(self) -> tuple[Coverage, ...]:
        """For each document, in order, what of it the prompt holds."""
        return self.told.coverage

    @property
    def told(self) -> ReadingTold:
        """What is kept of it with an answer."""
        return ReadingTold(
            documents=self.use.documents,
            way=self.way,
            reason=self.reason,
            tokens=self.tokens,
            held=tuple(Held(part.document, part.number, part.start, part.end) for part in self.excerpts),
            warnings=self.warnings,
        )

    @property
    def with_question(self) -> bool:
        """It was chosen for one question and stands before that one; else before the first of the chat."""
        return self.way == "passages"

    def texts(self) -> Iterator[tuple[int, str]]:
        """The excerpts in the frames of their documents: number and text of each.

        The number is that in front of the excerpt; of a digest, which has none, that of its document, from 1.
        """
        for place, ref in enumerate(self.use.documents):
            parts = [part for part in self.excerpts if part.document == place]
            yield from zip((part.number or place + 1 for part in parts), framed_parts(ref.name, parts), strict=True)


def coverage_of(documents: Sequence[DocumentRef], held: Sequence[Held], *, whole: bool) -> tuple[Coverage, ...]:
    """For each of `documents`, in order, what of it is held; `whole`: all of it, blanks between excerpts with it."""
    if whole:
        return tuple(Coverage(ref.characters, ((0, ref.characters),)) for ref in documents)
    return tuple(
        Coverage(ref.characters, merged((part.start, part.end) for part in held if part.document == place))
        for place, ref in enumerate(documents)
    )


def framed(name: str, excerpts: Sequence[Excerpt]) -> str:
    """Excerpts of one document under its name, each behind its number, in a frame that none of them can close."""
    return "".join(framed_parts(name, excerpts))


def framed_parts(name: str, excerpts: Sequence[Excerpt]) -> list[str]:
    """`framed` in one part for each excerpt: the first begins with the frame, and the last ends with it."""
    if not excerpts:
        return []
    parts = [f"[{part.number}] {part.text}" if part.number else part.text for part in excerpts]
    body = "\n".join(parts)
    tag = "document"
    attempt = 1
    while f"</{tag}" in body:
        attempt += 1
        tag = f"document-{attempt}"
    label = " ".join(name.replace('"', "'").replace("<", "(").replace(">", ")").split())
    label = label if len(label) <= LONGEST_NAME else f"{label[: LONGEST_NAME // 2]}…{label[-LONGEST_NAME // 2 :]}"
    parts[0] = f'<{tag} name="{label}">\n{parts[0]}'
    return [*(f"{part}\n" for part in parts[:-1]), f"{parts[-1]}\n</{tag}>\n\n"]
