"""Packs samples into rows of fixed length and writes them as shards that a trainer reads once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy
from numpy.typing import NDArray

from training import chat
from training.bpe import END_OF_TEXT, Tokenizer
from training.chat import Weighted
from training.sample import Generator

LENGTHS = {"tiny": 128, "short": 320, "long": 1024}
"""Row lengths, ascending: most samples are short, and short rows make attention cheap."""
LATE_SHARE = 0.06
"""Share of samples that go to the longest rows whatever their length."""
OPEN_ROWS = 48
"""How many unfinished rows wait for a sample that fits."""
SHARD_TOKENS = 800_000

Rows = dict[str, NDArray[numpy.uint16]]
"""For each name in `LENGTHS` an array of ids (rows, length + 1) and, under `NAME_class`, one of loss classes."""


class Packer:
    """Fills rows of one length; a sample never crosses a row."""

    def __init__(self, length: int, filler: int) -> None:
        self.length = length + 1
        self.filler = filler
        self.open: list[Weighted] = []
        self.rows: list[Weighted] = []

    def add(self, sample: Weighted) -> None:
        """Put the sample into the fullest row that still has room for it."""
        ids, classes = sample
        fitting = [row for row in self.open if len(row[0]) + len(ids) <= self.length]
        if fitting:
            row = max(fitting, key=lambda row: len(row[0]))
            row[0].extend(ids)
            row[1].extend(classes)
            return
        self.open.append((list(ids), list(classes)))
        if len(self.open) > OPEN_ROWS:
            fullest = max(range(len(self.open)), key=lambda index: len(self.open[index][0]))
            self._close(self.open.pop(fullest))

    def _close(self, row: Weighted) -> None:
        missing = self.length - len(row[0])
        self.rows.append((row[0] + [self.filler] * missing, row[1] + [chat.IGNORE] * missing))


def make_rows(draw: Generator, tokenizer: Tokenizer, rng: Random, tokens: int) -> Rows:
    """Draw samples until about `tokens` tokens are packed; samples beyond the longest row are dropped."""
    filler = tokenizer.ids[END_OF_TEXT]
    packers = {name: Packer(length, filler) for name, length in LENGTHS.items()}
    made = 0
    while made < tokens:
        encoded = chat.encode(draw(rng), tokenizer)
        size = len(encoded[0])
        fitting = [name for name, length in LENGTHS.items() if size <= length]
        if not fitting:
            continue
        # Some short samples go to longer rows, so that late positions see every skill.
        packers[fitting[-1] if rng.random() < LATE_SHARE else fitting[0]].add(encoded)
        made += size
    rows: Rows = {}
    for name, packer in packers.items():
        ids = [row[0] for row in packer.rows]
        rows[name] = numpy.array(ids, dtype=numpy.uint16).reshape(len(ids), packer.length)
        classes = [row[1] for row in packer.rows]
        rows[f"{name}_class"] = numpy.array(classes, dtype=numpy.uint16).reshape(len(ids), packer.length)
    return rows


def shard_path(folder: Path, index: int) -> Path:
    """Name the shard with this index."""
    return folder / f"shard-{index:05d}.npz"


@dataclass(frozen=True, slots=True)
class Source:
    """Where shards lie: first those of base text, if any, then those of the mixture."""

    folder: Path
    base: int = 0
    """How many shards of base text come first."""

    def path(self, index: int) -> Path:
        """Name the shard that is read as number `index`."""
        if index < self.base:
            return shard_path(self.folder / "base", index)
        return shard_path(self.folder / "shards", index - self.base)


def write_shards(folder: Path, draw: Generator, tokenizer: Tokenizer, seed: str, count: int) -> None:
    """Write `count` shards; a shard depends on the seed and its index alone, so that any run can go on."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        path = shard_path(folder, index)
        if path.exists():
            continue
        rows = make_rows(draw, tokenizer, Random(f"{seed}/{index}"), SHARD_TOKENS)
        partial = folder / f".partial-{os.getpid()}.npz"
        numpy.savez(partial, **rows)  # type: ignore[arg-type]
        partial.rename(path)


def read_shards(source: Source, first: int, patience: float) -> Iterator[tuple[int, Rows]]:
    """Yield shards in order, waiting up to `patience` seconds for one that is still being written."""
    index = first
    while True:
        left = int(patience)
        while not source.path(index).exists():
            if left <= 0:
                return
            # A shard is written by another process, which can tell us nothing but that the file is there.
            threading.Event().wait(1.0)
            left -= 1
        with numpy.load(source.path(index)) as arrays:
            yield index, {name: arrays[name] for name in arrays.files}
        index += 1
