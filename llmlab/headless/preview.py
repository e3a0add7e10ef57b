"""`llmlab preview`: the prompt as it would be sent, by origin and with its price in tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from llmlab.domain.assembly import OriginSpan
from llmlab.domain.recipe import Recipe
from llmlab.errors import LlmlabError
from llmlab.headless.console import Console, engine_in_use, report
from llmlab.headless.diagnostics import Exit
from llmlab.headless.output import table
from llmlab.headless.reading import as_object as reading_as_object
from llmlab.headless.reading import told_in_words
from llmlab.services.host import EngineHost
from llmlab.services.preview import Prepared, Preparing, left_out_in_words, prepare_once, way_in_words
from llmlab.services.prompt_words import origin_in_words
from llmlab.words import say
from llmlab.words.counts import tokens_text

Form = Literal["text", "tokens", "json"]
"""The prompt taken apart, one line a token, or one object."""


def preview(
    host: EngineHost, preparing: Preparing, recipe: Recipe, question: str, console: Console, *, form: Form, told: Path
) -> Exit:
    """Load the model, show the prompt of `question`, end the engine; 1 when the prompt would not be sent."""
    return asyncio.run(run_preview(host, preparing, recipe, question, console, form, told))


async def run_preview(
    host: EngineHost, preparing: Preparing, recipe: Recipe, question: str, console: Console, form: Form, told: Path
) -> Exit:
    """`preview` on the event loop that runs."""
    async with engine_in_use(host, console, told) as stop:
        try:
            prepared = await prepare_once(host, preparing, recipe, question, stop)
        except LlmlabError as error:
            return report(error, console)
        finally:
            await preparing.close()
    console.err.clear()
    match form:
        case "json":
            console.out.json(as_object(prepared))
        case "tokens":
            for line in table([("#", "id", say("origin"), say("text")), *_token_rows(prepared)], right=(0, 1)):
                console.out.line(line)
        case "text":
            for line in _text_lines(prepared):
                console.out.line(line)
    return Exit.ANSWERED if prepared.budget.sendable else Exit.FAILED


def as_object(prepared: Prepared) -> dict[str, object]:
    """What `--json` prints."""
    budget = prepared.budget
    return {
        "text": prepared.prompt.text,
        "tokens": len(prepared.prompt.tokens),
        "ids": list(prepared.prompt.tokens),
        "spans": [asdict(span) for span in prepared.spans],
        "budget": {
            "window": budget.window,
            "used": budget.used,
            "reserved": budget.reserved,
            "left": budget.left,
            "over": budget.over,
            "fits": budget.sendable,
            "sections": {section.origin: section.tokens for section in budget.sections},
        },
        "reading": reading_as_object(prepared.material.told) if prepared.material else None,
        "ways_out": [asdict(way) for way in prepared.ways],
        "left_out": asdict(prepared.left_out),
    }


def _text_lines(prepared: Prepared) -> Iterator[str]:
    """Each span under a line that names its origin and tokens, then the budget."""
    for span in prepared.spans:
        yield f"── {origin_in_words(span)} · " + tokens_text(span.tokens)
        yield from prepared.prompt.text[span.start : span.end].split("\n")
    budget = prepared.budget
    yield "──"
    if prepared.material:
        yield from told_in_words(prepared.material.told)
    sections = ", ".join(
        f"{origin_in_words(OriginSpan(0, 0, section.origin, 0, 0))} {section.tokens:,}" for section in budget.sections
    )
    yield say("{used:,} tokens of {window:,}: {sections}", used=budget.used, window=budget.window, sections=sections)
    yield say("set aside for the answer: {reserved:,}; left: {left:,}", reserved=budget.reserved, left=budget.left)
    if budget.over:
        yield say("too much by {over:,} tokens", over=budget.over)
    for way in prepared.ways:
        yield "  " + way_in_words(way)
    if left_out := left_out_in_words(prepared.left_out):
        yield left_out


def _token_rows(prepared: Prepared) -> Iterator[tuple[str, str, str, str]]:
    for number, token in enumerate(prepared.tokens()):
        yield f"{number:,}", str(token.id), origin_in_words(token.span), token.text.replace("\n", "↵")
