"""What is no model, or does not fit, ends in one clear error; the next model loads."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import gguf
import pytest

from llmlab.domain.generation import Finished
from llmlab.engine.gguf import read_gguf
from llmlab.errors import EngineError, ModelError
from tests.faults.engines import answer, load, new_engine, spec_of
from tests.support.gguf_fixtures import vocabulary


def missing(path: Path, sound: bytes) -> None:
    path.with_suffix(".txt").write_bytes(sound[:1])


def empty(path: Path, sound: bytes) -> None:
    path.write_bytes(b"")


def truncated(path: Path, sound: bytes) -> None:
    path.write_bytes(sound[: len(sound) * 2 // 3])


def random_bytes(path: Path, sound: bytes) -> None:
    path.write_bytes(random.Random(5).randbytes(100_000))


def random_after_magic(path: Path, sound: bytes) -> None:
    path.write_bytes(b"GGUF\3\0\0\0" + random.Random(6).randbytes(100_000))


def folder(path: Path, sound: bytes) -> None:
    path.mkdir()


def vocabulary_alone(path: Path, sound: bytes) -> None:
    writer = gguf.GGUFWriter(str(path), "qwen2")
    tokens, kinds, merges = vocabulary()
    writer.add_block_count(1)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def unknown_architecture(path: Path, sound: bytes) -> None:
    path.write_bytes(sound.replace(b"qwen2", b"zwen2"))


def embedding_model(path: Path, sound: bytes) -> None:
    path.write_bytes(sound.replace(b"qwen2", b"t5enc"))


def a_tensor_missing(path: Path, sound: bytes) -> None:
    path.write_bytes(sound.replace(b"blk.1.attn_k.weight", b"blk.1.attn_z.weight"))


def too_many_layers(path: Path, sound: bytes) -> None:
    key = b"qwen2.block_count\x04\0\0\0"
    path.write_bytes(sound.replace(key + b"\2", key + b"\xe8").replace(key + b"\xe8\0", key + b"\xe8\3"))


def more_layers_than_there_are(path: Path, sound: bytes) -> None:
    key = b"qwen2.block_count\x04\0\0\0"
    path.write_bytes(sound.replace(key + b"\2", key + b"\3"))


BAD = [
    (missing, "no model file"),
    (empty, "empty"),
    (truncated, "cut off"),
    (random_bytes, "no GGUF model"),
    (random_after_magic, "damaged"),
    (folder, "folder"),
    (vocabulary_alone, "vocabulary"),
    (unknown_architecture, "unknown model architecture"),
    (embedding_model, "llama.cpp cannot load"),
    (a_tensor_missing, "blk.1.attn_k.weight"),
    (too_many_layers, "1000 layers"),
    (more_layers_than_there_are, "blk.2"),
]


@pytest.mark.parametrize(("make", "words"), BAD, ids=[make.__name__ for make, _ in BAD])
async def test_a_bad_file_is_one_clear_error(
    tmp_path: Path, log: Path, small: Path, make: Callable[[Path, bytes], None], words: str
) -> None:
    path = tmp_path / "bad.gguf"
    make(path, read(small))
    async with new_engine(log) as engine:
        with pytest.raises(ModelError) as caught:
            await load(engine, spec_of(path))
        assert words in caught.value.what
        assert str(path) in caught.value.where
        assert caught.value.hint
        assert not engine.alive


def read(path: Path) -> bytes:
    return path.read_bytes()


@pytest.mark.parametrize("n_ctx", [1_000_000_000, (1 << 31) + 5, 1 << 40])
async def test_a_window_larger_than_memory(log: Path, small: Path, n_ctx: int) -> None:
    async with new_engine(log) as engine:
        with pytest.raises(ModelError) as caught:
            await load(engine, spec_of(small, n_ctx=n_ctx))
        assert f"{n_ctx:,}" in caught.value.what
        assert "n_ctx" in caught.value.where
        assert caught.value.hint
    async with new_engine(log) as engine:
        await load(engine, spec_of(small))
        assert isinstance((await answer(engine))[-1], Finished)


def mutants(sound: bytes, end: int, count: int, seed: int) -> Iterator[bytes]:
    """Copies of a model whose header, which ends at `end`, was changed in a few places."""
    dice = random.Random(seed)
    for _ in range(count):
        mutant = bytearray(sound)
        for _ in range(dice.choice((1, 1, 2, 4))):
            # Half of the changes hit the first 700 bytes, where everything but the vocabulary stands.
            at = dice.randrange(4, 700 if dice.random() < 0.5 else end)
            change = dice.choice(("byte", "bit", "ones", "zeros", "cut", "insert"))
            if change == "byte":
                mutant[at] = dice.randrange(256)
            elif change == "bit":
                mutant[at] ^= 1 << dice.randrange(8)
            elif change in ("ones", "zeros"):
                mutant[at : at + 4] = (b"\xff" if change == "ones" else b"\0") * 4
            elif change == "cut":
                del mutant[at : at + dice.randrange(1, 9)]
            else:
                mutant[at:at] = dice.randbytes(dice.randrange(1, 9))
        yield bytes(mutant)


async def outcome(path: Path, log: Path) -> str:
    """What becomes of loading a mutant and asking it something; anything but a clear error is a failure of the test."""
    async with new_engine(log) as engine:
        try:
            await load(engine, spec_of(path))
            await answer(engine)
        except (ModelError, EngineError) as error:
            return type(error).__name__ if error.what else "speechless"
        return "loaded"


async def fates(sound: Path, folder: Path, log: Path, count: int, seed: int) -> Counter[str]:
    found: Counter[str] = Counter()
    place = folder / "mutant.gguf"
    for raw in mutants(read(sound), read_gguf(sound).data_offset, count, seed):
        place.write_bytes(raw)
        try:
            read_gguf(place)
        except ModelError:
            found["refused"] += 1
        else:
            found[await asyncio.wait_for(outcome(place, log), 120)] += 1
    return found


async def test_200_mutated_headers_end_well(tmp_path: Path, log: Path, small: Path) -> None:
    found = await fates(small, tmp_path, log, 200, seed=3)
    assert found.total() == 200
    assert found["refused"] > 100
    assert found["loaded"] + found["ModelError"] + found["EngineDied"] + found["EngineError"] == 200 - found["refused"]


@pytest.mark.slow
async def test_2000_mutated_headers_end_well(tmp_path: Path, log: Path, small: Path) -> None:
    found = await fates(small, tmp_path, log, 2000, seed=4)
    assert found.total() == 2000
