"""The tokenizer of training is the tokenizer that llama.cpp runs."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from llmlab.pocket import pocket_names, pocket_path
from training.bpe import SPECIAL, Tokenizer, byte_alphabet, learn_merges, learn_words, splitter
from training.curriculum import mixture

HARD_TEXTS = (
    "Hello world 你好，世界！ 12345 don't I'LL WE'VE  two  spaces\n\n\n\tTab\r\nx",
    "🙂👍🏽 é ñ ²½Ⅷ ١٢ नमस्ते 한국어 かな Ωμέγα \u200d\u00a0nbsp \ufeff",
    "<think>\nabc\n</think>\n\nhi<|im_end|>\n<|im_start|>user\nx<|endoftext|>",
    "a_b__c -- ... ?!?! ((x)) {y: 1}\n\n  indented\n\t\tcode = 3.14;  \n   ",
    "'s 't 'RE ''d'll O'Neil l'été x's",
    "\x01\x7f\u0301a\u0301 \ud7ff\ue000 \U0010ffff   end   ",
    "中文 English混合text，。！？123个苹果\u3000全角空格",
    "",
)


@pytest.fixture(name="gguf_path", scope="module")
def _gguf_path() -> Path:
    if "pocket-m" not in pocket_names():
        pytest.skip("pocket-m is not in this checkout")
    return pocket_path("pocket-m")


@pytest.fixture(name="shipped", scope="module")
def _shipped(gguf_path: Path) -> Tokenizer:
    pytest.importorskip("gguf")
    from training.vocabulary import tokenizer_of

    return tokenizer_of(gguf_path)


def _texts() -> list[str]:
    rng = Random(17)
    samples = [mixture(rng) for _ in range(150)]
    made = ["\n".join([*(turn.text for turn in sample.turns), sample.text]) for sample in samples]
    ranges = ((0x20, 0x7F), (0xA0, 0x250), (0x370, 0x500), (0x4E00, 0x9FFF), (0x1F300, 0x1F640), (0x2000, 0x206F))
    for _ in range(150):
        low, high = rng.choice(ranges)
        made.append("".join(chr(rng.randrange(low, high)) for _ in range(rng.randint(1, 12))))
    return [*HARD_TEXTS, *made]


def test_llama_cpp_agrees(gguf_path: Path, shipped: Tokenizer) -> None:
    llama_cpp: Any = pytest.importorskip("llama_cpp")
    llama = llama_cpp.Llama(str(gguf_path), vocab_only=True, verbose=False)
    for text in _texts():
        theirs = llama.tokenize(text.encode(), add_bos=False, special=True)
        assert shipped.encode(text) == theirs, text
    llama.close()


def test_any_text_survives(shipped: Tokenizer) -> None:
    for text in _texts():
        assert shipped.decode(shipped.encode(text)) == text


def test_digits_are_single(shipped: Tokenizer) -> None:
    assert len(shipped.encode("90210")) == 5


def test_a_chinese_character_is_at_most_one_token(shipped: Tokenizer) -> None:
    text = "你好，请问你能做什么？"
    assert len(shipped.encode(text)) <= len(text)


def test_pieces_join_to_the_text() -> None:
    for text in _texts():
        assert "".join(splitter().findall(text)) == text


def test_learning_is_deterministic_and_starts_with_all_bytes() -> None:
    texts = ["你好你好的们", "你好 the cat and the hat", "the then"]
    merges, words = learn_merges(texts, 5), learn_words(texts, 2, frozenset())
    assert (merges, words) == (learn_merges(texts, 5), learn_words(texts, 2, frozenset()))
    tokenizer = Tokenizer(merges, words)
    assert tokenizer.tokens[: len(SPECIAL) + 256] == [*SPECIAL, *byte_alphabet()]
    assert len(tokenizer.encode(" the")) == 1
    assert len(tokenizer.encode("cat")) == 3
    assert len(tokenizer.encode("你")) == 1


def test_a_frequent_pair_of_hanzi_stays_two_tokens() -> None:
    tokenizer = Tokenizer(learn_merges(["我们你们他们我们"] * 9, 50))
    assert [tokenizer.decode([token]) for token in tokenizer.encode("我们")] == ["我", "们"]


@pytest.mark.parametrize("name", ["小丽", "马丽", "青山镇", "Kalador"])
def test_a_name_is_cut_the_same_wherever_it_stands(shipped: Tokenizer, name: str) -> None:
    alone = shipped.encode(name)
    for before, after in (("\n", "的首都是"), ("是", "。"), ("住在", "住在"), ("“", "”"), (" ", "'s"), ("=", "=")):
        ids = shipped.encode(before + name + after)
        assert any(ids[at : at + len(alone)] == alone for at in range(len(ids)))


def test_spelled_words_keep_their_letters_in_any_case_but_a_capital() -> None:
    words = learn_words(["Hello hello HELLO other"] * 3, 9, frozenset({"hello"}))
    assert words == [" other", "Hello"]


def test_invented_names_are_no_words() -> None:
    assert learn_words(["Kalador is Kalador"] * 3, 9, frozenset(), frozenset({"Kalador"})) == [" is"]


def test_save_and_load(tmp_path: Path) -> None:
    tokenizer = Tokenizer(learn_merges(["你好你好"], 5), ["the", " the"])
    tokenizer.save(tmp_path / "t.json")
    assert Tokenizer.load(tmp_path / "t.json").tokens == tokenizer.tokens
