from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from llmlab.domain.model import AdapterScales, LoraAdapter, ModelSpec
from llmlab.engine.wire import Generate
from llmlab.errors import ModelError
from tests.engine.llama.conftest import GREEDY, Harness, Told, load
from tests.support.gguf_fixtures import Shape, write_lora

PROMPT = tuple(range(60, 110))


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lora(tmp_path_factory.mktemp("lora") / "strong.gguf")


def ask(harness: Harness, scales: AdapterScales | None, prompt: tuple[int, ...] = PROMPT, tokens: int = 24) -> int:
    harness._ids += 1
    sampling = type(GREEDY)(temperature=0.0, seed=1, max_tokens=tokens)
    harness.scheduler.submit(Generate(id=harness._ids, tokens=prompt, sampling=sampling, lora=scales))
    return harness._ids


def answer(harness: Harness, scales: AdapterScales | None, prompt: tuple[int, ...] = PROMPT) -> Told:
    command = ask(harness, scales, prompt)
    harness.run()
    return harness.told(command)


def test_it_changes_the_answer_and_scale_0_is_none(harness: Callable[..., Harness], lora: Path) -> None:
    plain = answer(harness("bytes"), None).text
    applied = harness("bytes", lora=(LoraAdapter(str(lora)),))
    changed = answer(applied, None).text
    assert changed != plain
    assert answer(applied, (("strong", 0.0),)).text == plain
    assert answer(applied, ()).text == plain
    assert answer(applied, (("strong", 1.0),)).text == changed
    assert answer(harness("bytes", lora=(LoraAdapter(str(lora), 0.0),)), None).text == plain


def test_a_prefix_belongs_to_its_set(harness: Callable[..., Harness], lora: Path) -> None:
    engine = harness("bytes", lora=(LoraAdapter(str(lora)),))
    first = answer(engine, None)
    other = answer(engine, ())
    again = answer(engine, None)
    assert first.ended is not None
    assert other.ended is not None
    assert again.ended is not None
    assert first.ended.usage.reused == other.ended.usage.reused == 0
    assert again.ended.usage.reused == len(PROMPT) - 1, "the shelf kept what belongs to the first set"
    assert again.text == first.text


def test_sets_take_turns_and_change_nothing(harness: Callable[..., Harness], lora: Path) -> None:
    engine = harness("bytes", lora=(LoraAdapter(str(lora)),))
    sets: list[AdapterScales] = [(), (("strong", 1.0),), (("strong", 0.5),)]
    prompts = [tuple(range(start, start + 40)) for start in (1, 50, 100)]
    alone = {
        (which, prompt): answer(engine, scales, prompt).text for which, scales in enumerate(sets) for prompt in prompts
    }
    crowd = [(ask(engine, sets[which], prompt), which, prompt) for prompt in prompts for which in range(len(sets))]
    engine.run()
    for command, which, prompt in crowd:
        assert engine.told(command).text == alone[which, prompt]
    assert len(set(alone.values())) == len(alone)


def test_those_that_wait_for_another_set_are_not_overtaken(harness: Callable[..., Harness], lora: Path) -> None:
    engine = harness("bytes", lora=(LoraAdapter(str(lora)),))
    first = ask(engine, (), tokens=40)
    waiting = ask(engine, None, tokens=4)
    late = ask(engine, (), tuple(range(5, 30)), tokens=4)
    engine.run(lambda: engine.told(waiting).ended is not None)
    assert engine.told(first).ended is not None
    assert engine.told(late).ended is None


def test_an_unknown_name_is_refused_and_nothing_else_suffers(harness: Callable[..., Harness], lora: Path) -> None:
    engine = harness("bytes", lora=(LoraAdapter(str(lora)),))
    problem = answer(engine, (("week", 1.0),)).problem
    assert problem is not None
    assert "week" in problem.what
    assert "strong" in problem.hint
    assert answer(engine, None).ended is not None


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "no model file"),
        (lambda path: path.write_bytes(b"GGUF"), "cut off"),
        (lambda path: path.write_text("{}"), "text file"),
        (lambda path: write_lora(path, architecture="llama"), "made for llama"),
        (lambda path: write_lora(path, alora=True), "aLoRA"),
        (lambda path: write_lora(path, Shape(width=128)), "incorrect shape"),
        (lambda path: write_lora(path, Shape(layers=3)), "does not exist in base model"),
    ],
)
def test_a_file_that_does_not_fit_is_one_clear_error(
    models: Path, tmp_path: Path, make: Callable[[Path], object], said: str
) -> None:
    path = tmp_path / "bad.gguf"
    make(path)
    with pytest.raises(ModelError) as caught:
        load(models / "bytes.gguf", lora=(LoraAdapter(str(path)),))
    assert said in caught.value.what
    assert caught.value.where == str(path)


def test_a_model_is_no_adapter(models: Path) -> None:
    path = str(models / "bigram.gguf")
    with pytest.raises(ModelError, match="no LoRA adapter"):
        load(models / "bytes.gguf", lora=(LoraAdapter(path),))


def test_names_are_those_of_files() -> None:
    spec = ModelSpec(name="", path="", lora=(LoraAdapter("/a/style.v2.gguf"), LoraAdapter("/b/facts.gguf", 0.5)))
    assert spec.adapter_scales == (("style.v2", 1.0), ("facts", 0.5))
