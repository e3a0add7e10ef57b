"""Models for benchmarks: the shape of a real 0.5B model, random weights, made once into a folder of the caller's."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final, Literal

import gguf
import numpy as np
import numpy.typing as npt

CONTEXT: Final = 32_768
VOCABULARY: Final = 151_936


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a model: those of Qwen2-0.5B, but for an output of its own, which makes its file larger."""

    layers: int = 24
    width: int = 896
    heads: int = 14
    kv_heads: int = 2
    feed_forward: int = 4864


SMALL: Final = Shape(layers=2, width=128, heads=2, kv_heads=1, feed_forward=512)
"""The shape of a draft model."""

FIRST_WORD: Final = 256
"""The tokens before it are single bytes."""
FIRST_CONTROL: Final = VOCABULARY - 8
"""The last tokens are control tokens; the first of them ends a turn."""
STRAY: Final = 0xF8
"""A byte that is never valid in UTF-8; its token has the same number."""

Quantisation = Literal["q4_0", "q8_0"]

_BLOCK: Final = 32
_LETTERS: Final = "etaoinshrdlucmfwypvbgkjqxzETAOINSHRDLUCMFWYPVBGKJQXZ0123456789"


def half_billion(folder: Path, quantisation: Quantisation, *, stray_for: int | None = None) -> Path:
    """The path of the model, made in about ten seconds when it is not there yet.

    Args:
        folder: where to keep it; about 0.4 GB for q4_0 and 0.7 GB for q8_0.
        quantisation: of all matrices.
        stray_for: a token that is written as an invalid byte; all weights stay the same.
    """
    suffix = "" if stray_for is None else f"-stray-{stray_for}"
    path = folder / f"random-0.5b-{quantisation}{suffix}.gguf"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        _write(partial, f"Random 0.5B {quantisation.upper()}", quantisation, stray_for=stray_for)
        partial.replace(path)
    return path


def successor(folder: Path, shape: Shape = Shape(), *, slips: int = 0) -> Path:
    """The path of a model that says after each token `following` it, made when it is not there yet.

    It computes what a random model of its shape computes, in Q4_0, but what its layers find is multiplied by 0.

    Args:
        folder: where to keep it.
        shape: its sizes.
        slips: after each token whose number is a multiple of it, another one follows; 0 for none.
    """
    path = folder / f"successor-{shape.layers}x{shape.width}-{slips}-q4_0.gguf"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        _write(partial, f"Successor {shape.layers}x{shape.width}", "q4_0", shape=shape, slips=slips)
        partial.replace(path)
    return path


def following(token: int) -> int:
    """The token that a `successor` says after `token`, one that is no single byte."""
    return FIRST_WORD + (token - FIRST_WORD + 1) % (FIRST_CONTROL - FIRST_WORD)


def _byte_letters() -> list[str]:
    """The letter by which byte-level BPE writes each of the 256 bytes."""
    shown = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    hidden = iter(range(256, 512))
    return [chr(byte) if byte in shown else chr(next(hidden)) for byte in range(256)]


def _vocabulary() -> tuple[list[str], list[str]]:
    """Tokens, a byte each first, then words of two to four letters; and the merges that make them."""
    tokens, merges = _byte_letters(), []
    words = ["".join(pair) for pair in product("Ġ" + _LETTERS, _LETTERS)]
    merges += [f"{word[0]} {word[1]}" for word in words]
    tokens += words
    for word, letter in product(words, _LETTERS):
        if len(tokens) == FIRST_CONTROL:
            break
        tokens.append(word + letter)
        merges.append(f"{word} {letter}")
    names = ["<|im_end|>", "<|im_start|>", "<|endoftext|>"]
    return tokens + names + [f"<|reserved_{number}|>" for number in range(VOCABULARY - FIRST_CONTROL - 3)], merges


