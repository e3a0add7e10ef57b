"""Experiments, items and results as JSON; a value of another version that cannot be read is told apart from damage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import msgspec

from llmlab.domain.experiment import Experiment, Item
from llmlab.domain.outcomes import Answer, TrialResult
from llmlab.store.codec import clean

T = TypeVar("T")


class _Stored(msgspec.Struct):
    experiment: Experiment
    items: tuple[str, ...] = ()


_encoder = msgspec.json.Encoder(enc_hook=lambda value: _plain(value))
_results = msgspec.json.Decoder(TrialResult)


def encode(value: object, *, indent: int = 0) -> str:
    """The JSON of a value; half a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD."""
    try:
        written = _encoder.encode(value)
    except UnicodeEncodeError:
        written = _encoder.encode(_cleaned(msgspec.to_builtins(value, enc_hook=_plain)))
    return (msgspec.json.format(written, indent=indent) if indent else written).decode()


def encode_experiment(experiment: Experiment) -> str:
    """The JSON of an experiment; of its items the ids alone, which are the same in every arm."""
    bare = replace(experiment, arms=tuple(replace(arm, items=()) for arm in experiment.arms))
    ids = [item.id for item in experiment.arms[0].items] if experiment.arms else []
    return encode({"experiment": bare, "items": ids})


def decode_result(text: str) -> TrialResult:
    """The result that `text` holds.

    Raises:
        ValueError: it holds none.
    """
    try:
        return _results.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def decode_experiment(text: str) -> Experiment:
    """The experiment that `text` holds; its items have ids and nothing else.

    Raises:
        ValueError: it holds none.
    """
    stored = _decoded(text, _Stored)
    items = tuple(Item(id=name, question="") for name in stored.items)
    experiment = stored.experiment
    return replace(experiment, arms=tuple(replace(arm, items=items) for arm in experiment.arms))


def decode_item(text: str) -> Item:
    """The item that `text` holds.

    Raises:
        ValueError: it holds none.
    """
    return _decoded(text, Item)


def decode_measures(text: str) -> Answer:
    """What was measured beside the text of an answer.

    Raises:
        ValueError: it holds none.
    """
    return _decoded(text, Answer)


def _decoded(text: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(type(value).__name__)


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(name)): _cleaned(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value
