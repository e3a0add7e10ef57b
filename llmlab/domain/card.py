"""The reproducibility card: everything that an answer came from, so that it can be had again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from typing import Final

from llmlab.domain.authorship import HAND, UNKNOWN, Authors, generated
from llmlab.domain.model import ModelCard, ModelSpec
from llmlab.domain.sampling import Sampling
from llmlab.words import say

FAST_MODE: Final = "other work in the same batch may change the last bits; deterministic = true rules that out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What stood in an answer when a generation went on from there."""

    characters: int
    """Of its text."""
    sha256: str
    """Of this text in UTF-8, as hexadecimal digits."""
    thinking: int = 0
    """Characters of its thinking."""
    exact: bool = False
    """It went on from the very tokens that were written; else from the text, cut into tokens anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What an answer came from."""

    model: str
    file: str
    """Path of the GGUF file."""
    file_bytes: int
    file_mark: str
    """SHA-256 of the file's size and of samples of its bytes, as hexadecimal digits: tells files apart in
    milliseconds."""
    quantisation: str
    build: str
    """Of llama-cpp-python and its library."""
    device: str
    n_ctx: int
    n_batch: int
    n_ubatch: int
    n_threads: int
    n_gpu_layers: int
    flash_attn: str
    cache_type_k: str
    cache_type_v: str
    chat_template: str
    deterministic: bool
    lora: tuple[tuple[str, float], ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    """Complete settings, the seed among them."""
    prompt_tokens: int = 0
    reused: int = 0
    """Tokens whose state was in the cache."""
    prompt_hash: str = ""
    """SHA-256 of the prompt's token ids."""
    recipe: str = ""
    """The recipe as JSON, the examples that were shown in it; empty where it is not known."""
    given: Given | None = None
    """For an answer that was continued: what stood there already; `None`: it began with nothing."""
    authors: Authors = ()
    """Who wrote what of the text; empty where this one generation wrote all of it."""
    edited: bool = False
    """A person changed the text after it was generated."""
    earlier: tuple[Card, ...] = ()
    """For an answer that was continued: the cards of the generations before, first first, each without its own."""

    @property
    def go(self) -> int:
        """Which generation of its answer this is, from 1."""
        return len(self.earlier) + 1

    @property
    def seed(self) -> int | None:
        """With which tokens were drawn."""
        return self.sampling.seed


def hash_tokens(tokens: Sequence[int]) -> str:
    """SHA-256 of token ids, as hexadecimal digits."""
    return hashlib.sha256(b"".join(token.to_bytes(8, "little", signed=True) for token in tokens)).hexdigest()


def card_of(
    spec: ModelSpec, model: ModelCard, sampling: Sampling, tokens: Sequence[int], *, reused: int, recipe: str
) -> Card:
    """The card of an answer.

    Args:
        spec: the model as it was asked for.
        model: the model as it was loaded.
        sampling: complete settings.
        tokens: the prompt.
        reused: tokens of it that were in the cache.
        recipe: as JSON.
    """
    return Card(
        model=spec.name,
        file=model.path,
        file_bytes=model.file_bytes,
        file_mark=model.file_mark,
        quantisation=model.quantisation,
        build=model.build,
        device=model.device,
        n_ctx=model.n_ctx,
        n_batch=spec.n_batch,
        n_ubatch=spec.n_ubatch,
        n_threads=model.n_threads,
        n_gpu_layers=model.n_gpu_layers,
        flash_attn=spec.flash_attn,
        cache_type_k=spec.cache_type_k,
        cache_type_v=spec.cache_type_v,
        chat_template=model.template_name,
        deterministic=spec.deterministic,
        lora=spec.adapter_scales,
        sampling=sampling,
        prompt_tokens=len(tokens),
        reused=reused,
        prompt_hash=hash_tokens(tokens),
        recipe=recipe,
    )


def card_as_toml(card: Card, sha256: str = "", note: str = "") -> str:
    """The card as a TOML text that a person can read, keep and compare line by line.

    Args:
        card: the card.
        sha256: of the whole model file, as hexadecimal digits.
        note: why that is not known, where it is not.
    """
    return "\n".join(_lines(card, sha256, note)) + "\n"


def card_as_object(card: Card) -> dict[str, object]:
    """The card as keys and tables, those of `card_as_toml` but for the hash of the whole file."""
    values = asdict(card)
    earlier = {str(number): card_as_object(one) for number, one in enumerate(card.earlier, 1)}
    sampling = {name: value for name, value in values.pop("sampling").items() if value is not None}
    tables: dict[str, object] = {
        "lora": dict(values.pop("lora")),
        "given": values.pop("given"),
        "text": _text_as_object(card),
        "sampling": sampling,
        "recipe": {"json": recipe} if (recipe := values.pop("recipe")) else None,
        "earlier": earlier,
    }
    for name in ("authors", "earlier"):
        del values[name]
    if not card.edited:
        del values["edited"]
    return values | {name: table for name, table in tables.items() if table or name == "sampling"}


def _text_as_object(card: Card) -> dict[str, object]:
    """Who wrote what of the text: from which character to before which; nothing where one generation wrote it all."""
    if not card.authors:
        return {}
    ends = list(accumulate(one.length for one in card.authors))
    names = {HAND: "hand", UNKNOWN: "unknown"}
    stretches = [
        [end - one.length, end, names.get(one.go, f"generation {one.go}")]
        for one, end in zip(card.authors, ends, strict=True)
    ]
    return {"characters": ends[-1], "generated": generated(card.authors), "stretches": stretches}


def _remarks(card: Card) -> Iterator[str]:
    """What a reader must know of the answer before all else."""
    length, by_model = sum(one.length for one in card.authors), generated(card.authors)
    if card.edited or by_model < length:
        yield say(
            "Edited by hand: {generated:,} of {characters:,} characters of the text were generated, the others were "
            "not; [text] tells which.",
            generated=by_model,
            characters=length,
        )
    if card.given is not None:
        yield say(
            "Continued: this is generation {go}, which went on from {characters:,} characters that stood there; those "
            "before it are under [earlier].",
            go=card.go,
            characters=card.given.characters,
        )
    if not card.deterministic:
        yield FAST_MODE


def _lines(card: Card, sha256: str, note: str) -> Iterator[str]:
    yield from (f"# {remark}" for remark in _remarks(card))
    for line in _toml(card_as_object(card)):
        yield line
        if line.startswith("file_mark = "):
            if sha256:
                yield f"file_sha256 = {_value(sha256)}"
            elif note:
                yield f"# file_sha256: {' '.join(note.split())}"
            sha256, note = "", ""


def _toml(values: Mapping[str, object], table: str = "") -> Iterator[str]:
    """`values` as TOML, its tables after them."""
    for name, value in values.items():
        if not isinstance(value, Mapping):
            # The names of adapters are no bare keys.
            yield f"{_value(name) if table.endswith('lora') else name} = {_value(value)}"
    for name, value in values.items():
        if isinstance(value, Mapping):
            title = f"{table}.{name}" if table else name
            # A table that holds nothing but tables needs no head of its own.
            if not value or not all(isinstance(one, Mapping) for one in value.values()):
                yield from ("", f"[{title}]")
            yield from _toml(value, title)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    # A JSON string is a TOML basic string, but for the delete character.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007F")
