"""What a digest takes and how far it has come, in sentences."""

from __future__ import annotations

from pathlib import PurePath

from llmlab.domain.digest import Cost
from llmlab.domain.summary_words import duration
from llmlab.words import say


def progress_in_words(done: int, total: int, seconds_left: float | None) -> str:
    """How far a digest has come.

    Args:
        done: requests that are answered.
        total: requests in all.
        seconds_left: from the speed so far; `None` before there is any.
    """
    told = say("{done:,} of {total:,} requests", done=done, total=total)
    if seconds_left is None or done >= total:
        return told
    return told + say(", {time} left", time=duration(seconds_left))


def kept_in_words(folder: PurePath) -> str:
    """Where the notes are."""
    return say("The notes are in {folder}.", folder=folder)


def cost_lines(cost: Cost) -> list[str]:
    """What a digest takes."""
    left = cost.requests - cost.kept
    if not left:
        return [say("{count:,} requests were answered in an earlier run.", count=cost.kept)]
    sizes = {"parts": cost.parts, "requests": left, "read": cost.prompt_tokens, "write": cost.answer_tokens}
    if cost.requests == 1:
        lines = [say("One request: {read:,} tokens to read, at most {write:,} to write.", **sizes)]
    else:
        lines = [
            say(
                "{parts:,} parts, {requests:,} requests: {read:,} tokens to read, at most {write:,} to write.",
                **sizes,
            )
        ]
    if cost.kept:
        lines.append(say("{count:,} more were answered in an earlier run.", count=cost.kept))
    if cost.seconds:
        lines.append(
            say(
                "At most {time}, from the speed measured: {read:,} tokens/s read, {write:,} written.",
                time=duration(cost.seconds),
                read=round(cost.read_speed),
                write=round(cost.write_speed),
            )
        )
    return lines
