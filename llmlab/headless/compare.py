"""`llmlab compare`: one question under several recipes, the answers one below the other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path

from llmlab.domain.card import card_as_object
from llmlab.domain.generation import Timing, Usage
from llmlab.domain.recipe import Recipe
from llmlab.domain.terminal import visible_line
from llmlab.errors import LlmlabError, Stopped
from llmlab.headless.console import Console, engine_in_use, report
from llmlab.headless.diagnostics import Exit
from llmlab.services.compare import Arm, Comparing
from llmlab.services.host import EngineHost
from llmlab.services.preview import left_out_in_words
from llmlab.words import say
from llmlab.words.counts import tokens_text, votes_text


def compare(
    host: EngineHost,
    comparing: Comparing,
    recipes: Mapping[str, Recipe],
    question: str,
    console: Console,
    *,
    as_json: bool,
    told: Path,
) -> Exit:
    """`run_compare` on an event loop of its own."""
    return asyncio.run(run_compare(host, comparing, recipes, question, console, as_json=as_json, told=told))


async def run_compare(
    host: EngineHost,
    comparing: Comparing,
    recipes: Mapping[str, Recipe],
    question: str,
    console: Console,
    *,
    as_json: bool,
    told: Path,
) -> Exit:
    """Answer under every recipe, write the answers, end the engines.

    Args:
        host: loads the model of the first recipe.
        comparing: runs the recipes.
        recipes: by what is other in each, the first one by nothing.
        question: as it was typed.
        console: where answers and problems go.
        as_json: one object instead of the text.
        told: the record of notes about models that this user has read already.
    """
    arms: tuple[Arm, ...] = ()
    async with engine_in_use(host, console, told) as stop:
        try:
            async with aclosing(comparing.run(tuple(recipes.values()), (), question, stop, interval=0.1)) as values:
                async for arms in values:
                    _show_progress(arms, console)
        except LlmlabError as error:
            return report(error, console)
        finally:
            await comparing.close()
    console.err.clear()
    if as_json:
        console.out.json({"question": question, "answers": [_record(*one) for one in zip(recipes, arms, strict=True)]})
    else:
        _write(tuple(recipes), arms, console)
    problems = [arm.problem for arm in arms if arm.problem is not None]
    for problem in problems:
        report(problem, console)
    if stop.is_set() or any(isinstance(problem, Stopped) for problem in problems):
        return Exit.INTERRUPTED
    return Exit.FAILED if problems else Exit.ANSWERED


def _show_progress(arms: Sequence[Arm], console: Console) -> None:
    ended = sum(arm.ended for arm in arms)
    tokens = sum(arm.progress.turn.generated for arm in arms if arm.progress)
    if tokens:
        console.err.progress(
            say("{ended} of {arms} answers, {tokens:,} tokens", ended=ended, arms=len(arms), tokens=tokens)
        )


def _write(variants: Sequence[str], arms: Sequence[Arm], console: Console) -> None:
    """Each answer below a line that says whose it is and what it took."""
    for number, (variant, arm) in enumerate(zip(variants, arms, strict=True), 1):
        if number > 1:
            console.out.line()
        console.out.line(f"== {number}  {visible_line(variant) or arm.recipe.model.name}  ({_figures(arm)})")
        console.out.write(arm.text)
        console.out.end_line()


def _figures(arm: Arm) -> str:
    """Tokens, seconds, what was left out of the prompt, and the final answer where one is looked for."""
    if arm.progress is None:
        return say("no answer")
    turn = arm.progress.turn
    words = [tokens_text(turn.generated)]
    if turn.timing:
        words.append(f"{turn.timing.prefill_s + turn.timing.decode_s:.2f} s")
        words.append(say("{speed:.0f} tok/s", speed=turn.timing.tokens_per_s))
    if left_out := left_out_in_words(arm.left_out):
        words.append(left_out)
    reasoned = arm.progress.reasoned
    if reasoned and reasoned.answer:
        words.append(say("answer: {answer}", answer=visible_line(reasoned.answer)))
    if reasoned and reasoned.votes:
        votes = ", ".join(f"{visible_line(vote.answer)} ×{vote.count}" for vote in reasoned.votes)
        words.append(say("{counted}: {votes}", counted=votes_text(reasoned.cast), votes=votes))
    return " · ".join(words)


def _record(variant: str, arm: Arm) -> dict[str, object]:
    """What `--json` prints for one of the answers."""
    turn = arm.progress.turn if arm.progress else None
    stopped = isinstance(arm.problem, Stopped)
    finish = "failed" if arm.problem and not stopped else turn.finish if turn and turn.finish else "cancelled"
    written: dict[str, object] = {
        "variant": variant,
        "model": arm.recipe.model.name,
        "text": arm.text,
        "thinking": arm.thinking,
        "finish": finish,
        "usage": asdict((turn.usage if turn else None) or Usage()),
        "timing": {
            name: round(value, 6) for name, value in asdict((turn.timing if turn else None) or Timing()).items()
        },
        "seed": arm.recipe.sampling.seed,
        "left_out": asdict(arm.left_out),
        "card": card_as_object(arm.card) if arm.card else None,
    }
    if arm.progress and (reasoned := arm.progress.reasoned):
        written["reasoning"], written["answer"] = reasoned.mode, reasoned.answer or None
        written["votes"] = [asdict(vote) for vote in reasoned.votes]
    if arm.problem and not stopped:
        written["error"] = {"what": arm.problem.what, "where": arm.problem.where, "hint": arm.problem.hint}
    return written
