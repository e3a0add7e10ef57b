"""Small GGUF files whose memory is no plain cache of all tokens: recurrent, hybrid, sliding window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.gguf_fixtures import CHATML, VOCABULARY, Shape, close_writer, open_writer

Add = Callable[[str, int, int], None]
"""Adds a matrix of random weights: its name, rows and columns."""
_SSM_CONV, _SSM_STATE, _SSM_RANK = 4, 16, 4


def write_recurrent_model(path: Path, *, template: str | None = CHATML, seed: int = 7) -> Path:
    """A mamba-shaped model over the byte vocabulary: its memory is one state a sequence that cannot be rewound."""
    shape = Shape(layers=2, heads=1, kv_heads=1, feed_forward=0)
    writer = open_writer(path, "mamba", shape, template)
    add = _random_tensors(writer, seed)
    _add_ssm_sizes(writer, shape)
    _add_ends(writer, add, shape)
    for layer in range(shape.layers):
        _add_ssm(writer, add, shape, f"blk.{layer}.")
    close_writer(writer)
    return path


def write_hybrid_model(path: Path, *, template: str | None = CHATML, seed: int = 7) -> Path:
    """A jamba-shaped model: layers with a state that cannot be rewound between layers of attention."""
    shape = Shape(layers=4)
    # A layer without heads of attention has a state.
    kinds = [0, shape.kv_heads] * (shape.layers // 2)
    writer = open_writer(path, "jamba", shape, template, kv_heads=kinds)
    add = _random_tensors(writer, seed)
    _add_ssm_sizes(writer, shape)
    _add_ends(writer, add, shape)
    for layer in range(shape.layers):
        name = f"blk.{layer}."
        if layer % 2:
            _add_attention(writer, add, shape, name)
        else:
            _add_ssm(writer, add, shape, name, norms=True)
        writer.add_tensor(name + "ffn_norm.weight", np.ones(shape.width, np.float32))
        _add_feed_forward(add, shape, name)
    close_writer(writer)
    return path


def write_sliding_model(path: Path, *, window: int = 32, template: str | None = CHATML, seed: int = 7) -> Path:
    """A gemma3-shaped model: every other layer sees no more than the last `window` tokens."""
    shape = Shape(layers=4)
    writer = open_writer(path, "gemma3", shape, template)
    writer.add_sliding_window(window)
    writer.add_sliding_window_pattern(2)
    add = _random_tensors(writer, seed)
    _add_ends(writer, add, shape)
    for layer in range(shape.layers):
        name = f"blk.{layer}."
        _add_attention(writer, add, shape, name)
        for norm, size in (
            ("attn_q_norm", shape.width // shape.heads),
            ("attn_k_norm", shape.width // shape.heads),
            ("post_attention_norm", shape.width),
            ("ffn_norm", shape.width),
            ("post_ffw_norm", shape.width),
        ):
            writer.add_tensor(f"{name}{norm}.weight", np.ones(size, np.float32))
        _add_feed_forward(add, shape, name)
    close_writer(writer)
    return path


def _random_tensors(writer: Any, seed: int) -> Add:
    random = np.random.default_rng(seed)

    def add(name: str, rows: int, columns: int) -> None:
        data = random.standard_normal((rows, columns)) / np.sqrt(columns)
        writer.add_tensor(name, (-np.abs(data * np.sqrt(columns)) if "ssm_a" in name else data).astype(np.float32))

    return add


def _add_ends(writer: Any, add: Add, shape: Shape) -> None:
    add("token_embd.weight", VOCABULARY, shape.width)
    writer.add_tensor("output_norm.weight", np.ones(shape.width, np.float32))
    add("output.weight", VOCABULARY, shape.width)


def _add_ssm_sizes(writer: Any, shape: Shape) -> None:
    writer.add_ssm_conv_kernel(_SSM_CONV)
    writer.add_ssm_inner_size(2 * shape.width)
    writer.add_ssm_state_size(_SSM_STATE)
    writer.add_ssm_time_step_rank(_SSM_RANK)


def _add_ssm(writer: Any, add: Add, shape: Shape, name: str, *, norms: bool = False) -> None:
    width, inner = shape.width, 2 * shape.width
    writer.add_tensor(name + "attn_norm.weight", np.ones(width, np.float32))
    add(name + "ssm_in.weight", 2 * inner, width)
    add(name + "ssm_conv1d.weight", inner, _SSM_CONV)
    writer.add_tensor(name + "ssm_conv1d.bias", np.zeros(inner, np.float32))
    add(name + "ssm_x.weight", _SSM_RANK + 2 * _SSM_STATE, inner)
    add(name + "ssm_dt.weight", inner, _SSM_RANK)
    writer.add_tensor(name + "ssm_dt.bias", np.zeros(inner, np.float32))
    add(name + "ssm_a", inner, _SSM_STATE)
    writer.add_tensor(name + "ssm_d", np.ones(inner, np.float32))
    add(name + "ssm_out.weight", width, inner)
    if norms:
        for norm, size in (("dt", _SSM_RANK), ("b", _SSM_STATE), ("c", _SSM_STATE)):
            writer.add_tensor(f"{name}ssm_{norm}_norm.weight", np.ones(size, np.float32))


def _add_attention(writer: Any, add: Add, shape: Shape, name: str) -> None:
    head = shape.width // shape.heads
    writer.add_tensor(name + "attn_norm.weight", np.ones(shape.width, np.float32))
    for part, heads in (("attn_q", shape.heads), ("attn_k", shape.kv_heads), ("attn_v", shape.kv_heads)):
        add(f"{name}{part}.weight", heads * head, shape.width)
    add(name + "attn_output.weight", shape.width, shape.heads * head)


def _add_feed_forward(add: Add, shape: Shape, name: str) -> None:
    add(name + "ffn_gate.weight", shape.feed_forward, shape.width)
    add(name + "ffn_up.weight", shape.feed_forward, shape.width)
    add(name + "ffn_down.weight", shape.width, shape.feed_forward)
