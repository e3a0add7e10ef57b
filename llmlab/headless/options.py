"""What stands on the command line, checked: sampler settings and the question."""

from __future__ import annotations

import json
import os
import select
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

from llmlab.domain.sampling import PRESETS, SETTINGS, Sampling, Setting
from llmlab.errors import UsageError
from llmlab.library.checks import Unfit, check_of, meant
from llmlab.words import say

PATIENCE: Final = 1.0
"""Seconds of silence on standard input after which a person is told what is waited for."""


def sampling_of(
    pairs: Sequence[tuple[str, str]],
    seed: int | None = None,
    max_tokens: int | None = None,
    preset: str | None = None,
) -> Sampling:
    """The settings of `-o KEY VALUE` pairs, the last one of a key counting; `--seed` and `--max-tokens` win.

    Args:
        pairs: names and values.
        seed: that of `--seed`.
        max_tokens: that of `--max-tokens`.
        preset: name of the preset that says what the others leave open.

    Raises:
        UsageError: a key or value that is none; the message names what is allowed and the near miss.
    """
    values: dict[str, object] = {}
    for key, text in pairs:
        setting = next((setting for setting in SETTINGS if setting.name == key), None)
        if setting is None:
            names = [setting.name for setting in SETTINGS]
            raise UsageError(
                say("There is no sampler setting {key}", key=key) + meant(key, names),
                where=f"-o {key} {text}",
                hint=say("They are: {names}", names=", ".join(names)),
            )
        value = _value(setting, text, f"-o {key} {text}")
        earlier = values.get(key)
        values[key] = (*earlier, *value) if isinstance(earlier, tuple) and isinstance(value, tuple) else value
    sampling = Sampling(**values)  # type: ignore[arg-type]  # the checks give each field its type
    for name, number in (("seed", seed), ("max_tokens", max_tokens)):
        if number is not None:
            setting = next(setting for setting in SETTINGS if setting.name == name)
            flag = "--" + name.replace("_", "-")
            value = _value(setting, str(number), f"{flag} {number}")
            sampling = replace(sampling, **{name: value})  # type: ignore[arg-type]  # checked above
    chosen = next((item for item in PRESETS if item.name == preset), None)
    return sampling.over(chosen.sampling) if chosen else sampling


def _value(setting: Setting, text: str, where: str) -> object:
    given: object = text
    with suppress(ValueError):  # the check below says what is allowed
        given = int(text) if setting.kind == "int" else float(text) if setting.kind == "float" else text
    try:
        return check_of(setting)(given)
    except Unfit as unfit:
        raise UsageError(f"{setting.name}: {unfit}", where=where, hint=say(setting.help)) from None


def shape_of(grammar: Path | None, schema: Path | None) -> tuple[str | None, str | None]:
    """Grammar and JSON schema, read from the files of `--grammar` and `--schema`.

    Raises:
        UsageError: a file that cannot be read, a schema that is no JSON, or both were given.
    """
    if grammar is not None and schema is not None:
        raise UsageError(say("A grammar and a JSON schema were given."), hint=say("Give one of them."))
    written = None if schema is None else text_of_file(schema)
    try:
        json.loads(written or "{}")
    except (ValueError, RecursionError) as error:
        raise UsageError(say("The schema is not JSON: {reason}", reason=str(error)), where=str(schema)) from None
    return None if grammar is None else text_of_file(grammar), written


def text_of_file(path: Path) -> str:
    """The text of a file.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(
            say("The file cannot be read: {reason}", reason=error.strerror or str(error)), where=str(path)
        ) from None
    except UnicodeDecodeError as error:
        raise UsageError(
            say("The file is not UTF-8 text (byte {position})", position=f"{error.start:,}"), where=str(path)
        ) from None


def question_of(
    text: str | None,
    stream: BinaryIO | None = None,
    *,
    on_silence: Callable[[], object] = lambda: None,
    patience: float = PATIENCE,
    needed: bool = True,
    piped: bool = True,
) -> str:
    """The question: TEXT, then what was piped in; `-` is standard input alone.

    Args:
        text: what stands on the command line.
        stream: standard input, unless a test brings its own.
        on_silence: called once when nothing has come for `patience` seconds: a pipe that somebody left open looks
            like a program that hangs.
        patience: seconds.
        needed: without a question there is nothing to ask.
        piped: standard input may hold it.

    Raises:
        UsageError: there is none, or standard input cannot be read as text.
    """
    source = _standard_input(stream) if piped else None
    asked = source is not None and (text == "-" or _is_piped(source))
    read = input_text(source, on_silence=on_silence, patience=patience) if asked else ""
    parts = [part for part in ("" if text in (None, "-") else str(text), read) if part.strip()]
    if not parts and needed:
        raise UsageError(
            say("There is no question."),
            hint=say('Give it as text, llmlab ask "Why is the sky blue?", or pipe it in.'),
        )
    return "\n\n".join(parts)


def input_text(
    stream: BinaryIO | None = None, *, on_silence: Callable[[], object] = lambda: None, patience: float = PATIENCE
) -> str:
    """Standard input to its end, without the line break that ends it; empty when it was closed.

    Args:
        stream: standard input, unless a test brings its own.
        on_silence: as in `question_of`.
        patience: seconds.

    Raises:
        UsageError: it cannot be read as text.
    """
    source = _standard_input(stream)
    if source is None:
        return ""
    if _is_silent(source, patience):
        on_silence()
    return _read(source)


def _standard_input(stream: BinaryIO | None) -> BinaryIO | None:
    """`stream`, else standard input; none at all when it was closed (`<&-`)."""
    return stream or (sys.stdin.buffer if sys.stdin else None)


def _is_piped(stream: BinaryIO) -> bool:
    """Whether something was piped or redirected in: a terminal or a null device has nothing to say."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except OSError:  # no file behind the stream: somebody put it there on purpose
        return True
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def _is_silent(stream: BinaryIO, patience: float) -> bool:
    """Whether nothing can be read for `patience` seconds; Windows cannot tell for pipes."""
    if os.name == "nt":
        return False
    try:
        return not select.select([stream], [], [], patience)[0]
    except (OSError, ValueError):  # no file behind the stream
        return False


def _read(stream: BinaryIO) -> str:
    try:
        content = stream.read()
    except OSError as error:
        raise UsageError(say("Standard input cannot be read: {reason}", reason=error.strerror or str(error))) from None
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise UsageError(
            say("Standard input is not UTF-8 text (byte {position})", position=f"{error.start:,}"),
            hint=say("Convert it first, for instance with iconv -t UTF-8."),
        ) from None
