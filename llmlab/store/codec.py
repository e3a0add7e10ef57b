"""Message parts and origins as JSON: parts carry their kind, and a kind of the future is shown, never fatal."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import get_type_hints

import msgspec

from llmlab.domain.extraction import Vote
from llmlab.domain.messages import Draft, Origin, Part, Reasoned, Sample, Text, Thinking
from llmlab.words import say


class _Text(msgspec.Struct, tag="text", frozen=True, gc=False):
    text: str


class _Thinking(msgspec.Struct, tag="thinking", frozen=True, gc=False):
    text: str
    seconds: float = 0.0
    tokens: int = 0


class _Draft(msgspec.Struct, tag="draft", frozen=True, gc=False):
    text: str
    thinking: str = ""
    answer: str = ""


class _Reasoned(msgspec.Struct, tag="reasoned", frozen=True, gc=False):
    mode: str
    title: str = ""
    answer: str = ""
    start: int = 0
    end: int = 0
    strict: bool = True
    stages: int = 1
    votes: tuple[Vote, ...] = ()
    wanted: int = 1
    silent: int = 0
    samples: tuple[Sample, ...] = ()
    cut: int = 0
    before: str = ""


_Tagged = _Text | _Thinking | _Draft | _Reasoned
_parts_decoder = msgspec.json.Decoder(tuple[_Tagged, ...])
_origin_decoder = msgspec.json.Decoder(Origin)
_encoder = msgspec.json.Encoder()
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError)
_origin_types = get_type_hints(Origin)


def clean(text: str) -> str:
    """`text` as UTF-8 can hold it: half a surrogate pair, which a broken paste may bring, becomes U+FFFD."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def encode_parts(parts: tuple[Part, ...]) -> str:
    """The JSON of `parts`."""
    return _encoder.encode([_tagged(part) for part in parts]).decode()


def decode_parts(encoded: bytes) -> tuple[Part, ...]:
    """The parts that `encoded` holds; one of an unknown kind becomes a text that says so."""
    try:
        return tuple(map(_untagged, _parts_decoder.decode(encoded)))
    except _UNREADABLE:
        return tuple(map(_read_leniently, _list_in(encoded)))


def encode_origin(origin: Origin | None) -> str | None:
    """The JSON of `origin`."""
    if origin is None:
        return None
    cleaned = replace(origin, model=clean(origin.model), problem=clean(origin.problem), sent=clean(origin.sent))
    return _encoder.encode(cleaned).decode()


def decode_origin(encoded: bytes | None) -> Origin | None:
    """The origin that `encoded` holds; what of it cannot be read is left at its default."""
    if encoded is None:
        return None
    try:
        return _origin_decoder.decode(encoded)
    except _UNREADABLE:
        return _read_origin_leniently(encoded)


def _tagged(part: Part) -> _Tagged:
    match part:
        case Text(text=text):
            return _Text(clean(text))
        case Thinking(text=text, seconds=seconds, tokens=tokens):
            return _Thinking(clean(text), seconds, tokens)
        case Draft(text=text, thinking=thinking, answer=answer):
            return _Draft(clean(text), clean(thinking), clean(answer))
        case Reasoned():
            known = {field.name: getattr(part, field.name) for field in fields(part)}
            known["votes"] = tuple(Vote(clean(vote.answer), vote.count) for vote in part.votes)
            known["samples"] = tuple(
                Sample(clean(sample.text), clean(sample.thinking), clean(sample.answer)) for sample in part.samples
            )
            return _Reasoned(**known | {name: clean(known[name]) for name in ("mode", "title", "answer", "before")})


def _untagged(part: _Tagged) -> Part:
    match part:
        case _Text(text=text):
            return Text(text)
        case _Thinking(text=text, seconds=seconds, tokens=tokens):
            return Thinking(text, seconds, tokens)
        case _Draft(text=text, thinking=thinking, answer=answer):
            return Draft(text, thinking, answer)
        case _Reasoned():
            return Reasoned(**{name: getattr(part, name) for name in part.__struct_fields__})


def _list_in(encoded: bytes) -> list[object]:
    text = encoded.decode("utf-8", "replace")
    try:
        return msgspec.json.decode(text, type=list[object])
    except msgspec.DecodeError:
        return [text]


def _read_leniently(item: object) -> Part:
    try:
        part = msgspec.convert(item, _Tagged)
    except msgspec.ValidationError:
        kind = item.get("type", "?") if isinstance(item, dict) else "?"
        text = item.get("text") if isinstance(item, dict) else item
        if not isinstance(text, str):
            return Text(say("[a part of the kind “{kind}” that this llmlab cannot show]", kind=kind))
        return Thinking(text) if kind == "thinking" else Text(text)
    return _untagged(part)


def _read_origin_leniently(encoded: bytes) -> Origin:
    try:
        found = msgspec.json.decode(encoded.decode("utf-8", "replace"), type=dict[str, object])
    except msgspec.DecodeError:
        return Origin(model="?")
    known: dict[str, object] = {"model": "?"}
    for field in fields(Origin):
        try:
            if field.name in found:
                known[field.name] = msgspec.convert(found[field.name], _origin_types[field.name])
        except msgspec.ValidationError:
            continue
    return msgspec.convert(known, Origin, from_attributes=True)
