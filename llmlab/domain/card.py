"""The reproducibility card: everything that an answer came from, so that it can be had again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from llmlab.domain.model import ModelCard, ModelSpec
from llmlab.domain.sampling import Sampling

FAST_MODE: Final = "other work in the same batch may change the last bits; deterministic = true rules that out"


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
    sampling, recipe, lora = values.pop("sampling"), values.pop("recipe"), values.pop("lora")
    if lora:
        values["lora"] = dict(lora)
    values["sampling"] = {name: value for name, value in sampling.items() if value is not None}
    if recipe:
        values["recipe"] = {"json": recipe}
    return values


def _lines(card: Card, sha256: str, note: str) -> Iterator[str]:
    values = card_as_object(card)
    tables = {name: value for name, value in values.items() if isinstance(value, dict)}
    if not card.deterministic:
        yield f"# {FAST_MODE}"
    for name, value in values.items():
        if name in tables:
            continue
        yield f"{name} = {_value(value)}"
        if name == "file_mark" and sha256:
            yield f"file_sha256 = {_value(sha256)}"
        elif name == "file_mark" and note:
            yield f"# file_sha256: {' '.join(note.split())}"
    for title, table in tables.items():
        yield ""
        yield f"[{title}]"
        # The names of adapters are no bare keys.
        yield from (f"{_value(key) if title == 'lora' else key} = {_value(value)}" for key, value in table.items())


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    # A JSON string is a TOML basic string, but for the delete character.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007F")
