"""`llmlab score`: how likely a model finds texts, token by token, or which of several answers it prefers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from llmlab.domain.model import ModelSpec
from llmlab.domain.scoring import (
    MEASURES,
    ScoredText,
    bits_per_byte,
    choose,
    mean_logprob,
    perplexity,
    shares,
    surprises,
    worth,
)
from llmlab.errors import LlmlabError
from llmlab.headless.console import Console, engine_in_use, report
from llmlab.headless.diagnostics import Exit
from llmlab.headless.output import Colour, Output, quoted, table
from llmlab.services.host import EngineHost
from llmlab.services.score import Question, score
from llmlab.words import say

_COLOURS: Final[tuple[tuple[float, Colour], ...]] = ((1.0, "green"), (4.0, "plain"), (8.0, "yellow"), (math.inf, "red"))
"""Bits of surprise below which a token has this colour."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How the result is shown."""

    choices: bool = False
    """The texts are compared with each other."""
    as_json: bool = False


def run_score(
    host: EngineHost, spec: ModelSpec, question: Question, console: Console, *, manner: Manner, told: Path
) -> Exit:
    """Score the texts, show the result, end the engine.

    Args:
        host: loads the model.
        spec: the model.
        question: the texts and what comes before them.
        console: where result and problems go.
        manner: how the result is shown.
        told: the record of notes about models that this user has read already.

    Raises:
        ReaderGone: nobody reads the result any more.
    """
    return asyncio.run(_run(host, spec, question, console, manner, told))


async def _run(
    host: EngineHost, spec: ModelSpec, question: Question, console: Console, manner: Manner, told: Path
) -> Exit:
    def progress(share: float) -> None:
        console.err.progress(say("Scoring: {percent} %", percent=round(100 * share)))

    async with engine_in_use(host, console, told) as stop:
        try:
            texts = await score(host, spec, question, stop, progress)
        except LlmlabError as error:
            if manner.as_json:
                console.out.json(record(spec, question, (), manner, error))
            return report(error, console)
    console.err.clear()
    if manner.as_json:
        console.out.json(record(spec, question, texts, manner))
    elif manner.choices:
        _show_choices(question, texts, console.out)
    else:
        _show_texts(question, texts, console.out)
    return Exit.ANSWERED


# For programs ---------------------------------------------------------------------------------------------------------


def record(
    spec: ModelSpec, question: Question, texts: Sequence[ScoredText], manner: Manner, error: LlmlabError | None = None
) -> dict[str, object]:
    """What `--json` prints."""
    written: dict[str, object] = {"model": spec.name, "prompt": question.prompt, "chat": question.chat}
    objects = [_object(text, scored) for text, scored in zip(question.texts, texts, strict=False)]
    if manner.choices and texts:
        for item, share in zip(objects, shares(texts), strict=True):
            item["share"] = share
        written["best"] = {_key(measure): choose(texts, measure) for measure in MEASURES}
    written["texts"] = objects
    if error:
        written["error"] = {"what": error.what, "where": error.where, "hint": error.hint}
    return written


def _object(text: str, scored: ScoredText) -> dict[str, object]:
    value = perplexity(scored)
    return {
        "text": text,
        "context": scored.context,
        "reused": scored.reused,
        "bytes": scored.size,
        "characters": scored.characters,
        **{_key(measure): worth(scored, measure) for measure in MEASURES},
        "perplexity": value if math.isfinite(value) else None,
        "bits_per_byte": bits_per_byte(scored),
        "tokens": [asdict(token) for token in scored.tokens],
    }


def _key(measure: str) -> str:
    """`measure` as a key: `logprob`, `logprob_per_token`."""
    return "logprob" if measure == "total" else "logprob_" + measure.replace(" ", "_")


# For people -----------------------------------------------------------------------------------------------------------


def _show_texts(question: Question, texts: Sequence[ScoredText], out: Output) -> None:
    for index, (text, scored) in enumerate(zip(question.texts, texts, strict=True)):
        if len(texts) > 1:
            if index:
                out.line()
            out.line(f"{index + 1}/{len(texts)}  {quoted(text)}")
        _show_tokens(scored, out)
        out.line()
        for line in _figures(scored):
            out.line(line)


def _show_tokens(scored: ScoredText, out: Output) -> None:
    likeliest = any(token.top for token in scored.tokens)
    head = [say("token"), say("log-probability"), say("bits"), say("rank"), *([say("likeliest")] if likeliest else [])]
    rows = [head]
    colours: list[Colour] = ["plain"]
    for token, bits in zip(scored.tokens, surprises(scored), strict=True):
        others = ", ".join(f"{quoted(each.text)} {_percent(math.exp(each.logprob))}" for each in token.top)
        row = [quoted(token.text), f"{token.logprob:.4f}", f"{bits:.2f}", f"{token.rank:,}"]
        rows.append([*row, *([others] if likeliest else [])])
        colours.append(next(colour for limit, colour in _COLOURS if bits < limit))
    for line, colour in zip(table(rows, right={1, 2, 3}), colours, strict=True):
        out.coloured(line, colour)


def _figures(scored: ScoredText) -> list[str]:
    total = scored.logprob
    rows = [
        (say("total"), f"{total:.4f}", say("{bits:.2f} bits", bits=math.fsum(surprises(scored)))),
        (say("mean"), f"{mean_logprob(scored):.4f}", say("over {count:,} tokens", count=len(scored.tokens))),
        (say("perplexity"), f"{perplexity(scored):,.4f}", ""),
        (say("bits per byte"), f"{bits_per_byte(scored):.4f}", say("over {count:,} bytes", count=scored.size)),
    ]
    return table(rows, right={1})


def _show_choices(question: Question, texts: Sequence[ScoredText], out: Output) -> None:
    best = {measure: choose(texts, measure) for measure in MEASURES}
    rows = [["", say("choice"), say("tokens"), say("log-probability"), say("per token"), say("per character"),
             say("per byte"), say("share")]]  # fmt: skip
    parts = shares(texts)
    for index, (text, scored) in enumerate(zip(question.texts, texts, strict=True)):
        figures = [f"{worth(scored, measure):.4f}{'*' if best[measure] == index else ' '}" for measure in MEASURES]
        mark = "*" if best["total"] == index else ""
        rows.append([mark, quoted(text), f"{len(scored.tokens):,}", *figures, _percent(parts[index])])
    colours: list[Colour] = ["plain", *("green" if best["total"] == index else "plain" for index in range(len(texts)))]
    for line, colour in zip(table(rows, right={2, 3, 4, 5, 6, 7}), colours, strict=True):
        out.coloured(line, colour)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
