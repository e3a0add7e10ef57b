"""A byte-level tokenizer in plain Python that works as llama.cpp does for `llama-bpe`.

That pre-tokenizer takes a word that is a token as a whole, whatever the merges say. So the vocabulary can hold common
words whole, while every other word (and every number) falls into single bytes: a model that sees letters can reverse,
spell and count them, which a model of this size cannot learn from arbitrary pieces. Merges join the bytes of one Hanzi
alone: a pair of Hanzi as a token would cut the same name differently beside other words, and a name that is cut
in two ways is not found again.
"""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cache
from itertools import islice, pairwise
from pathlib import Path

END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
THINK, THINK_END = "<think>", "</think>"
CONTROL = (END_OF_TEXT, TURN_START, TURN_END)
USER_DEFINED = (THINK, THINK_END)
SPECIAL = CONTROL + USER_DEFINED

Pair = tuple[str, str]


@cache
def byte_alphabet() -> tuple[str, ...]:
    """Give the printable character that stands for each byte (the GPT-2 table)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return tuple(chr(byte) if byte in plain else chr(next(spare)) for byte in range(256))


def _class_of(major: str) -> str:
    """Write a regular-expression class body with all characters of one major Unicode category."""
    spans: list[list[int]] = []
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code))[0] != major:
            continue
        if spans and spans[-1][1] == code - 1:
            spans[-1][1] = code
        else:
            spans.append([code, code])
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in spans)


@cache
def splitter() -> re.Pattern[str]:
    """Compile the llama-bpe pre-tokenizer: words with their blank, digits, punctuation, line ends."""
    letter, number = _class_of("L"), _class_of("N")
    return re.compile(
        r"'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])"
        rf"|[^\r\n{letter}{number}]?[{letter}]+|[{number}]{{1,3}}| ?[^\s{letter}{number}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    )


def _spell(word: str) -> list[str]:
    alphabet = byte_alphabet()
    return [alphabet[byte] for byte in word.encode("utf-8", "replace")]


def _join(symbols: Sequence[str], pair: Pair) -> list[str]:
    merged: list[str] = []
    at = 0
    while at < len(symbols):
        if at + 1 < len(symbols) and (symbols[at], symbols[at + 1]) == pair:
            merged.append(pair[0] + pair[1])
            at += 2
        else:
            merged.append(symbols[at])
            at += 1
    return merged


_WHOLE = re.compile(r" ?[A-Za-z]+|'[a-z]+|\n+| ?[^\sA-Za-z0-9\u0080-\U0010ffff]+")
"""What may be a token as a whole: an English word, line ends, ASCII punctuation."""
_HANZI = re.compile(r"[^\x00-\x7f]+")


def learn_merges(texts: Iterable[str], count: int) -> list[Pair]:
    """Learn up to `count` merges of non-ASCII bytes into characters, most frequent pair first, ties by spelling."""
    frequency = Counter(run for text in texts for run in _HANZI.findall(text))
    words = [(_spell(run), times) for run, times in sorted(frequency.items())]
    pairs: Counter[Pair] = Counter()
    where: defaultdict[Pair, set[int]] = defaultdict(set)
    for index, (symbols, times) in enumerate(words):
        for pair in pairwise(symbols):
            pairs[pair] += times
            where[pair].add(index)
    merges: list[Pair] = []
    while len(merges) < count and pairs:
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] < 2:
            break
        if not _may_join(best):
            del pairs[best]
            where.pop(best)
            continue
        merges.append(best)
        for index in sorted(where.pop(best)):
            symbols, times = words[index]
            for pair in pairwise(symbols):
                if pair in pairs:
                    pairs[pair] -= times
            symbols = _join(symbols, best)
            words[index] = (symbols, times)
            for pair in pairwise(symbols):
                if _may_join(pair):
                    pairs[pair] += times
                    where[pair].add(index)
        del pairs[best]
    return merges


@cache
def _width(symbol: str) -> int:
    """Say how many characters a symbol holds: 0 for a part of one, -1 for a mixture of parts."""
    byte_of = {letter: byte for byte, letter in enumerate(byte_alphabet())}
    raw = bytes(byte_of[letter] for letter in symbol)
    try:
        return len(raw.decode())
    except UnicodeDecodeError as error:
        return 0 if error.start == 0 and len(raw) < 4 and raw[0] >= 0xC0 else -1


def _may_join(pair: Pair) -> bool:
    """Let bytes grow into one character, from its first byte on."""
    left, right = pair
    return _width(left) == 0 and _width(left + right) in (0, 1)


def learn_words(texts: Iterable[str], count: int, spelled: Set[str], invented: Set[str] = frozenset()) -> list[str]:
    """Choose the most frequent words as tokens, ties by spelling.

    Those in `spelled` stay in letters unless a capital begins them, and those in `invented` always, so that
    no made-up name is cut in another way than the next one.
    """
    frequency = Counter(
        word for text in texts for word in splitter().findall(text) if len(word) > 1 and _WHOLE.fullmatch(word)
    )
    ranked = sorted(frequency, key=lambda word: (-frequency[word], word))
    fitting = (
        word
        for word in ranked
        if not (word.strip().lower() in spelled and word.strip() != word.strip().capitalize())
        and word.strip() not in invented
        and frequency[word] > 1
    )
    return [*islice(fitting, count)]


class Tokenizer:
    """Turns text into token ids: special tokens, then 256 bytes, then merges, then whole words."""

    def __init__(self, merges: Sequence[Pair], words: Sequence[str] = ()) -> None:
        self.merges, self.words = list(merges), list(words)
        self.tokens = [*SPECIAL, *byte_alphabet(), *(left + right for left, right in merges)]
        self.tokens += ["".join(_spell(word)) for word in words]
        self.ids: Mapping[str, int] = {token: index for index, token in enumerate(self.tokens)}
        self._rank = {pair: rank for rank, pair in enumerate(merges)}
        self._cache: dict[str, list[int]] = {}
        self._special = re.compile("(" + "|".join(map(re.escape, SPECIAL)) + ")")

    def _encode_word(self, word: str) -> list[int]:
        known = self._cache.get(word)
        if known is not None:
            return known
        symbols = _spell(word)
        whole = "".join(symbols)
        if whole in self.ids:
            symbols = [whole]
        while len(symbols) > 1:
            ranked = [(self._rank.get(pair, sys.maxsize), pair) for pair in pairwise(symbols)]
            rank, pair = min(ranked)
            if rank == sys.maxsize:
                break
            symbols = _join(symbols, pair)
        ids = [self.ids[symbol] for symbol in symbols]
        if len(self._cache) < 100_000:
            self._cache[word] = ids
        return ids

    def encode(self, text: str) -> list[int]:
        """Encode text in which the special tokens may be spelled out."""
        ids: list[int] = []
        for part in self._special.split(text):
            if part in SPECIAL:
                ids.append(self.ids[part])
            else:
                for word in splitter().findall(part):
                    ids.extend(self._encode_word(word))
        return ids

    def size(self, index: int) -> int:
        """Give the number of UTF-8 bytes of a token."""
        token = self.tokens[index]
        return len(token.encode()) if token in SPECIAL else len(token)

    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids back into text; broken UTF-8 becomes the replacement character."""
        alphabet = {letter: byte for byte, letter in enumerate(byte_alphabet())}
        out = bytearray()
        for index in ids:
            token = self.tokens[index]
            out += token.encode() if token in SPECIAL else bytes(alphabet[letter] for letter in token)
        return out.decode("utf-8", "replace")

    def save(self, path: Path) -> None:
        """Write merges and words as JSON."""
        path.write_text(
            json.dumps({"merges": self.merges, "words": self.words}, ensure_ascii=False, indent=0) + "\n", "utf-8"
        )

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """Read a file that `save` wrote."""
        parts = json.loads(path.read_text("utf-8"))
        return cls([(left, right) for left, right in parts["merges"]], parts["words"])
