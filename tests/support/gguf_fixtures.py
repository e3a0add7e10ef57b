"""Small GGUF files made on the spot: a byte vocabulary with random weights, and a bigram model whose odds are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""The chat template of every fixture."""

_MERGED = ("th", "in", "er", "an", "on", "the", "ing")
_CONTROL = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
_THINK = ("<think>", "</think>")

FIRST_MERGED = 256
IM_START = FIRST_MERGED + len(_MERGED)
IM_END = IM_START + 1
END_OF_TEXT = IM_END + 1
THINK = END_OF_TEXT + 1
END_THINK = THINK + 1
VOCABULARY = 288
"""Token ids: a byte each, then merges, control tokens, thinking marks (control as well), and unused filling."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a random model."""

    layers: int = 2
    width: int = 64
    heads: int = 4
    kv_heads: int = 2
    feed_forward: int = 128
    context: int = 2048


def byte_letters() -> list[str]:
    """The letter by which byte-level BPE writes each of the 256 bytes."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters, hidden = [""] * 256, 0
    for byte in range(256):
        if byte in shown:
            letters[byte] = chr(byte)
        else:
            letters[byte] = chr(256 + hidden)
            hidden += 1
    return letters


def vocabulary() -> tuple[list[str], list[int], list[str]]:
    """Tokens, their types and the merges of the fixtures."""
    tokens = [*byte_letters(), *_MERGED, *_CONTROL, *_THINK]
    kinds = [gguf.TokenType.NORMAL] * (256 + len(_MERGED)) + [gguf.TokenType.CONTROL] * (len(_CONTROL) + len(_THINK))
    while len(tokens) < VOCABULARY:
        tokens.append(f"<unused{len(tokens)}>")
        kinds.append(gguf.TokenType.UNUSED)
    merges = ["t h", "i n", "e r", "a n", "o n", "th e", "in g"]
    return tokens, [int(kind) for kind in kinds], merges


def token_of(byte: int | str) -> int:
    """The token of one byte, or of one ASCII character."""
    return byte if isinstance(byte, int) else ord(byte)


def open_writer(
    path: Path,
    architecture: str,
    shape: Shape,
    template: str | None,
    long_token: str = "",
    kv_heads: Sequence[int] | None = None,
) -> Any:
    """A writer with all but the tensors; `kv_heads` are those of each layer, where layers differ."""
    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_name(path.stem)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads if kv_heads is None else kv_heads)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-12)
    tokens, kinds, merges = vocabulary()
    if long_token:
        tokens[-1], kinds[-1] = long_token, int(gguf.TokenType.NORMAL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(IM_END)
    writer.add_pad_token_id(END_OF_TEXT)
    writer.add_add_bos_token(False)
    if template is not None:
        writer.add_chat_template(template)
    return writer


def close_writer(writer: Any) -> None:
    """Write the file."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_random_model(
    path: Path,
    shape: Shape = Shape(),
    *,
    template: str | None = CHATML,
    seed: int = 7,
    dtype: type[np.floating[Any]] = np.float16,
    weight: float | None = None,
    long_token: str = "",
    pooling: gguf.PoolingType | None = None,
) -> Path:
    """A qwen2-shaped model over the byte vocabulary with seeded random weights.

    `weight` fills every matrix instead; `long_token` is the last token of the vocabulary; with `pooling` it is an
    embedding model.
    """
    random = np.random.default_rng(seed)
    writer = open_writer(path, "qwen2", shape, template, long_token)
    if pooling is not None:
        writer.add_pooling_type(pooling)
    head = shape.width // shape.heads

    def matrix(rows: int, columns: int) -> npt.NDArray[Any]:
        if weight is not None:
            return np.full((rows, columns), weight, dtype)
        drawn: npt.NDArray[Any] = (random.standard_normal((rows, columns)) / np.sqrt(columns)).astype(dtype)
        return drawn

    writer.add_tensor("token_embd.weight", matrix(VOCABULARY, shape.width))
    writer.add_tensor("output_norm.weight", np.ones(shape.width, np.float32))
    writer.add_tensor("output.weight", matrix(VOCABULARY, shape.width) * dtype(3))
    sizes = {"attn_q": shape.heads * head, "attn_k": shape.kv_heads * head, "attn_v": shape.kv_heads * head}
    for layer in range(shape.layers):
        name = f"blk.{layer}."
        writer.add_tensor(name + "attn_norm.weight", np.ones(shape.width, np.float32))
        writer.add_tensor(name + "ffn_norm.weight", np.ones(shape.width, np.float32))
        for part, rows in sizes.items():
            writer.add_tensor(name + part + ".weight", matrix(rows, shape.width))
            writer.add_tensor(name + part + ".bias", np.zeros(rows, np.float32))
        writer.add_tensor(name + "attn_output.weight", matrix(shape.width, shape.heads * head))
        writer.add_tensor(name + "ffn_gate.weight", matrix(shape.feed_forward, shape.width))
        writer.add_tensor(name + "ffn_up.weight", matrix(shape.feed_forward, shape.width))
        writer.add_tensor(name + "ffn_down.weight", matrix(shape.width, shape.feed_forward))
    close_writer(writer)
    return path


