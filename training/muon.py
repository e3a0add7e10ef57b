"""Muon (Jordan 2024): momentum whose matrix updates are orthogonalised by a Newton-Schulz iteration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


def orthogonalise(stack: Tensor, steps: int = 5) -> Tensor:
    """Push the singular values of a stack of matrices (n, rows, columns) towards 1."""
    x = stack.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    done: Tensor = x.mT if tall else x
    return done.float()


class Muon(torch.optim.Optimizer):
    """Muon for matrices; equal shapes are orthogonalised in one batch because small matrices are slow alone."""

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.01) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Make one update; a closure is not used."""
        del closure
        for group in self.param_groups:
            self._step_group(group)

    def _step_group(self, group: dict[str, Any]) -> None:
        by_shape: defaultdict[tuple[int, ...], list[Tensor]] = defaultdict(list)
        for weight in group["params"]:
            by_shape[tuple(weight.shape)].append(weight)
        for shape, weights in by_shape.items():
            updates: list[Tensor] = []
            for weight in weights:
                gradient = weight.grad
                if gradient is None:
                    raise ValueError("a weight has no gradient")
                state = self.state[weight]
                average = state.setdefault("momentum", torch.zeros_like(weight))
                average.lerp_(gradient, 1 - group["momentum"])
                updates.append(gradient.lerp(average, group["momentum"]))
            # The factor gives the update the root mean square of an AdamW update, so both share one rate.
            scale = 0.2 * max(shape) ** 0.5
            for weight, update in zip(weights, orthogonalise(torch.stack(updates)), strict=True):
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(update, alpha=-group["lr"] * scale)
