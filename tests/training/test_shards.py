"""Rows hold whole conversations, and a shard depends on its seed alone."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy

from training.bpe import END_OF_TEXT, Tokenizer, learn_merges
from training.chat import IGNORE
from training.curriculum import mixture
from training.curriculum.base_text import running_text
from training.shards import LENGTHS, Packer, Source, make_rows, read_shards, shard_path, write_shards

TOKENIZER = Tokenizer(learn_merges(["你好你好"], 8), ["the", " model", " is"])


def test_a_sample_never_crosses_a_row() -> None:
    packer = Packer(9, filler=0)
    for size in [4, 7, 3, 10, 5, 6] * 40:
        packer.add(([size] * size, [2] * size))
    for ids, classes in packer.rows:
        assert len(ids) == len(classes) == 10
        for token in set(ids) - {0}:
            assert ids.count(token) % token == 0
        assert all(kind == IGNORE for token, kind in zip(ids, classes, strict=True) if token == 0)


def test_rows_have_the_promised_shape() -> None:
    rows = make_rows(mixture, TOKENIZER, Random(1), 120_000)
    for name, length in LENGTHS.items():
        assert rows[name].shape == rows[f"{name}_class"].shape
        assert rows[name].shape[1] == length + 1
    assert TOKENIZER.ids[END_OF_TEXT] in rows["short"]


def test_a_shard_depends_on_seed_and_index_alone() -> None:
    first = make_rows(mixture, TOKENIZER, Random("1/4"), 60_000)
    again = make_rows(mixture, TOKENIZER, Random("1/4"), 60_000)
    assert all((first[name] == again[name]).all() for name in first)


def test_reading_stops_where_no_shard_comes(tmp_path: Path) -> None:
    for folder, index in (("base", 0), ("shards", 0), ("shards", 1)):
        (tmp_path / folder).mkdir(exist_ok=True)
        numpy.savez(shard_path(tmp_path / folder, index), short=numpy.full((1, 2), index, numpy.uint16))
    assert [index for index, _ in read_shards(Source(tmp_path), 0, patience=0)] == [0, 1]
    assert [index for index, _ in read_shards(Source(tmp_path, base=1), 0, patience=0)] == [0, 1, 2]
    assert [index for index, _ in read_shards(Source(tmp_path, base=1), 2, patience=0)] == [2]


def test_a_written_shard_is_left_alone_and_a_missing_one_is_written(tmp_path: Path) -> None:
    shard_path(tmp_path, 0).write_bytes(b"done")
    write_shards(tmp_path, mixture, TOKENIZER, "1", 1)
    assert shard_path(tmp_path, 0).read_bytes() == b"done"


def test_base_text_has_no_turns_and_no_instruction() -> None:
    rng = Random(3)
    for _ in range(300):
        sample = running_text(rng)
        assert sample.text
        assert not sample.turns
        assert "<|im_start|>" not in sample.text
