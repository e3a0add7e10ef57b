"""Grammars that an answer must follow: GBNF as it is, or made from a JSON schema; both checked before they are used."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from llama_cpp import llama_cpp as api
from llama_cpp.llama_grammar import json_schema_to_gbnf

from llmlab.engine.llama.candidates import Candidates
from llmlab.engine.llama.vocabulary import Vocabulary
from llmlab.errors import EngineError
from llmlab.words import say

LONGEST: Final = 1 << 20
"""Characters of a grammar."""
DEEPEST: Final = 500
"""Groups within groups; llama.cpp's parser calls itself for each and dies of tens of thousands."""
LARGEST: Final = 8000
"""Rules, groups and repetitions; a chain of tens of thousands kills llama.cpp's search for left recursion."""

_TOKENS: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|\[(?:[^\]\\\n]|\\.)*\]|#[^\n]*|::=|[()*+?{]')
_SCHEMA_FAULTS: Final = (AssertionError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError)
"""How the conversion of a schema fails: it trusts what it is given, and says little."""


def gbnf_of(grammar: str | None, schema: str | None) -> str | None:
    """The grammar that a request asks for; `None` when it asks for none.

    Raises:
        EngineError: it asks for both, or the schema cannot be turned into a grammar.
    """
    if grammar is not None and schema is not None:
        raise EngineError(say("A grammar and a JSON schema were given."), hint=say("Give one of them."))
    return grammar if schema is None else _from_schema(schema)


def _from_schema(schema: str) -> str:
    hint = say("Simplify the schema, or write a grammar.")
    try:
        parsed = json.loads(schema)
        if not isinstance(parsed, dict):
            raise ValueError(say("a schema is a JSON object"))
        foreign = next((ref for ref in _references(parsed) if not str(ref).startswith("#/")), None)
        if foreign is not None:
            raise ValueError(say("$ref {ref} is not inside the schema", ref=foreign))
        if any(count > LARGEST for count in _repetitions(parsed)):
            # The conversion writes each of them out.
            raise ValueError(say("a length or a number of items is above {most}", most=f"{LARGEST:,}"))
        return str(json_schema_to_gbnf(schema))
    except RecursionError:
        raise EngineError(say("The JSON schema is nested too deeply."), hint=hint) from None
    except (ValueError, *_SCHEMA_FAULTS) as fault:
        reason = str(fault)[:300] or type(fault).__name__
        raise EngineError(say("The JSON schema cannot be used: {reason}.", reason=reason), hint=hint) from fault


def _references(node: object) -> Iterator[object]:
    """Every `$ref` in a schema."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _repetitions(node: object) -> Iterator[float]:
    """Every bound of a length or a number of items in a schema."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("minLength", "maxLength", "minItems", "maxItems") and isinstance(value, int | float):
                yield value
            yield from _repetitions(value)
    elif isinstance(node, list):
        for value in node:
            yield from _repetitions(value)


def check_size(text: str) -> None:
    """That llama.cpp survives reading this grammar.

    Raises:
        EngineError: it is too long, too deep or too large, or empty.
    """
    hint = say("Simplify the grammar.")
    if not text.strip():
        raise EngineError(say("The grammar is empty."), hint=say("It needs a rule: root ::= ..."))
    if "\0" in text:
        raise EngineError(say("The grammar holds a NUL character."), hint=hint)
    depth = deepest = count = 0
    for found in _TOKENS.finditer(text):
        symbol = found[0]
        count += symbol[0] not in '"[#)'
        depth += (symbol == "(") - (symbol == ")")
        deepest = max(deepest, depth)
    if len(text) > LONGEST or deepest > DEEPEST or count > LARGEST:
        raise EngineError(say("The grammar is too large for llama.cpp."), hint=hint)


class Grammar:
    """What has been said of one answer, against its grammar; freed by `close`."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        """Read the grammar, whose rule `root` is the whole answer.

        Raises:
            EngineError: llama.cpp refuses it; the message holds its reason.
        """
        check_size(text)
        self._one = Candidates(1)
        with _words_on_stderr() as said:
            self._pointer: Any = api.llama_sampler_init_grammar(
                vocabulary.pointer, text.encode("utf-8", "replace"), b"root"
            )
        # NULL is a false POINTER here, never None.
        if not self._pointer:
            raise EngineError(
                say("The grammar cannot be used: {reason}.", reason=_reason(said)),
                hint=say("Rules are GBNF, and one of them is named root: root ::= ..."),
            )

    def allows(self, token: int) -> bool:
        """`token` may come next."""
        self._one.hold(token)
        self._one.pass_through(self._pointer)
        return self._one.possible

    def restrict(self, candidates: Candidates) -> None:
        """Make impossible what may not come next; walks over all of them."""
        candidates.pass_through(self._pointer)

    def accept(self, token: int) -> None:
        """`token` came; one that is not allowed would end the process."""
        api.llama_sampler_accept(self._pointer, token)

    def close(self) -> None:
        """Free it; may be called twice."""
        if self._pointer:
            api.llama_sampler_free(self._pointer)
            self._pointer = None


def _reason(said: bytearray) -> str:
    """llama.cpp's own words about a grammar, in one line."""
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    for line in lines:
        if "error parsing grammar: " in line:
            return line.partition("error parsing grammar: ")[2][:300].rstrip(".").removesuffix(" at")
    telling = [line for line in lines if "grammar" in line and line != "failed to parse grammar"]
    return telling[-1][:300].rstrip(".") if telling else say("llama.cpp gives no reason")


@contextmanager
def _words_on_stderr() -> Iterator[bytearray]:
    """What is written to file descriptor 2 meanwhile: llama.cpp's parser speaks there and nowhere else."""
    said = bytearray()
    with ExitStack() as opened:
        try:
            before = os.dup(2)
            opened.callback(os.close, before)
            file = opened.enter_context(tempfile.TemporaryFile())
        except OSError:
            # There is no such descriptor, or no disk has room; the words are lost.
            yield said
            return
        os.dup2(file.fileno(), 2)
        try:
            yield said
        finally:
            os.dup2(before, 2)
            file.seek(0)
            said += file.read()