def write_encoder(
    path: Path,
    shape: Shape = Shape(context=512),
    *,
    pooling: gguf.PoolingType | None = gguf.PoolingType.CLS,
    seed: int = 5,
) -> Path:
    """A BERT-shaped embedding model with seeded random weights over the ASCII letters, digits and a few signs."""
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(str(path), "bert")
    writer.add_name(path.stem)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    if pooling is not None:
        writer.add_pooling_type(pooling)
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    signs = "abcdefghijklmnopqrstuvwxyz0123456789.,:?!"
    tokens = [*marks, *(f"\u2581{sign}" for sign in signs), *signs]
    writer.add_token_type_count(2)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * len(marks) + [1] * (2 * len(signs)))
    writer.add_pad_token_id(0)
    writer.add_unk_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(3)
    writer.add_sep_token_id(3)
    writer.add_mask_token_id(4)

    def add(name: str, rows: int, columns: int) -> None:
        drawn = random.standard_normal((rows, columns)) / np.sqrt(columns)
        writer.add_tensor(name + ".weight", drawn.astype(np.float32))

    def norm(name: str) -> None:
        writer.add_tensor(name + ".weight", np.ones(shape.width, np.float32))
        writer.add_tensor(name + ".bias", np.zeros(shape.width, np.float32))

    add("token_embd", len(tokens), shape.width)
    add("token_types", 2, shape.width)
    add("position_embd", shape.context, shape.width)
    norm("token_embd_norm")
    for layer in range(shape.layers):
        name = f"blk.{layer}."
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(name + part, shape.width, shape.width)
            writer.add_tensor(name + part + ".bias", np.zeros(shape.width, np.float32))
        norm(name + "attn_output_norm")
        for part, rows, columns in (
            ("ffn_up", shape.feed_forward, shape.width),
            ("ffn_down", shape.width, shape.feed_forward),
        ):
            add(name + part, rows, columns)
            writer.add_tensor(name + part + ".bias", np.zeros(rows, np.float32))
        norm(name + "layer_output_norm")
    close_writer(writer)
    return path


def write_lora(
    path: Path,
    shape: Shape = Shape(),
    *,
    architecture: str = "qwen2",
    rank: int = 2,
    seed: int = 11,
    alora: bool = False,
) -> Path:
    """A LoRA adapter for `write_random_model`: it changes the queries and the output strongly."""
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(rank))
    if alora:
        writer.add_array("adapter.alora.invocation_tokens", [1, 2])
    head = shape.width // shape.heads
    changed = [(f"blk.{layer}.attn_q.weight", shape.heads * head) for layer in range(shape.layers)]
    for name, rows in [*changed, ("output.weight", VOCABULARY)]:
        writer.add_tensor(f"{name}.lora_a", random.standard_normal((rank, shape.width)).astype(np.float32))
        writer.add_tensor(f"{name}.lora_b", random.standard_normal((rows, rank)).astype(np.float32))
    close_writer(writer)
    return path


def write_bigram_model(path: Path, log_odds: Matrix, *, template: str | None = CHATML, context: int = 2048) -> Path:
    """A llama-shaped model whose log-probability of `next` after `current` is `log_odds[current, next]`.

    One-hot embeddings pass through zero attention and feed-forward; the final norm scales them by sqrt(width), which
    the output matrix divides away. Rows are normalised log-probabilities, shape (VOCABULARY, VOCABULARY).
    """
    shape = Shape(layers=1, width=VOCABULARY, heads=9, kv_heads=9, feed_forward=32, context=context)
    writer = open_writer(path, "llama", shape, template)
    writer.add_rope_dimension_count(VOCABULARY // shape.heads)
    zeros = np.zeros((VOCABULARY, VOCABULARY), np.float16)
    narrow = np.zeros((shape.feed_forward, VOCABULARY), np.float16)
    writer.add_tensor("token_embd.weight", np.eye(VOCABULARY, dtype=np.float16))
    writer.add_tensor("output_norm.weight", np.ones(VOCABULARY, np.float32))
    writer.add_tensor("output.weight", (log_odds.T / np.sqrt(np.float32(VOCABULARY))).astype(np.float32))
    for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
        writer.add_tensor(f"blk.0.{part}.weight", zeros)
    for part in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.0.{part}.weight", np.ones(VOCABULARY, np.float32))
    writer.add_tensor("blk.0.ffn_gate.weight", narrow)
    writer.add_tensor("blk.0.ffn_up.weight", narrow)
    writer.add_tensor("blk.0.ffn_down.weight", narrow.T.copy())
    close_writer(writer)
    return path


def random_log_odds(seed: int = 3, spread: float = 2.0) -> Matrix:
    """Random next-token log-probabilities over the bytes; everything else is practically impossible."""
    scores = np.random.default_rng(seed).standard_normal((VOCABULARY, VOCABULARY)).astype(np.float32) * spread
    scores[:, FIRST_MERGED:] = -60.0
    return _normalised(scores)


def script_log_odds(chains: Sequence[Sequence[int]]) -> Matrix:
    """Log-probabilities that make each chain of tokens certain: after `chain[i]` comes `chain[i + 1]`."""
    scores = np.zeros((VOCABULARY, VOCABULARY), np.float32)
    scores[:, IM_END] = 20.0
    for chain in chains:
        for current, following in pairwise(chain):
            scores[current, :] = 0.0
            scores[current, following] = 20.0
    return _normalised(scores)


def _normalised(scores: Matrix) -> Matrix:
    top = scores.max(axis=1, keepdims=True)
    result: Matrix = scores - top - np.log(np.exp(scores - top).sum(axis=1, keepdims=True))
    return result
