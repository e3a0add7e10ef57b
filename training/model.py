"""The llama architecture in a hundred lines: RMS norm, interleaved rotary positions, SwiGLU, tied embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of one model."""

    width: int
    layers: int
    heads: int
    hidden: int
    context: int = 1024
    rope_base: float = 10_000.0
    epsilon: float = 1e-5


SHAPES = {
    "pocket-s": Shape(width=64, layers=3, heads=2, hidden=192),
    "pocket-m": Shape(width=128, layers=5, heads=4, hidden=352),
    "pocket-l": Shape(width=256, layers=7, heads=8, hidden=704),
}
"""The family, by name."""


def rotary(shape: Shape) -> tuple[Tensor, Tensor]:
    """Give cosine and sine for each position and pair, shape (context, head width / 2)."""
    half = shape.width // shape.heads // 2
    speed = shape.rope_base ** (-torch.arange(half, dtype=torch.float32) / half)
    angle = torch.outer(torch.arange(shape.context, dtype=torch.float32), speed)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the pairs of the last axis; x is (batch, time, heads, head width).

    A pair is (i, i + half) here because halves lie together in memory; the export weaves them into neighbours.
    """
    first, second = x.float().chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1).type_as(x)


def interleave(weight: Tensor, heads: int) -> Tensor:
    """Reorder the rows of a query or key matrix from halves to neighbouring pairs, as llama.cpp expects."""
    rows, columns = weight.shape
    return weight.view(heads, 2, rows // heads // 2, columns).transpose(1, 2).reshape(rows, columns)


def weave_apart(weight: Tensor, heads: int) -> Tensor:
    """Undo `interleave`."""
    rows, columns = weight.shape
    return weight.view(heads, rows // heads // 2, 2, columns).transpose(1, 2).reshape(rows, columns)


def sample_mask(ids: Tensor, end: int) -> Tensor:
    """Let every position see its own sample alone, up to itself; samples end with the token `end`.

    Ids are (batch, time), the mask is (batch, 1, time, time). What lies in the same row by chance is no context: a fact
    that is absent from the own document may stand in the neighbour's.
    """
    ends = ids == end
    sample = ends.cumsum(1) - ends.long()
    same = sample[:, :, None] == sample[:, None, :]
    return (same & torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool, device=ids.device).tril())[:, None]


QUERIES_AT_ONCE = 128


@torch.compiler.disable
def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Mix the values (batch, heads, time, head width) by softmax attention.

    The mask (batch, 1, time, time) is true where a position sees another. On a CPU the ready-made kernels, and those
    that the compiler makes of the same lines, take two to four times as long for heads this small.
    """
    if q.device.type != "cpu":
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    barrier = torch.zeros(mask.shape, dtype=q.dtype).masked_fill_(~mask, float("-inf"))
    q = q * q.shape[-1] ** -0.5
    parts: list[Tensor] = []
    for low in range(0, q.shape[-2], QUERIES_AT_ONCE):
        high = min(low + QUERIES_AT_ONCE, q.shape[-2])
        seen = q[:, :, low:high] @ k[:, :, :high].mT + barrier[:, :, low:high, :high]
        parts.append(seen.softmax(-1) @ v[:, :, :high])
    return torch.cat(parts, dim=-2)


class Norm(nn.Module):
    """RMS norm, computed in float32 and returned in the type of its input."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """Scale the last axis to a root mean square of the weight."""
        wide = x.float()
        scale = torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.epsilon)
        return (wide * scale * self.weight).type_as(x)


class Layer(nn.Module):
    """One transformer layer, normalised before attention and before the feed-forward part."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.heads = shape.heads
        self.attn_norm = Norm(width, shape.epsilon)
        self.ffn_norm = Norm(width, shape.epsilon)
        self.attn_q = nn.Linear(width, width, bias=False)
        self.attn_k = nn.Linear(width, width, bias=False)
        self.attn_v = nn.Linear(width, width, bias=False)
        self.attn_output = nn.Linear(width, width, bias=False)
        self.ffn_gate = nn.Linear(width, shape.hidden, bias=False)
        self.ffn_up = nn.Linear(width, shape.hidden, bias=False)
        self.ffn_down = nn.Linear(shape.hidden, width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        """Map (batch, time, width) to the same shape; the mask says which positions see which."""
        batch, time, width = x.shape
        weights = torch.cat((self.attn_q.weight, self.attn_k.weight, self.attn_v.weight))
        joined = functional.linear(self.attn_norm(x), weights)
        q, k, v = joined.view(batch, time, 3, self.heads, width // self.heads).unbind(2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))
        mixed = attend(q, k, v, mask)
        x = x + self.attn_output(mixed.transpose(1, 2).reshape(batch, time, width))
        joined = functional.linear(self.ffn_norm(x), torch.cat((self.ffn_gate.weight, self.ffn_up.weight)))
        gate, up = joined.chunk(2, dim=-1)
        fed: Tensor = self.ffn_down(functional.silu(gate) * up)
        return x + fed


class Model(nn.Module):
    """Token ids to final states; `logits` turns chosen states into scores over the vocabulary."""

    cos: Tensor
    sin: Tensor

    def __init__(self, shape: Shape, vocabulary: int, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.shape = shape
        self.token_embd = nn.Embedding(vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.output_norm = Norm(shape.width, shape.epsilon)
        cos, sin = rotary(shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        nn.init.normal_(self.token_embd.weight, std=0.02)
        for name, weight in self.layers.named_parameters():
            if weight.ndim == 2:
                shrink = (2 * shape.layers) ** -0.5 if name.endswith(("attn_output.weight", "ffn_down.weight")) else 1
                nn.init.normal_(weight, std=shrink * weight.shape[1] ** -0.5)

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map ids (batch, time) to normalised states (batch, time, width).

        A mask (batch, 1, time, time) is true where a position (third axis) sees another; without it all see what came
        before.
        """
        time = ids.shape[1]
        if mask is None:
            mask = torch.ones(time, time, dtype=torch.bool, device=ids.device).tril()[None, None]
        cos, sin = self.cos[:time, None], self.sin[:time, None]
        x = self.token_embd(ids)
        if torch.is_autocast_enabled(x.device.type):
            # A bfloat16 residual stream halves the memory traffic, which is what training on a CPU waits for.
            x = x.to(torch.get_autocast_dtype(x.device.type))
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        normed: Tensor = self.output_norm(x)
        return normed

    def logits(self, states: Tensor) -> Tensor:
        """Score every token of the vocabulary for states (n, width)."""
        return functional.linear(states, self.token_embd.weight)
