"""A value in one canonical form, and its hash: equal for equal content, whatever file it came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Final

ASIDE: Final = frozenset(
    {
        "source", "title", "description", "tags", "help", "problems", "system_line", "user_line",
        "key_env", "parallel", "timeout",
    }
)  # fmt: skip
"""Fields that say where a value came from, what people call it or how a server is talked to: no prompt holds them."""


def canonical(value: object) -> str:
    """JSON of a value of dataclasses, mappings, sequences and plain values; keys in order, nothing escaped.

    Raises:
        TypeError: it holds something else.
    """
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def fingerprint(value: object) -> str:
    """SHA-256 of the canonical form, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        named = {field.name: getattr(value, field.name) for field in fields(value) if field.name not in ASIDE}
        return {name: _plain(item) for name, item in named.items()}
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(type(value).__name__)
