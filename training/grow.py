"""Grows a small model into one of twice its width, and more layers, that computes the same.

What the small one learned, many times faster, need not be learned again. The idea is Net2Net (Chen, Goodfellow and
Shlens 2015); the added layers begin as copies that say nothing, as in LLaMA Pro (Wu et al. 2024).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gguf
import torch
from torch import Tensor

from training.model import Shape
from training.start import start_from

_SILENT = ("attn_output.weight", "ffn_down.weight")
"""The matrices of a layer that write to the residual stream."""


def shape_of(path: Path) -> Shape:
    """Read the shape of a file that `export` wrote."""
    fields: Any = gguf.GGUFReader(path).fields

    def number(key: str) -> int:
        return int(fields[f"llama.{key}"].contents())

    return Shape(
        width=number("embedding_length"),
        layers=number("block_count"),
        heads=number("attention.head_count"),
        hidden=number("feed_forward_length"),
        context=number("context_length"),
    )


def sources(old: int, new: int) -> list[tuple[int, bool]]:
    """Say for each of `new` layers which of the `old` ones it copies, and whether it begins silent."""
    extra = new - old
    after = [round((at + 1) * old / (extra + 1)) - 1 for at in range(extra)]
    return [entry for layer in range(old) for entry in ((layer, False), *((layer, True),) * after.count(layer))]


def grown(small: Mapping[str, Tensor], old: Shape, new: Shape, seed: int) -> dict[str, Tensor]:
    """Make weights of the shape `new` that compute what `small` computes with the shape `old`.

    Every feature stands twice. A matrix reads both copies by a half each, plus and minus the same noise: that cancels
    while the copies agree, and gives them different gradients, so that they part. Raises ValueError where `new` is not
    twice `old` with at least as many layers.
    """
    twice = (2 * old.width, 2 * old.heads, 2 * old.hidden)
    if (new.width, new.heads, new.hidden) != twice or not old.layers <= new.layers <= 2 * old.layers:
        raise ValueError(f"{new} is not {old} doubled, with up to twice its layers")
    noise = torch.Generator().manual_seed(seed)

    def doubled(weight: Tensor) -> Tensor:
        half = weight / 2
        rows: list[Tensor] = []
        for _ in range(2):
            apart = torch.randn(half.shape, generator=noise) * half.std()
            rows.append(torch.cat((half + apart, half - apart), dim=1))
        return torch.cat(rows, dim=0)

    weights = {
        "token_embd.weight": small["token_embd.weight"].repeat(1, 2),
        # The embedding scores tokens as well, and would count every feature twice.
        "output_norm.weight": small["output_norm.weight"].repeat(2) / 2,
    }
    for index, (source, silent) in enumerate(sources(old.layers, new.layers)):
        prefix = f"layers.{source}."
        for name, weight in small.items():
            if not name.startswith(prefix):
                continue
            part = name.removeprefix(prefix)
            wide = doubled(weight) if weight.ndim == 2 else weight.repeat(2)
            weights[f"layers.{index}.{part}"] = torch.zeros_like(wide) if silent and part in _SILENT else wide
    return weights


def grow_from(path: Path, new: Shape, tokens: Sequence[str], seed: int) -> dict[str, Tensor]:
    """Grow the model of a file that `export` wrote; the vocabulary has to be the same."""
    old = shape_of(path)
    return grown(start_from(path, old.heads, tokens), old, new, seed)
