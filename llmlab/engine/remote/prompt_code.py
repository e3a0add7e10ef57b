"""Prompts as tokens where nobody tells the real ones: each stands for a few characters, and all of them for the prompt.

A server takes messages and keeps its template and its vocabulary to itself, while everything above engines handles
prompts as tokens: counts them, compares them, asks again with them. So messages are written as numbers from which they
can be read again. How many they are is an estimate of the server's count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final

from llmlab.domain.prompting import ChatMessage, PromptOptions, RenderedPrompt, Role, Span
from llmlab.domain.terminal import encodable

_PIECES: Final = re.compile(r"[\x00-\x7f]{1,4}|[^\x00-\x7f]", re.DOTALL)
"""A token: four characters of ASCII, as English takes them, or one of any other, rather more than Chinese takes."""

_MARK: Final = 1 << 60
"""Above every token that stands for text."""
_SYSTEM, _USER, _ASSISTANT, _THOUGHT, _SAID, _ANSWER, _ANSWER_THINKING, _ANSWER_AT_ONCE = range(_MARK, _MARK + 8)

_ROLES: Final[dict[Role, int]] = {"system": _SYSTEM, "user": _USER, "assistant": _ASSISTANT}
_BEGINNINGS: Final[dict[int, Role]] = {mark: role for role, mark in _ROLES.items()}
_ENDINGS: Final[dict[bool | None, int]] = {None: _ANSWER, True: _ANSWER_THINKING, False: _ANSWER_AT_ONCE}
_THINKING: Final = {mark: thinking for thinking, mark in _ENDINGS.items()}


def estimate(text: str) -> int:
    """Tokens that `text` may have."""
    return sum(1 for _ in _PIECES.finditer(text))


def rendered(messages: Sequence[ChatMessage], options: PromptOptions) -> RenderedPrompt:
    """Messages as a prompt whose scaffold is made up: the server's own is not known."""
    parts = list(_parts(messages, options))
    texts = [text for text, _, _ in parts]
    words = [word for text, _, mark in parts for word in ([text] if mark is not None else _PIECES.findall(text))]
    tokens: list[int] = []
    for text, _, mark in parts:
        tokens += [mark] if mark is not None else map(_number, _PIECES.findall(text))
    starts = accumulate(map(len, texts), initial=0)
    spans = tuple(
        Span(start, start + len(text), message, estimate(text) if mark is None else 1)
        for start, (text, message, mark) in zip(starts, parts, strict=False)
    )
    offsets = tuple(accumulate(map(len, words[:-1]), initial=0)) if words else ()
    return RenderedPrompt("".join(texts), tuple(tokens), spans, offsets=offsets)


def _parts(messages: Sequence[ChatMessage], options: PromptOptions) -> Iterator[tuple[str, int, int | None]]:
    """Text, the message that it belongs to, and the one token that it is, if it is scaffold."""
    for index, message in enumerate(messages):
        yield ("\n\n" if index else "") + f"[{message.role}]\n", -1, _ROLES[message.role]
        if message.thinking:
            yield "[thinking]\n", -1, _THOUGHT
            yield encodable(message.thinking), index, None
            yield "\n[answer]\n", -1, _SAID
        if message.text:
            yield encodable(message.text), index, None
    yield "\n\n[assistant]\n", -1, _ENDINGS[options.thinking]
    if options.prefill:
        yield encodable(options.prefill), len(messages), None


def messages_of(tokens: Iterable[int]) -> tuple[list[ChatMessage], PromptOptions]:
    """The messages that `rendered` made `tokens` of, and how the answer begins.

    Raises:
        ValueError: they were not made by it.
    """
    messages: list[ChatMessage] = []
    thinking: bool | None = None
    for mark, text in _stretches(tokens):
        if mark in _BEGINNINGS:
            messages.append(ChatMessage(_BEGINNINGS[mark], text))
        elif mark == _THOUGHT:
            messages[-1] = ChatMessage(messages[-1].role, "", text)
        elif mark == _SAID:
            messages[-1] = ChatMessage(messages[-1].role, text, messages[-1].thinking)
        else:
            thinking = _THINKING[mark]
            return messages, PromptOptions(thinking, text)
    raise ValueError("the prompt has no end")


def _stretches(tokens: Iterable[int]) -> Iterator[tuple[int, str]]:
    """Each mark with the text behind it."""
    mark, data = 0, bytearray()
    for token in tokens:
        if token < _MARK:
            data += token.to_bytes((token.bit_length() + 7) // 8, "big")[1:]
            continue
        if mark:
            yield mark, data.decode()
        mark, data = token, bytearray()
    if mark:
        yield mark, data.decode()


def _number(piece: str) -> int:
    """A piece of text as a number; the 1 in front keeps what begins with zeros."""
    return int.from_bytes(b"\x01" + piece.encode(), "big")
