"""The header reader agrees with the writer, refuses what is damaged, and never believes a number."""

from __future__ import annotations

import os
import random
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import gguf as reference
import pytest

from llmlab.engine.bounded import looks_like
from llmlab.engine.formats import TENSOR_TYPES
from llmlab.engine.gguf import GgufArray, read_gguf
from llmlab.errors import ModelError
from tests.support.gguf_fixtures import CHATML, VOCABULARY, write_random_model

U32, U64 = struct.Struct("<I"), struct.Struct("<Q")


def text(value: str | bytes) -> bytes:
    raw = value if isinstance(value, bytes) else value.encode()
    return U64.pack(len(raw)) + raw


def entry(key: str | bytes, kind: int, value: bytes) -> bytes:
    return text(key) + U32.pack(kind) + value


def tensor(name: str, shape: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    return text(name) + U32.pack(len(shape)) + b"".join(map(U64.pack, shape)) + U32.pack(kind) + U64.pack(offset)


ARCHITECTURE = entry("general.architecture", 8, text("llama"))


def header(
    entries: tuple[bytes, ...] = (ARCHITECTURE,),
    tensors: tuple[bytes, ...] = (),
    *,
    version: int = 3,
    counts: tuple[int, int] | None = None,
    data: int = 0,
) -> bytes:
    """A GGUF file; `counts` (tensors, entries) may lie; `data` is the size of its data section."""
    tensor_count, entry_count = counts or (len(tensors), len(entries))
    raw = b"GGUF" + U32.pack(version) + U64.pack(tensor_count) + U64.pack(entry_count)
    raw += b"".join(entries) + b"".join(tensors)
    return raw + bytes(-len(raw) % 32) + bytes(data)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(raw: bytes) -> Path:
        path = tmp_path / "model.gguf"
        path.write_bytes(raw)
        return path

    return write


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random_model(tmp_path_factory.mktemp("model") / "bytes.gguf")


def test_it_reads_what_the_writer_wrote(model: Path) -> None:
    found = read_gguf(model)
    expected = reference.GGUFReader(model)
    assert found.version == 3
    assert found.file_bytes == model.stat().st_size
    assert found.data_offset == expected.data_offset
    assert [(item.name, item.shape, item.kind, item.size) for item in found.tensors] == [
        (item.name, tuple(item.shape.tolist()), int(item.tensor_type), item.n_bytes) for item in expected.tensors
    ]
    assert found.architecture == "qwen2"
    assert found.of_architecture("block_count") == 2
    assert found.text("tokenizer.chat_template") == CHATML
    assert found.metadata["tokenizer.ggml.add_bos_token"] is False
    assert found.number("qwen2.rope.freq_base") == 10_000.0
    tokens, kinds = found.array("tokenizer.ggml.tokens"), found.array("tokenizer.ggml.token_type")
    assert tokens is not None
    assert kinds is not None
    field = expected.fields["tokenizer.ggml.tokens"].contents()
    assert tokens.strings() == field
    assert (tokens.count, len(kinds.numbers())) == (VOCABULARY, VOCABULARY)
    assert (tokens.numbers(), kinds.strings()) == ([], [])
    assert set(expected.fields) - {"GGUF.version", "GGUF.tensor_count", "GGUF.kv_count"} == set(found.metadata)


def test_every_number_type_is_read(file: Callable[[bytes], Path]) -> None:
    values = {0: 200, 1: -3, 2: 60_000, 3: -300, 4: 1 << 31, 5: -5, 6: 0.5, 7: True, 10: 1 << 63, 11: -1, 12: 0.25}
    codes = dict(zip((*range(8), 10, 11, 12), "BbHhIif?Qqd", strict=True))
    entries = tuple(entry(f"k{kind}", kind, struct.pack(f"<{codes[kind]}", value)) for kind, value in values.items())
    found = read_gguf(file(header((ARCHITECTURE, *entries))))
    assert {kind: found.metadata[f"k{kind}"] for kind in values} == values
    assert found.integer("k7", 5) == 5, "a truth is no number"
    assert found.text("k0", "none") == "none"
    assert found.array("k0") is None


def test_the_types_of_tensors_are_those_of_ggml() -> None:
    assert {number: (kind.elements, kind.size) for number, kind in TENSOR_TYPES.items()} == {
        int(kind): size for kind, size in reference.GGML_QUANT_SIZES.items()
    }
    assert all(kind.name == reference.GGMLQuantizationType(number).name for number, kind in TENSOR_TYPES.items())


def test_long_lists_are_walked_across_windows(file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    words = [("w" * (number % 40)) for number in range(3000)]
    listed = entry("words", 9, U32.pack(8) + U64.pack(len(words)) + b"".join(map(text, words)))
    path = file(header((ARCHITECTURE, listed, entry("after", 4, U32.pack(7)))))
    for window in (1 << 20, 100, 48, 9, 8):
        monkeypatch.setattr("llmlab.engine.bounded.WINDOW", window)
        found = read_gguf(path)
        assert found.integer("after") == 7
    array = found.array("words")
    assert isinstance(array, GgufArray)
    assert array.strings() == words
    assert array.strings(2) == words[:2]


def listing(kind: int, count: int, rest: bytes = b"") -> bytes:
    return entry("list", 9, U32.pack(kind) + U64.pack(count) + rest)


def layers(raw: bytes, kind: int = 4) -> tuple[bytes, bytes]:
    return ARCHITECTURE, entry("llama.block_count", kind, raw)


CASES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "two bytes": (b"GG", "text file"),
    "magic alone": (b"GGUF", "cut off"),
    "random": (random.Random(1).randbytes(5000), "unknown data"),
    "a web page": (b"\n<!DOCTYPE html><html>", "web page"),
    "a zip": (b"PK\x03\x04" + bytes(100), "zip archive"),
    "safetensors": (U64.pack(100) + b'{"__metadata__"', "safetensors"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    "old format": (b"lmgg" + bytes(20), "before GGUF"),
    "gzip": (b"\x1f\x8b" + bytes(20), "compressed"),
    "text": ("Größe: 中文\n".encode() * 60, "text file"),
    "version 1": (header(version=1), "GGUF version 1"),
    "version 4": (header(version=4), "GGUF version 4"),
    "big endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
    "no architecture": (header(()), "which architecture"),
    "architecture is no text": (header((entry("general.architecture", 4, U32.pack(3)),)), "which architecture"),
    "endless entries": (header(counts=(0, 1 << 60)), "metadata entries"),
    "endless tensors": (header(counts=(1 << 60, 1)), "tensors"),
    "more entries than there are": (header(counts=(0, 9)), "twice"),
    "a key twice": (header((ARCHITECTURE, ARCHITECTURE)), "twice"),
    "a key of 2**63 bytes": (header((U64.pack(1 << 63) + bytes(50),)), "bytes"),
    "a key that is not UTF-8": (header((entry(b"\xff\xfe", 4, U32.pack(1)),)), "UTF-8"),
    "a text of 2**62 bytes": (header((entry("k", 8, U64.pack(1 << 62)),)), "bytes"),
    "a text past the end": (header((entry("k", 8, U64.pack(1000)),)), "cut off"),
    "an unknown value type": (header((entry("k", 13, bytes(64)),)), "value type 13"),
    "a list of lists": (header((listing(9, 1, bytes(64)),)), "list of type 9"),
    "an endless list": (header((listing(4, 1 << 61),)), "cut off"),
    "an endless list of texts": (header((listing(8, 1 << 61),)), "lists of"),
    "a list of texts past the end": (header((listing(8, 3, text("a")),)), "cut off"),
    "a list with a text of 2**64 - 1 bytes": (header((listing(8, 2, b"\xff" * 8 + bytes(8)),)), "cut off"),
    "1000 layers": (header(layers(U32.pack(1000))), "1000 layers"),
    "-1 layers": (header(layers(struct.pack("<i", -1), 5)), "-1 layers"),
    "half a layer": (header(layers(struct.pack("<f", 0.5), 6)), "0.5 layers"),
    "alignment 0": (header((ARCHITECTURE, entry("general.alignment", 4, U32.pack(0)))), "alignment"),
    "alignment 48": (header((ARCHITECTURE, entry("general.alignment", 4, U32.pack(48)))), "alignment"),
    "a tensor without dimensions": (header(tensors=(tensor("t", ()),), data=32), "tensor 't'"),
    "a tensor of 5 dimensions": (header(tensors=(tensor("t", (1,) * 5),), data=32), "tensor 't'"),
    "a tensor twice": (header(tensors=(tensor("t", (8,)), tensor("t", (8,), 0, 32)), data=64), "tensor 't'"),
    "an empty tensor": (header(tensors=(tensor("t", (0, 4)),), data=32), "size for tensor"),
    "a tensor past all memory": (header(tensors=(tensor("t", (1 << 40, 1 << 40)),), data=32), "size for tensor"),
    "half a block": (header(tensors=(tensor("t", (31,), 2),), data=64), "size for tensor"),
    "an absurd type": (header(tensors=(tensor("t", (32,), 4000),), data=64), "number format 4000"),
    "an offset that is not aligned": (header(tensors=(tensor("t", (8,), 0, 3),), data=64), "offset"),
    "an offset past the others": (header(tensors=(tensor("t", (8,), 0, 64),), data=128), "offset"),
    "data that are missing": (header(tensors=(tensor("t", (64,)),), data=255), "cut off"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_said(file: Callable[[bytes], Path], name: str) -> None:
    raw, words = CASES[name]
    path = file(raw)
    with pytest.raises(ModelError) as caught:
        read_gguf(path)
    assert words in caught.value.what
    assert caught.value.where == str(path)
    assert caught.value.hint


def test_sound_edges_pass(file: Callable[[bytes], Path]) -> None:
    assert read_gguf(file(header(tensors=(tensor("t", (64,)),), data=256))).tensors[0].size == 256
    newer = read_gguf(file(header(tensors=(tensor("t", (64,), 77),), data=1)))
    assert (newer.tensors[0].size, newer.tensors[0].type_name) == (None, "type 77")
    assert read_gguf(file(header(version=2))).version == 2
    assert read_gguf(file(header(layers(U32.pack(512))))).of_architecture("block_count") == 512


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    paths = {"nowhere.gguf": "no model file", "": "folder", "nul\0byte": "cannot be read"}
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        paths["pipe"] = "no regular file"
    for name, words in paths.items():
        with pytest.raises(ModelError, match=words) as caught:
            read_gguf(tmp_path / name)
        assert caught.value.where == str(tmp_path / name)
        assert caught.value.hint, "it says what to do next"


def test_a_file_cut_anywhere_is_called_cut_off(model: Path, tmp_path: Path) -> None:
    raw = model.read_bytes()
    end = read_gguf(model).data_offset
    place = tmp_path / "cut.gguf"
    for length in [*range(4, end, 61), end, len(raw) - 1]:
        place.write_bytes(raw[:length])
        with pytest.raises(ModelError, match=f"has {length:,}"):
            read_gguf(place)


def test_claims_of_size_cost_no_memory(file: Callable[[bytes], Path]) -> None:
    claims = [
        header((entry("k", 8, U64.pack(15 << 20)),)),
        header((listing(8, 15_000_000, bytes(64)),)),
        header((listing(12, 1 << 40, bytes(64)),)),
        header(counts=(65_000, 65_000)),
    ]
    tracemalloc.start()
    try:
        for raw in claims:
            with pytest.raises(ModelError):
                read_gguf(file(raw))
        assert tracemalloc.get_traced_memory()[1] < 3 << 20
    finally:
        tracemalloc.stop()


def test_mutations_end_in_a_header_or_a_model_error(model: Path, tmp_path: Path) -> None:
    raw = model.read_bytes()
    end = read_gguf(model).data_offset
    dice = random.Random(20)
    place = tmp_path / "mutant.gguf"
    outcomes = set()
    for _ in range(1500):
        mutant = bytearray(raw[:end] + raw[end : end + dice.choice((0, 64, len(raw)))])
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(end)
            mutant[at : at + 1] = dice.choice((bytes([dice.randrange(256)]), b"\xff" * 8, b"\0" * 4, b""))
        place.write_bytes(mutant)
        try:
            read_gguf(place)
            outcomes.add("read")
        except ModelError as error:
            outcomes.add(error.what.split(":")[0])
    assert len(outcomes) >= 4


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "unknown"),
        (b"\x80\x02}q", "unknown"),
        (b"caf\xc3", "text"),
        (b"caf\xc3 latin", "unknown"),
        (b"<HTML>", "web"),
    ],
)
def test_looks_like(head: bytes, words: str) -> None:
    assert words in looks_like(head)
