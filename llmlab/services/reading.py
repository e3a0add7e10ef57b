"""Documents for prompts: opened once, read the way the recipe asks for, with what the prompt holds of them told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from llmlab.domain.budget import reserve
from llmlab.domain.document import Document
from llmlab.domain.model import ModelCard, ModelSpec, Rope
from llmlab.domain.passages import SIZE
from llmlab.domain.reading import DocumentRef, Excerpt, Material, ReadingUse
from llmlab.domain.reading_choice import Choice, Scope, Sizes, choose, enough, model_for, scope_of
from llmlab.domain.recipe import Recipe
from llmlab.engine.protocol import Engine
from llmlab.errors import LlmlabError, ModelError, UsageError
from llmlab.services.host import Holder
from llmlab.services.open_document import Counted, OpenDocument
from llmlab.services.passage_search import FRAME, PassageSearch, fitting
from llmlab.services.ready import Ready, ready_engine
from llmlab.services.vectors import Vectors
from llmlab.words import say

SHARE: Final = 2048
"""Tokens that passages may take, or a quarter of the window where that is more."""
SMALL_WINDOW: Final = 4096
"""Tokens below which passages are made smaller, so that several fit."""
AT_HAND: Final = 20_000_000
"""Characters of documents that are kept in memory, beside the one used last."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of documents."""

    question: str
    before: str
    """The question before it, empty where there is none: what a short question is about may stand in that one."""
    bare: Callable[[Engine, ModelCard], Awaitable[int]]
    """Counts the prompt without documents."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """How far a document has come."""

    indexed: float
    """Share of its text whose passages can be found, 0 to 1."""
    counted: Counted
    embedded: float = 1.0
    """Share of its passages whose vectors are made, 0 to 1; 1 where none are being made."""


class Reader:
    """Opens documents, keeps their passages, and makes `Material` of them; only the event loop's thread may use it.

    Args:
        open_file: reads the document at a path.
        get: the document of a digest.
        largest: the longest window up to the given one that memory suffices for.
        patience: seconds that a question waits for passages to be found; `None` waits for all of them.
        digest: the digest of a document, empty where there is none.
        vectors: finds passages by what they mean; `None` finds them by their words alone.
    """

    def __init__(
        self,
        open_file: Callable[[Path], Document],
        get: Callable[[str], Document],
        largest: Callable[[ModelSpec, int], int],
        *,
        patience: float | None = None,
        digest: Callable[[Document], str] = lambda _document: "",
        vectors: Vectors | None = None,
    ) -> None:
        self._digest, self.vectors = digest, vectors
        self._open_file, self._get, self._largest = open_file, get, largest
        self._search = PassageSearch(patience, vectors)
        self._open: dict[tuple[str, int], OpenDocument] = {}
        self._opening = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._cards: dict[ModelSpec, ModelCard] = {}
        self._room: dict[tuple[ModelSpec, int], int] = {}
        self._made: dict[ModelSpec, ModelSpec] = {}

    # Documents ------------------------------------------------------------------------------------------------------

    async def open(self, path: Path) -> DocumentRef:
        """The document at `path`, as a recipe names it.

        Raises:
            LlmlabError: it cannot be read; the message says why.
        """
        document = await asyncio.to_thread(self._open_file, path)
        return ref_of(document)

    async def document(self, ref: DocumentRef) -> Document:
        """The text behind a reference.

        Raises:
            LlmlabError: it is not kept any more.
        """
        return (await self._opened(ref, SIZE)).document

    def readiness(self, ref: DocumentRef, model: ModelSpec, window: int) -> Readiness:
        """How much of a document is indexed and counted for a model with `window` tokens."""
        opened = self._open.get((ref.digest, size_for(window)))
        if opened is None:
            return Readiness(0.0, Counted(0, 0.0))
        return Readiness(opened.index.share, opened.counted(model.path), self._search.embedded(opened))

    async def prepare(self, refs: Sequence[DocumentRef], engine: Engine, model: ModelSpec, window: int) -> None:
        """Begin to index and to count documents in the background; errors are told when they are asked about.

        Raises:
            LlmlabError: one is not kept any more.
        """
        if self.vectors is not None:
            self.vectors.resume()
        for ref in refs:
            opened = await self._opened(ref, size_for(window))
            task = asyncio.create_task(_behind(opened, engine, model.path), name=f"count {ref.name}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def pause(self) -> None:
        """Index, count and embed no more in the background; `prepare` goes on where that was left."""
        for task in self._tasks:
            task.cancel()
        if self.vectors is not None:
            self.vectors.pause()

    async def close(self) -> None:
        """End what runs in the background."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self.vectors is not None:
            await self.vectors.close()
        self._open.clear()

    async def _opened(self, ref: DocumentRef, size: int) -> OpenDocument:
        key = (ref.digest, size)
        async with self._opening:
            opened = self._open.pop(key, None)
            if opened is None:
                known = [each.document for (digest, _), each in self._open.items() if digest == ref.digest]
                opened = OpenDocument(known[0] if known else await asyncio.to_thread(self._get, ref.digest), size)
            self._open[key] = opened
            held = sum(len(each.document.text) for each in self._open.values())
            while held > AT_HAND and len(self._open) > 1:
                held -= len(self._open.pop(next(iter(self._open))).document.text)
        return opened

    # Prompts --------------------------------------------------------------------------------------------------------

    def loaded(self, host: Holder, model: ModelSpec) -> ModelSpec | None:
        """The spec that is loaded now for `model`: its own, or one with a window that was made for documents."""
        found = (spec for spec in (model, self._made.get(model)) if spec is not None and host.loaded(spec) is not None)
        return next(found, None)

    async def ready(self, host: Holder, recipe: Recipe, asked: Asked) -> Ready:
        """An engine with the window that the recipe's documents take, and what the prompt is to hold of them.

        The model is loaded anew where the window must be another one.

        Raises:
            LlmlabError: a document is gone, or the model cannot be loaded.
        """
        base, use = recipe.model, recipe.reading
        if use is None:
            return await ready_engine(host, recipe)
        ready = await ready_engine(host, replace(recipe, model=self.loaded(host, base) or base))
        choice, material = await self.material(ready.engine, ready.card, recipe, asked)
        spec = model_for(base, choice, use.stretching, self._own(base, ready.card).n_ctx_train)
        if host.loaded(spec) is None:
            try:
                again = await ready_engine(host, replace(recipe, model=spec))
            except ModelError:
                if spec == base or use.way != "auto":
                    raise
                # The estimate of memory was wrong: read what the model's own window holds.
                spec, again = base, await ready_engine(host, recipe)
                _, material = await self.material(again.engine, again.card, recipe, asked, most=0)
            ready = replace(again, load_s=ready.load_s + again.load_s)
        if spec != base:
            self._made[base] = spec
        return replace(ready, recipe=replace(recipe, model=spec), material=material)

    async def material(
        self, engine: Engine, card: ModelCard, recipe: Recipe, asked: Asked, *, most: int | None = None
    ) -> tuple[Choice, Material]:
        """What a prompt is to hold of the recipe's documents, and the window that this takes.

        Args:
            engine: loaded with the recipe's model, whatever its window.
            card: that model.
            recipe: with documents.
            asked: what is asked of them.
            most: tokens of the longest window; `None` is what memory suffices for.

        Raises:
            UsageError: not even one passage fits.
            LlmlabError: a document is gone, or the engine died.
        """
        use = recipe.reading
        assert use is not None
        window = self.window(recipe.model, card)
        rest = await asked.bare(engine, card) + reserve(recipe.sampling.max_tokens, window)
        opened = [await self._opened(ref, size_for(window)) for ref in use.documents]
        scope = scope_of(asked.question)
        digests: list[str] = []
        if use.way == "digest" or (use.way == "auto" and scope == "whole"):
            digests = [await asyncio.to_thread(self._digest, each.document) for each in opened]
        sizes = await self._sizes(engine, card, recipe, opened, scope, rest, most)
        choice = choose(use, scope, sizes, noted=bool(digests) and all(digests))
        if choice.way == "digest":
            return choice, _material(use, choice, _digested(use, digests))
        if choice.way in ("whole", "stretched"):
            for each in opened:
                await each.complete()
            return choice, _material(use, choice, tuple(_all(opened)))
        questions = [asked.question, *([f"{asked.before}\n{asked.question}"] if asked.before else [])]
        search = await self._search.search(opened, questions)
        room = window - rest
        excerpts = await fitting(engine, opened, search.found, room=room, share=max(SHARE, window // 4), k=use.k)
        if not excerpts and any(each.passages for each in search.opened):
            raise UsageError(
                say("There is no room for a single passage of the documents: {room:,} tokens.", room=max(0, room)),
                hint=say("Start a new chat (ctrl+n), show fewer examples, or raise n_ctx in models.toml."),
            )
        reason = say("{reason}; {search}", reason=choice.reason, search=search.by)
        told = replace(choice, reason=reason, warnings=(*choice.warnings, *search.warnings))
        return choice, _material(use, told, excerpts)

    def window(self, base: ModelSpec, card: ModelCard) -> int:
        """The window that a model has by itself, whatever is loaded."""
        return self._own(base, card).n_ctx

    def _own(self, base: ModelSpec, card: ModelCard) -> ModelCard:
        """The card of a model in its own window; `card` is that of what is loaded."""
        made = self._made.get(base)
        # A stretched model calls the stretched window its trained one.
        if base not in self._cards and (made is None or card.n_ctx != made.n_ctx):
            self._cards[base] = card
        return self._cards.get(base, card)

    async def _sizes(
        self,
        engine: Engine,
        card: ModelCard,
        recipe: Recipe,
        opened: Sequence[OpenDocument],
        scope: Scope,
        rest: int,
        most: int | None,
    ) -> Sizes:
        """What there is room for, after as much counting as it takes to choose."""
        base, use = recipe.model, recipe.reading
        assert use is not None
        own = self._own(base, card)
        window, trained = own.n_ctx, own.n_ctx_train
        sizes = Sizes(
            documents=0,
            counted=False,
            rest=rest,
            window=window,
            trained=max(trained, window) if base.rope != Rope() or not trained else trained,
            most=window,
            stretchable=base.rope == Rope(),
        )
        tokens, complete = FRAME * len(opened), True
        limit = enough(use, scope, sizes)
        for each in opened:
            known = await each.count(engine, base.path, max(0, limit - tokens)) if limit else each.counted(base.path)
            tokens, complete = tokens + known.tokens, complete and known.complete
        sizes = replace(sizes, documents=tokens, counted=complete)
        if complete and tokens + rest > window:
            # A window that the table sets is the user's word on memory, unless a longer one is asked for.
            held = base.n_ctx is not None and use.way == "auto"
            sizes = replace(sizes, most=window if held else await self._most(base, sizes) if most is None else most)
        return sizes

    async def _most(self, base: ModelSpec, sizes: Sizes) -> int:
        """The longest window that memory suffices for, found once for each length that is asked about."""
        wanted = sizes.documents + 2 * sizes.talk
        wanted += -wanted % SMALL_WINDOW
        if (base, wanted) not in self._room:
            self._room[base, wanted] = await asyncio.to_thread(self._largest, base, wanted)
        return max(sizes.window, self._room[base, wanted])


def ref_of(document: Document) -> DocumentRef:
    """A document as a recipe names it."""
    return DocumentRef(name=document.name, path=document.path, digest=document.digest, characters=len(document.text))


def size_for(window: int) -> int:
    """What a passage weighs at the most for a model with `window` tokens: several must fit."""
    return SIZE if window >= SMALL_WINDOW else SIZE // 3


async def _behind(opened: OpenDocument, engine: Engine, model: str) -> None:
    """Index and count in the background."""
    try:
        await opened.count(engine, model)
    except LlmlabError:
        # The engine is gone; whoever asks next counts on with another.
        await opened.complete()


def _material(use: ReadingUse, choice: Choice, excerpts: tuple[Excerpt, ...]) -> Material:
    return Material(use=use, way=choice.way, reason=choice.reason, excerpts=excerpts, warnings=choice.warnings)


def _digested(use: ReadingUse, digests: Sequence[str]) -> tuple[Excerpt, ...]:
    """Digests in place of the texts.

    Raises:
        UsageError: there is none of one of the documents.
    """
    if missing := [ref.name for ref, digest in zip(use.documents, digests, strict=True) if not digest]:
        raise UsageError(
            say("There is no digest of {names}.", names=", ".join(missing)),
            hint=say("Make one first: d in the documents pane, or llmlab digest FILE"),
        )
    return tuple(Excerpt(document=place, number=0, start=0, end=0, text=digest) for place, digest in enumerate(digests))


def _all(opened: Sequence[OpenDocument]) -> Iterator[Excerpt]:
    first = 0
    for place, each in enumerate(opened):
        for passage in each.passages:
            yield each.excerpt(passage, document=place, first=first)
        first += len(each.passages)
