"""How a model is loaded, beside its table: the fields that an arm of an experiment sets, and that the lab keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from llmlab.domain.fingerprint import fingerprint
from llmlab.domain.model import CACHE_TYPES, NAMED_TEMPLATES, ModelSpec, Rope
from llmlab.library.checks import Check, Unfit, number, one_of, whole, words, yes_or_no

CONTEXT: Final[Mapping[str, Check]] = {
    "n_ctx": whole(64, 1 << 24),
    "rope_scaling": one_of("none", "linear", "yarn"),
    "rope_factor": number(0.01, 1_000),
    "cache_type_k": one_of(*CACHE_TYPES),
    "cache_type_v": one_of(*CACHE_TYPES),
    "deterministic": yes_or_no,
    "chat_template": one_of("auto", *NAMED_TEMPLATES),
}
"""By field, what it takes."""

_PLAIN: Final = tuple(name for name in CONTEXT if not name.startswith("rope_"))
"""Those that `ModelSpec` has under the same name."""

TABLE: Final = "table"
"""Beside kept fields: the mark of what the table said of them."""

KEPT: Final[Mapping[str, Check]] = {**CONTEXT, TABLE: words}
"""`CONTEXT` as it is kept for the next start."""


def with_context(model: ModelSpec, values: Mapping[str, object]) -> ModelSpec:
    """`model` with checked fields of `CONTEXT` in place of what its table says."""
    changed: dict[str, Any] = dict(values)
    scaling, factor = changed.pop("rope_scaling", None), changed.pop("rope_factor", None)
    if scaling is not None or factor is not None:
        # What the table of the model says of rope belongs to another stretch.
        changed["rope"] = Rope(scaling=scaling, factor=None if scaling == "none" else factor)
    return replace(model, **changed) if changed else model


def context_of(model: ModelSpec, table: ModelSpec) -> dict[str, object]:
    """The fields by which `table` is loaded as `model` is, as far as they can say that."""
    found = {name: getattr(model, name) for name in _PLAIN if getattr(model, name) != getattr(table, name)}
    if model.rope != table.rope:
        found |= {"rope_scaling": model.rope.scaling, "rope_factor": model.rope.factor}
    return {name: value for name, value in found.items() if _fits(name, value)}


def kept_context(model: ModelSpec, table: ModelSpec) -> dict[str, object]:
    """`context_of`, with the mark of the table that it was laid over."""
    context = context_of(model, table)
    return {**context, TABLE: _mark(table)} if context else {}


def with_kept(table: ModelSpec, kept: Mapping[str, object]) -> ModelSpec:
    """`table` with a context that was kept, unless it says something else of these fields since."""
    context = {name: value for name, value in kept.items() if name != TABLE}
    return with_context(table, context) if kept.get(TABLE, "") in ("", _mark(table)) else table


def _mark(table: ModelSpec) -> str:
    return fingerprint({name: getattr(table, name) for name in (*_PLAIN, "rope")})[:16]


def _fits(name: str, value: object) -> bool:
    try:
        CONTEXT[name](value)
    except Unfit:
        return False
    return True
