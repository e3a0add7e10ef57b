"""`llmlab embed`: texts as vectors, or how alike they are."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from llmlab.domain.embedding import Embeddings, cosine
from llmlab.domain.model import ModelSpec
from llmlab.errors import LlmlabError
from llmlab.headless.console import Console, engine_in_use, report
from llmlab.headless.diagnostics import Exit
from llmlab.headless.output import quoted, table
from llmlab.services.embed import embed
from llmlab.services.host import EngineHost
from llmlab.words import say

_FIRST: Final = 6
"""Numbers of a vector that are shown to people."""


def run_embed(
    host: EngineHost, spec: ModelSpec, texts: Sequence[str], console: Console, *, as_json: bool, told: Path
) -> Exit:
    """Embed the texts, show the result, end the engine.

    Args:
        host: loads the model.
        spec: the model.
        texts: one or more.
        console: where result and problems go.
        as_json: the vectors as one object; else how alike the first and each of the others are.
        told: the record of notes about models that this user has read already.

    Raises:
        ReaderGone: nobody reads the result any more.
    """
    return asyncio.run(_run(host, spec, texts, console, as_json=as_json, told=told))


async def _run(
    host: EngineHost, spec: ModelSpec, texts: Sequence[str], console: Console, *, as_json: bool, told: Path
) -> Exit:
    def progress(done: int) -> None:
        console.err.progress(say("Embedding: {done} of {count} texts", done=f"{done:,}", count=f"{len(texts):,}"))

    async with engine_in_use(host, console, told) as stop:
        try:
            found = await embed(host, spec, texts, stop, progress)
        except LlmlabError as error:
            if as_json:
                told_error = {"what": error.what, "where": error.where, "hint": error.hint}
                console.out.json({"model": spec.name, "texts": [], "error": told_error})
            return report(error, console)
    console.err.clear()
    if not found.declared and not as_json:
        console.err.note(
            say("{model} does not say how it makes vectors; the mean over all tokens was taken.", model=spec.name)
        )
    if as_json:
        console.out.json(record(spec, texts, found))
    else:
        _show(texts, found, console)
    return Exit.ANSWERED


def record(spec: ModelSpec, texts: Sequence[str], found: Embeddings) -> dict[str, object]:
    """What `--json` prints."""
    first = found.vectors[0]
    return {
        "model": spec.name,
        "pooling": found.pooling,
        "declared": found.declared,
        "width": len(first),
        "texts": [
            # Nine digits are all that a 32-bit float has.
            {
                "text": text,
                "tokens": tokens,
                "similarity": cosine(first, vector),
                "vector": [float(f"{number:.9g}") for number in vector],
            }
            for text, tokens, vector in zip(texts, found.tokens, found.vectors, strict=True)
        ],
    }


def _show(texts: Sequence[str], found: Embeddings, console: Console) -> None:
    first = found.vectors[0]
    out = console.out
    if len(texts) == 1:
        numbers = " ".join(f"{number:.4f}" for number in islice(first, _FIRST))
        out.line(say("{count:,} numbers: {numbers} …", count=len(first), numbers=numbers))
        return
    rows = [(say("similarity"), say("tokens"), say("to {text}", text=quoted(texts[0])))]
    others = [
        (cosine(first, vector), tokens, text)
        for text, tokens, vector in islice(zip(texts, found.tokens, found.vectors, strict=True), 1, None)
    ]
    for similarity, tokens, text in sorted(others, key=lambda other: -other[0]):
        rows.append((f"{similarity:.4f}", f"{tokens:,}", quoted(text)))
    for line in table(rows, right={0, 1}):
        out.line(line)