def _write(
    path: Path,
    name: str,
    quantisation: Quantisation,
    *,
    shape: Shape = Shape(),
    stray_for: int | None = None,
    slips: int | None = None,
) -> None:
    """Write a model; with `slips`, one that says `following` tokens."""
    writer = gguf.GGUFWriter(str(path), "qwen2")
    writer.add_name(name)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_rope_freq_base(1_000_000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    tokens, merges = _vocabulary()
    if stray_for is not None:
        tokens[stray_for], tokens[STRAY] = tokens[STRAY], tokens[stray_for]
    normal, control = int(gguf.TokenType.NORMAL), int(gguf.TokenType.CONTROL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([normal] * FIRST_CONTROL + [control] * (VOCABULARY - FIRST_CONTROL))
    writer.add_token_merges(merges)
    writer.add_eos_token_id(FIRST_CONTROL)
    writer.add_add_bos_token(False)
    writer.add_chat_template(
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    _add_tensors(writer, quantisation, shape, slips)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tensors(writer: Any, quantisation: Quantisation, shape: Shape, slips: int | None) -> None:
    random = np.random.default_rng(11)
    kind = gguf.GGMLQuantizationType.Q4_0 if quantisation == "q4_0" else gguf.GGMLQuantizationType.Q8_0

    def add(name: str, rows: int, columns: int, deviation: float | None = None) -> None:
        writer.add_tensor(name, _random_blocks(random, rows, columns, quantisation, deviation), raw_dtype=kind)

    width, last = shape.width, None if slips is None else 0.0
    # Large embeddings, and an output of its own: otherwise a random model soon says one token for ever.
    embedding = _random_blocks(random, VOCABULARY, width, quantisation, 1.0)
    writer.add_tensor("token_embd.weight", embedding, raw_dtype=kind)
    output = _random_blocks(random, VOCABULARY, width, quantisation)
    if slips is not None:
        # A token is likest to itself, so the row of the one that follows is its embedding.
        for token in range(FIRST_WORD, FIRST_CONTROL):
            after = following(token)
            output[following(after) if slips and token % slips == 0 else after] = embedding[token]
    # Rows of zeros: single bytes and control tokens always score 0 and are never the likeliest.
    output[:FIRST_WORD] = output[FIRST_CONTROL:] = 0
    writer.add_tensor("output.weight", output, raw_dtype=kind)
    writer.add_tensor("output_norm.weight", np.ones(width, np.float32))
    kv_width = width // shape.heads * shape.kv_heads
    for layer in range(shape.layers):
        name = f"blk.{layer}."
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{name}{norm}.weight", np.ones(width, np.float32))
        for part, rows in (("attn_q", width), ("attn_k", kv_width), ("attn_v", kv_width)):
            add(f"{name}{part}.weight", rows, width)
            writer.add_tensor(f"{name}{part}.bias", np.zeros(rows, np.float32))
        add(f"{name}attn_output.weight", width, width, last)
        add(f"{name}ffn_gate.weight", shape.feed_forward, width)
        add(f"{name}ffn_up.weight", shape.feed_forward, width)
        add(f"{name}ffn_down.weight", width, shape.feed_forward, last)


def _random_blocks(
    random: np.random.Generator, rows: int, columns: int, quantisation: Quantisation, deviation: float | None = None
) -> npt.NDArray[np.uint8]:
    """Quantised blocks of random numbers, shape (rows, bytes of a row).

    `deviation` is 1/sqrt(columns) unless given.
    """
    blocks = columns // _BLOCK
    # Numbers with mean 0, -7 to 7 or -127 to 127: with any other mean all tokens would lead to the same next one.
    if quantisation == "q4_0":
        nibbles = random.integers(1, 16, (2, rows, blocks, 16), np.uint8)
        payload, spread = nibbles[0] | nibbles[1] << 4, 4.32
    else:
        payload, spread = random.integers(-127, 128, (rows, blocks, 32), np.int8).view(np.uint8), 73.6
    wanted = 1 / np.sqrt(columns) if deviation is None else deviation
    scale = np.frombuffer(np.float16(wanted / spread).tobytes(), np.uint8)
    data = np.empty((rows, blocks, 2 + payload.shape[-1]), np.uint8)
    data[:, :, :2] = scale
    data[:, :, 2:] = payload
    return data.reshape(rows, -1)
