"""Texts as vectors: many at once as one by one, as llama-cpp-python has them, for encoders and for decoders."""

from __future__ import annotations

import random
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import llama_cpp
import numpy as np
import pytest

from llmlab.domain.embedding import cosine
from llmlab.domain.model import LoraAdapter, ModelSpec
from llmlab.engine.llama import embedding
from llmlab.engine.llama.embedding import ROWS, TOGETHER, Embedder
from llmlab.engine.llama.interrupt import Interrupt
from llmlab.engine.llama.model import Loader
from llmlab.engine.llama.outbox import Outbox
from llmlab.engine.llama.threads import Governor
from llmlab.engine.wire import AnyReport, Embed, Embedded, Ended, Problem, decode_report
from llmlab.errors import ModelError
from tests.engine.llama.conftest import LOG
from tests.support.gguf_fixtures import Shape, write_encoder, write_lora, write_random_model
from tests.support.gguf_memories import write_recurrent_model

KINDS = ("cls", "mean", "last", "plain")
ENCODERS = ("cls", "mean")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Encoders `cls` and `mean`, decoders `last` and `plain`, the last one no embedding model."""
    made = tmp_path_factory.mktemp("embedding")
    write_encoder(made / "cls.gguf")
    write_encoder(made / "mean.gguf", pooling=gguf.PoolingType.MEAN)
    write_random_model(made / "last.gguf", dtype=np.float32, pooling=gguf.PoolingType.LAST)
    write_random_model(made / "plain.gguf", dtype=np.float32)
    return made


class Vectors:
    """An embedder, driven step by step."""

    def __init__(self, path: Path, governor: Governor | None = None, **settings: Any) -> None:
        LOG.install()
        values = {"name": "test", "path": str(path), "n_threads": 1, "purpose": "vectors", "flash_attn": "off"}
        # Sums in half precision depend on what stands beside a text; with these one by one is the same as together.
        exact = {"cache_type_k": "f32", "cache_type_v": "f32"}
        self.spec = ModelSpec(**{**values, **exact, **settings})
        self.interrupt = Interrupt()
        loader = Loader(self.spec, LOG, lambda _share: None, lambda: False, abort=lambda: False)
        self.weights = loader.load_weights()
        self.reports: list[AnyReport] = []
        outbox = Outbox(lambda data: self.reports.extend(map(decode_report, data.splitlines())), time.monotonic)
        self.embedder = Embedder(self.spec, self.weights, outbox, self.interrupt, LOG, governor, time.monotonic)
        self._number = 0

    def submit(self, *texts: str) -> int:
        self._number += 1
        self.embedder.submit(Embed(id=self._number, texts=texts))
        return self._number

    def run(self) -> None:
        for _ in range(10_000):
            if not self.embedder.busy:
                return
            self.embedder.step()
        raise AssertionError("it does not come to an end")

    def parts(self, number: int) -> list[Embedded]:
        return [each for each in self.reports if isinstance(each, Embedded) and each.id == number]

    def of(self, *texts: str) -> list[array[float]]:
        number = self.submit(*texts)
        self.run()
        parts = self.parts(number)
        assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True], self.reports
        return [array("f", data) for part in parts for data in part.vectors]

    def problem(self, *texts: str) -> Problem:
        number = self.submit(*texts)
        self.run()
        (problem,) = (each for each in self.reports if isinstance(each, Problem) and each.id == number)
        assert self.parts(number) == []
        return problem

    def close(self) -> None:
        self.embedder.close()
        self.weights.close()


Open = Callable[..., Vectors]


@pytest.fixture
def opened(folder: Path) -> Any:
    """Opens a model of the folder for vectors, and closes it after the test."""
    living: list[Vectors] = []

    def open_one(name: str, **settings: Any) -> Vectors:
        living.append(Vectors(folder / f"{name}.gguf", **settings))
        return living[-1]

    yield open_one
    for each in living:
        each.close()


def texts_of(count: int, longest: int = 60, seed: int = 1) -> list[str]:
    drawn = random.Random(seed)
    return ["".join(drawn.choices("abcdefgh 0123456789.", k=drawn.randint(1, longest))) + "x" for _ in range(count)]


@pytest.mark.parametrize("name", KINDS)
def test_many_at_once_are_as_one_by_one(opened: Open, name: str) -> None:
    engine, texts = opened(name), texts_of(3 * TOGETHER)
    together = engine.of(*texts)
    for text, vector in list(zip(texts, together, strict=True))[:: TOGETHER // 4]:
        (alone,) = engine.of(text)
        assert np.max(np.abs(np.array(alone) - np.array(vector))) < 1e-4
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-6)
    assert len({vector.tobytes() for vector in together}) == len(set(texts))


@pytest.mark.parametrize("name", KINDS)
def test_they_are_those_of_llama_cpp_python(opened: Open, folder: Path, name: str) -> None:
    texts = texts_of(8)
    mean = llama_cpp.LLAMA_POOLING_TYPE_MEAN
    peer = llama_cpp.Llama(
        str(folder / f"{name}.gguf"),
        embedding=True,
        n_ctx=512,
        n_threads=1,
        type_k=0,
        type_v=0,
        verbose=False,
        pooling_type=mean if name == "plain" else llama_cpp.LLAMA_POOLING_TYPE_UNSPECIFIED,
    )
    try:
        theirs = [peer.embed(text, normalize=True) for text in texts]
    finally:
        peer.close()
        LOG.install()
    for ours, other in zip(opened(name).of(*texts), theirs, strict=True):
        assert np.max(np.abs(np.array(ours) - np.array(other))) < 1e-4


@pytest.mark.parametrize(
    ("name", "pooling", "declared"),
    [("cls", "cls", True), ("mean", "mean", True), ("last", "last", True), ("plain", "mean", False)],
)
def test_the_pooling_is_that_of_the_file_or_said_to_be_ours(
    opened: Open, name: str, pooling: str, declared: bool
) -> None:
    engine = opened(name)
    number = engine.submit("some text")
    engine.run()
    (part,) = engine.parts(number)
    assert (part.pooling, part.declared) == (pooling, declared)


@pytest.mark.parametrize("name", KINDS)
def test_a_text_is_never_cut(opened: Open, name: str) -> None:
    engine = opened(name, n_ctx=300)
    frame = 2 if name in ENCODERS else 0
    longest = "x" * (300 - frame)
    number = engine.submit("short", longest)
    engine.run()
    assert engine.parts(number)[-1].tokens[-1] == 300
    problem = engine.problem("short", longest + "x")
    assert "301 tokens; the model reads 300" in problem.what
    assert problem.where == "text 2: " + "x" * 39 + "…"
    assert not engine.embedder.busy


def test_an_encoder_reads_no_more_than_it_was_trained_on(opened: Open) -> None:
    engine = opened("cls", n_ctx=4096)
    assert len(engine.of("x" * 510)) == 1
    assert "the model reads 512" in engine.problem("x" * 511).what


def test_room_for_a_long_text_is_made_and_given_back(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    real = embedding.EmbeddingContext

    def noted(spec: Any, weights: Any, rows: int, *more: Any) -> Any:
        made.append(rows)
        return real(spec, weights, rows, *more)

    monkeypatch.setattr(embedding, "EmbeddingContext", noted)
    engine = opened("plain")
    long = "y" * (3 * ROWS)
    first = engine.of("short", long, "short")
    second = engine.of("short")
    assert made == [ROWS, 4 * ROWS, ROWS]
    assert first[0] == pytest.approx(second[0], abs=1e-4)
    assert first[0] == pytest.approx(first[2], abs=1e-4)


def test_texts_of_several_commands_do_not_mix(opened: Open) -> None:
    engine = opened("mean")
    first, second = texts_of(100, seed=2), texts_of(30, seed=3)
    numbers = [engine.submit(*first), engine.submit(*second)]
    engine.run()
    for number, texts in zip(numbers, (first, second), strict=True):
        told = [data for part in engine.parts(number) for data in part.vectors]
        assert [array("f", data) for data in told] == [pytest.approx(vector, abs=1e-4) for vector in engine.of(*texts)]


def test_a_cancelled_command_ends_once_and_the_next_goes_on(opened: Open) -> None:
    engine = opened("plain")
    cancelled, other = engine.submit(*texts_of(500)), engine.submit("another")
    engine.embedder.step()
    engine.interrupt.cancel(cancelled)
    engine.run()
    assert [(each.id, each.reason) for each in engine.reports if isinstance(each, Ended)] == [(cancelled, "cancelled")]
    assert not engine.parts(cancelled)[-1].done
    assert engine.parts(other)[-1].done


def test_a_cancellation_that_overtakes_its_command_is_not_lost(opened: Open) -> None:
    engine = opened("plain")
    first = engine.submit(*texts_of(100))
    engine.interrupt.cancel(first + 1)
    engine.embedder.step()
    late = engine.submit("late")
    engine.run()
    assert [(each.id, each.reason) for each in engine.reports if isinstance(each, Ended)] == [(late, "cancelled")]
    assert engine.parts(late) == []
    assert engine.parts(first)[-1].done


def test_an_aborted_computation_is_done_again_for_those_that_stay(opened: Open) -> None:
    engine = opened("plain")
    number = engine.submit("some text")
    engine.embedder.step()
    again = engine.submit("some text")
    engine.interrupt.raised = True
    assert engine.embedder.busy
    engine.run()
    assert engine.parts(number)[0].vectors == engine.parts(again)[0].vectors


@pytest.mark.parametrize("texts", [(), ("fine", "")])
def test_nothing_to_embed_is_refused(opened: Open, texts: tuple[str, ...]) -> None:
    assert opened("plain").problem(*texts).what in ("There is no text.", "A text is empty.")


def test_a_reranker_gives_no_vectors(tmp_path: Path) -> None:
    path = write_random_model(tmp_path / "rank.gguf", pooling=gguf.PoolingType.RANK)
    with pytest.raises(ModelError, match="a reranker, which scores pairs of texts; it gives no vectors"):
        Vectors(path)


def test_a_model_that_computes_no_numbers_is_an_error_not_a_vector(tmp_path: Path) -> None:
    engine = Vectors(write_random_model(tmp_path / "broken.gguf", weight=float("nan")))
    assert "computed no numbers" in engine.problem("text").what
    engine.close()


def test_too_little_memory_is_said_before_llama_cpp_asks_for_it(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    class Free:
        available = 1 << 20

    engine = opened("plain")
    monkeypatch.setattr("llmlab.engine.llama.embedding.psutil.virtual_memory", lambda: Free)
    assert "1 MB are free" in engine.problem("text").what


def test_a_memory_that_is_one_state_a_text_serves_as_well(tmp_path: Path) -> None:
    engine = Vectors(write_recurrent_model(tmp_path / "recurrent.gguf"))
    texts = texts_of(9)
    together = engine.of(*texts)
    for text, vector in zip(texts, together, strict=True):
        assert engine.of(text)[0] == pytest.approx(vector, abs=1e-3)
    engine.close()


def test_deterministic_vectors_are_the_same_to_the_last_bit(opened: Open) -> None:
    engine = opened("last", deterministic=True, flash_attn="auto", cache_type_k="f16", cache_type_v="f16")
    texts = texts_of(20)
    assert [engine.of(text)[0].tobytes() for text in texts] == [each.tobytes() for each in engine.of(*texts)]


def test_lora_adapters_change_vectors(tmp_path: Path, folder: Path) -> None:
    adapter = LoraAdapter(str(write_lora(tmp_path / "lora.gguf")))
    changed, plain = Vectors(folder / "last.gguf", lora=(adapter,)), Vectors(folder / "last.gguf")
    assert cosine(changed.of("some text")[0], plain.of("some text")[0]) < 0.999
    changed.close()
    plain.close()


def test_a_small_window_is_used_to_its_end(tmp_path: Path) -> None:
    shape = Shape(context=64)
    engine = Vectors(write_random_model(tmp_path / "short.gguf", shape, dtype=np.float32))
    assert len(engine.of("x" * 64, "y")) == 2
    assert "reads 64" in engine.problem("x" * 65).what
    engine.close()
