"""Weights of a shipped GGUF as a place to start from, so that training can go on where no checkpoint was kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gguf
import torch
from torch import Tensor

from training.model import weave_apart


def start_from(path: Path, heads: int, tokens: Sequence[str]) -> dict[str, Tensor]:
    """Read the weights of a file that `export` wrote, under the names of `model.py`, as float32.

    What Q8_0 lost is lost. Raises ValueError where the file was made with another vocabulary.
    """
    reader = gguf.GGUFReader(path)
    field = reader.get_field(gguf.Keys.Tokenizer.LIST)
    if field is None or field.contents() != list(tokens):
        raise ValueError(f"{path} has another vocabulary: start with the seed and the curriculum that it was made with")
    weights: dict[str, Tensor] = {}
    for tensor in reader.tensors:
        weight = torch.from_numpy(gguf.quants.dequantize(tensor.data, tensor.tensor_type).copy())
        name = tensor.name.replace("blk.", "layers.")
        weights[name] = weave_apart(weight, heads) if "attn_q." in name or "attn_k." in name else weight
    return weights


def told_of(path: Path) -> dict[str, Any]:
    """What the card beside a GGUF says of its training, the loss curve left out."""
    card = path.with_suffix(".json")
    told: dict[str, Any] = json.loads(card.read_text("utf-8"))["training"] if card.exists() else {}
    return {key: value for key, value in told.items() if key != "loss_curve"}
