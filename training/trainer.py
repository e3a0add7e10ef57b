"""The training loop: Muon and AdamW, warm-up, a long plateau, and a decay that a deadline can call for."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from training import chat
from training.bpe import END_OF_TEXT, THINK
from training.checkpoints import keep_old
from training.model import Model, Shape, sample_mask
from training.muon import Muon
from training.shards import LENGTHS, Rows, Source, read_shards

PROMPT_SHARE = 0.05
"""The share of prompt tokens whose prediction is learned; answer tokens are all learned."""

BASE = "base.pt"
"""The checkpoint after the base text, before the first instruction."""
PAUSE = 60.0
"""Seconds that one update can count for: a process that was stopped for a while has not trained meanwhile."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast to train."""

    minutes: float
    """Wall time of training in all, over every resumed part; the decay ends here."""
    tokens: float = float("inf")
    """Tokens after which to stop, should they come first."""
    batch_tokens: int = 16_384
    rate: float = 6e-3
    warm_up_steps: int = 40
    decay_share: float = 0.3
    """The last share of the run in which the rate falls to zero."""
    seed: int = 1
    checkpoint_seconds: float = 120.0
    compiled: bool = True


@dataclass(slots=True)
class Progress:
    """What a checkpoint remembers besides weights."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    shard: int = 0
    batch: int = 0
    """Batches of that shard that are done."""
    curve: list[dict[str, float]] = field(default_factory=list)


def rate_factor(progress: Progress, plan: Plan) -> float:
    """Give the share of the full rate: warm-up, plateau, then a straight fall to zero."""
    done = max(progress.seconds / (60 * plan.minutes), progress.tokens / plan.tokens)
    fall = min(1.0, max(0.0, (1.0 - done) / plan.decay_share))
    return min(1.0, (progress.step + 1) / plan.warm_up_steps) * fall


def batches(rows: Rows, plan: Plan, index: int) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Cut a shard into batches of one row length each, in a seeded order."""
    order = numpy.random.default_rng((plan.seed, index))
    cuts: list[tuple[str, NDArray[Any]]] = []
    for name, length in LENGTHS.items():
        shuffled = order.permutation(len(rows[name]))
        size = max(1, plan.batch_tokens // length)
        cuts += [(name, shuffled[at : at + size]) for at in range(0, len(shuffled) - size + 1, size)]
    for at in order.permutation(len(cuts)):
        name, chosen = cuts[at]
        yield rows[name][chosen].astype(numpy.int64), rows[f"{name}_class"][chosen].astype(numpy.int64)


def loss_of(model: Model, states: Tensor, targets: Tensor, classes: Tensor, think: int) -> Tensor:
    """Average the cross entropy over all answer tokens and a random part of the prompt tokens.

    States are (tokens, width); targets and loss classes are (tokens). Old answers may not choose `<think>`.
    """
    # A twentieth of the prompt tokens costs less than all of them at a twentieth of the weight.
    lucky = torch.rand(classes.shape, device=states.device) < PROMPT_SHARE
    picked = ((classes >= chat.ANSWER) | ((classes == chat.CONTEXT) & lucky)).nonzero().squeeze(-1)
    logits = model.logits(states[picked]).float()
    barrier = torch.zeros_like(logits)
    barrier[:, think] = torch.where(classes[picked] == chat.HISTORY_START, -1e4, 0.0)
    return functional.cross_entropy(logits + barrier, targets[picked])


class Trainer:
    """One run in one folder; made again over the same folder it goes on where it stopped."""

    def __init__(
        self,
        shape: Shape,
        ids: Mapping[str, int],
        folder: Path,
        plan: Plan,
        start: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.folder, self.plan = folder, plan
        self.think, self.end = ids[THINK], ids[END_OF_TEXT]
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(plan.seed)
        self.model = Model(shape, len(ids), plan.seed).to(self.device)
        if start is not None:
            self.model.load_state_dict(start)
        matrices = [weight for weight in self.model.layers.parameters() if weight.ndim == 2]
        others = [weight for weight in self.model.parameters() if all(weight is not other for other in matrices)]
        self.muon = Muon(matrices, lr=plan.rate)
        self.adam = torch.optim.AdamW(others, lr=plan.rate, betas=(0.9, 0.95), weight_decay=0.0)
        self.progress = Progress()
        folder.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.exists():
            self._load()
        self.forward = torch.compile(self.model, dynamic=False) if plan.compiled else self.model

    @property
    def checkpoint(self) -> Path:
        """Where the run keeps its state."""
        return self.folder / "checkpoint.pt"

    def _load(self) -> None:
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
        self.progress = Progress(**state["progress"])

    def save(self) -> None:
        """Write the checkpoint whole, so that a kill leaves the old or the new one."""
        state = {
            "model": self.model.state_dict(),
            "muon": self.muon.state_dict(),
            "adam": self.adam.state_dict(),
            "progress": asdict(self.progress),
        }
        partial = self.folder / ".checkpoint.pt"
        torch.save(state, partial)
        if self.checkpoint.exists():
            keep_old(self.checkpoint)
        partial.replace(self.checkpoint)
        (self.folder / "progress.json").write_text(json.dumps(asdict(self.progress)) + "\n", "utf-8")

    def step(self, ids: NDArray[Any], classes: NDArray[Any]) -> Tensor:
        """Make one update on a batch (rows, length + 1) and return its loss."""
        factor = rate_factor(self.progress, self.plan)
        for optimizer in (self.muon, self.adam):
            for group in optimizer.param_groups:
                group["lr"] = self.plan.rate * factor
        tokens = torch.from_numpy(ids).to(self.device)
        kinds = torch.from_numpy(classes).to(self.device)[:, 1:].flatten()
        with torch.autocast(self.device.type, torch.bfloat16):
            states = self.forward(tokens[:, :-1], sample_mask(tokens[:, :-1], self.end)).flatten(0, 1)
            loss = loss_of(self.model, states, tokens[:, 1:].flatten(), kinds, self.think)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in (self.muon, self.adam):
            optimizer.step()
            optimizer.zero_grad()
        return loss.detach()

    def run(self, source: Source, patience: float = 120.0) -> Progress:
        """Train until time, tokens or shards run out; the state after the base text is kept beside the newest."""
        plan, progress = self.plan, self.progress
        saved, last, losses = time.monotonic(), time.monotonic(), list[Tensor]()
        for index, rows in read_shards(source, progress.shard, patience):
            if index == source.base and not progress.batch and index:
                self.save()
                shutil.copyfile(self.checkpoint, self.folder / BASE)
            for ids, classes in islice(batches(rows, plan, index), progress.batch, None):
                losses.append(self.step(ids, classes))
                now = time.monotonic()
                progress.step, progress.batch = progress.step + 1, progress.batch + 1
                progress.tokens += classes.size
                progress.seconds, last = progress.seconds + min(now - last, PAUSE), now
                if progress.step % 20 == 0:
                    self._log(losses)
                if progress.seconds >= 60 * plan.minutes or progress.tokens >= plan.tokens:
                    self.save()
                    return progress
                if now - saved > plan.checkpoint_seconds:
                    self.save()
                    saved = now
            progress.shard, progress.batch = index + 1, 0
        self.save()
        return progress

    def _log(self, losses: list[Tensor]) -> None:
        progress = self.progress
        mean = float(torch.stack(losses).mean())
        losses.clear()
        progress.curve.append({"tokens": progress.tokens, "loss": round(mean, 4)})
        speed = progress.tokens / progress.seconds
        factor = rate_factor(progress, self.plan)
        print(
            f"step {progress.step} tokens {progress.tokens / 1e6:.2f}M loss {mean:.3f} "
            f"rate x{factor:.2f} {speed:.0f} tokens/s shard {progress.shard}",
            flush=True,
        )
