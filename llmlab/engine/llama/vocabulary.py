"""A model's vocabulary: text to tokens, tokens to bytes; safe to use from any thread."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from llama_cpp import llama_cpp as api

from llmlab.domain.reasoning import MARKS

_UNKNOWN: Final = 1 << 0
_CONTROL: Final = 1 << 3
_USER_DEFINED: Final = 1 << 4
_LSTRIP: Final = 1 << 7
_RSTRIP: Final = 1 << 8
"""Attributes of tokens, `LLAMA_TOKEN_ATTR_...`."""

_SPECIAL: Final = _UNKNOWN | _CONTROL | _USER_DEFINED


@dataclass(frozen=True, slots=True)
class Specials:
    """The tokens that stand for themselves and not for pieces of text."""

    tokens: Mapping[str, int]
    """Text to id: control, unknown and user-defined tokens."""
    user_defined: frozenset[str]
    """Those that llama.cpp finds in any text, content or not."""
    eats_before: frozenset[str]
    """Those that swallow the whitespace before them."""
    eats_after: frozenset[str]
    """Those that swallow the whitespace after them."""


class Vocabulary:
    """The vocabulary of one model."""

    def __init__(self, pointer: Any) -> None:
        self.pointer = pointer
        self.size: int = api.llama_vocab_n_tokens(pointer)
        self._known: list[tuple[bytes, bool] | None] = [None] * self.size
        self._content: dict[int, bytes] = {}
        self._shown: dict[int, str] = {}
        self.adds_bos: bool = api.llama_vocab_get_add_bos(pointer)

    @property
    def usable(self) -> bool:
        """There are tokens at all."""
        return self.size > 0 and int(api.llama_vocab_type(self.pointer)) != 0

    def look_up(self, token: int) -> tuple[bytes, bool]:
        """The bytes that `token` adds to an answer, and whether it ends the answer.

        The bytes are empty for control tokens, those that fence the thinking excepted. Each token is asked of llama.cpp
        once.
        """
        known = self._known[token]
        if known is None:
            known = self._read_piece(token), bool(api.llama_vocab_is_eog(self.pointer, token))
            self._known[token] = known
        return known

    def _read_piece(self, token: int) -> bytes:
        special = api.llama_vocab_get_attr(self.pointer, token) & (_CONTROL | _UNKNOWN) != 0
        if special and self.text(token) not in self._fence_tokens:
            return b""
        return self._to_bytes(token, special=special)

    @cached_property
    def _fence_tokens(self) -> frozenset[str]:
        """Control tokens that are part of the answer, of the families whose tokens are all there: they fence thinking.

        `<|end|>` alone, say, is an end of turn.
        """
        there = {name for marks in MARKS for name in marks.tokens if self._is_token(name)}
        return frozenset(name for marks in MARKS if there.issuperset(marks.tokens) for name in marks.tokens)

    def _is_token(self, name: str) -> bool:
        return any(self.text(token) == name for token in self.tokenise(name, special=True))

    def _to_bytes(self, token: int, *, special: bool) -> bytes:
        buffer = ctypes.create_string_buffer(64)
        length = api.llama_token_to_piece(self.pointer, token, buffer, len(buffer), 0, special)
        if length < 0:
            buffer = ctypes.create_string_buffer(-length)
            length = api.llama_token_to_piece(self.pointer, token, buffer, len(buffer), 0, special)
        return buffer.raw[: max(length, 0)]

    def text(self, token: int) -> str:
        """How the vocabulary writes `token`."""
        return self.raw(token).decode("utf-8", "replace")

    def raw(self, token: int) -> bytes:
        """How the vocabulary writes `token`, as it stands in the file."""
        return api.llama_vocab_get_text(self.pointer, token) or b""

    @property
    def kind(self) -> int:
        """How it splits text, a number of llama.cpp's."""
        return int(api.llama_vocab_type(self.pointer))

    def content_piece(self, token: int) -> bytes:
        """The bytes of a text that `token` stands for, user-defined tokens included, control tokens not."""
        piece = self._content.get(token)
        if piece is None:
            piece = self._content[token] = self._to_bytes(token, special=False)
        return piece

    def shown(self, token: int) -> str:
        """`token` for people: control tokens written out, bytes that are part of a character as U+FFFD."""
        text = self._shown.get(token)
        if text is None:
            text = self._shown[token] = self._to_bytes(token, special=True).decode("utf-8", "replace")
        return text

    def specials(self) -> Specials:
        """The special tokens; asks llama.cpp about every token, some 50 ms for the largest vocabularies."""
        ask, pointer = api.llama_vocab_get_attr, self.pointer
        kinds = {token: kind for token in range(self.size) if (kind := ask(pointer, token)) & _SPECIAL}
        texts = {token: self.special_text(token) for token in kinds}

        def having(flag: int) -> frozenset[str]:
            return frozenset(texts[token] for token, kind in kinds.items() if kind & flag)

        tokens = {text: token for token, text in texts.items() if text}
        return Specials(tokens, having(_USER_DEFINED), having(_LSTRIP), having(_RSTRIP))

    def special_text(self, token: int) -> str:
        """`token` written out; empty when there is no such token."""
        return self._to_bytes(token, special=True).decode("utf-8", "replace") if 0 <= token < self.size else ""

    @property
    def bos(self) -> int:
        """The token that begins a text; -1 when there is none."""
        return int(api.llama_vocab_bos(self.pointer))

    @property
    def eos(self) -> int:
        """The token that ends a text; -1 when there is none."""
        return int(api.llama_vocab_eos(self.pointer))

    def tokenise(self, text: str, *, special: bool, framed: bool = False) -> list[int]:
        """The tokens of `text`.

        Args:
            text: any text; lone surrogates are replaced.
            special: control tokens that are written out become control tokens; else they stay plain text.
            framed: with the tokens by which the vocabulary begins and ends a text, BOS and EOS or CLS and SEP.
        """
        data = text.encode("utf-8", "replace")
        # A token may be empty of bytes only where a vocabulary adds a space in front.
        room = len(data) + 8
        tokens = (api.llama_token * room)()
        count = api.llama_tokenize(self.pointer, data, len(data), tokens, room, framed, special)
        if count < 0:
            room = -count
            tokens = (api.llama_token * room)()
            count = api.llama_tokenize(self.pointer, data, len(data), tokens, room, framed, special)
        return list(tokens[: max(count, 0)])
