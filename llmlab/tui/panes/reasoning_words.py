"""Reasoning modes in words: what is on, what a mode adds to the prompt, and where it finds the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from llmlab.domain.modes import ReasoningMode, ReasoningUse
from llmlab.domain.terminal import visible_line
from llmlab.words import say


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the reasoning pane gives: a mode with its changes, or none."""

    use: ReasoningUse | None


def reasoning_in_words(use: ReasoningUse | None) -> str:
    """What is on, in a line: the mode, its votes, its budget; empty when nothing is."""
    if use is None:
        return ""
    words = [visible_line(use.mode.title)]
    if use.vote_count > 1:
        words.append(say("{count} votes", count=use.vote_count))
    if use.thinking_budget:
        words.append(say("thinks {count:,} tokens at most", count=use.thinking_budget))
    return say(", ").join(words)


def mode_in_words(mode: ReasoningMode) -> Iterator[tuple[str, str]]:
    """What a mode does: title and text of each part, in the order in which it happens."""
    if mode.system:
        yield say("System prompt"), mode.system
    if mode.shot_reasoning:
        yield say("Examples"), say("they show their steps")
    if mode.question:
        yield say("After the question"), mode.question
    if mode.thinking is not None:
        yield say("Thinking"), say("on") if mode.thinking else say("off")
    if mode.answer:
        yield say("The answer begins"), mode.answer
    for stage in mode.stages:
        if stage.kind == "question":
            yield say("Then it is asked"), stage.cue
        else:
            yield say("Then the answer goes on"), stage.cue
    yield say("Final answer"), _extraction_in_words(mode)


def _extraction_in_words(mode: ReasoningMode) -> str:
    how = mode.extraction
    match how.rule:
        case "whole":
            return say("all of it")
        case "after":
            return say("what follows “{marker}”", marker=visible_line(how.marker))
        case "last_number":
            return say("the last number")
        case "first_number":
            return say("the first number")
        case "letter":
            return say("the last letter of {letters}", letters=visible_line(how.letters))
        case "last_line":
            return say("the last line")
        case "json":
            return say("the JSON in it")
        case "boxed":
            return say("what stands in {macro}", macro="\\boxed{}")
