"""What is said of an answer, as the wire has it."""

from __future__ import annotations

from llmlab.domain.generation import FinishReason
from llmlab.domain.tokens import TokenScore
from llmlab.engine.llama.answer import Answer, AnswerKey
from llmlab.engine.llama.measuring import Measuring
from llmlab.engine.wire import Ended, Generate, Problem, Read, Score, Scored
from llmlab.errors import EngineError


def reading(answer: Answer) -> Read:
    """How far its prompt is read."""
    key, reused = answer.key, answer.reused or 0
    return Read(id=key.command, done=answer.evaluated, total=answer.prompt, reused=reused, sample=key.sample)


def ended(answer: Answer, reason: FinishReason, now: float) -> Ended:
    """It ended at clock reading `now`."""
    key, timing = answer.key, answer.timing(now)
    return Ended(id=key.command, reason=reason, usage=answer.usage, timing=timing, sample=key.sample, ids=answer.ids)


def scored(answer: Answer, measuring: Measuring, scores: tuple[TokenScore, ...]) -> Scored:
    """The next tokens of a text were measured."""
    key, text = answer.key, measuring.told(scores, answer.reused or 0)
    return Scored(id=key.command, text=text, done=measuring.done, sample=key.sample)


def refusals(command: Generate | Score, error: EngineError) -> list[Problem]:
    """None of what `command` asks for can be."""
    count = command.samples if isinstance(command, Generate) else len(command.texts)
    return [refused(AnswerKey(command.id, sample), error) for sample in range(count)]


def refused(key: AnswerKey, error: EngineError) -> Problem:
    """It cannot be, or not go on."""
    return Problem(id=key.command, kind="engine", what=error.what, hint=error.hint, sample=key.sample)
