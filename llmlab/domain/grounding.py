"""What an answer quotes, looked up in the documents: word for word, nearly so with the difference, or not there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Final, Literal

from llmlab.domain.approximate import find_near
from llmlab.domain.diff import words
from llmlab.domain.plain import Plain, one_form
from llmlab.domain.quotes import Quoted, parts_of
from llmlab.domain.refusing import refuses, refusing_sentence

FARTHEST: Final = 4000
"""Characters from the first part of a quote to its last, where it leaves something out."""
_LONGEST_WORD: Final = 40
"""Letters of a word that is completed."""
_FEW: Final = 3
"""Words at an end of a quote that are looked for in other words."""
_SENTENCE_MARKS: Final = frozenset(".!?;:。！？；：")
_OUTER: Final = " '.,;:!?-"
_EDGES: Final = _OUTER + '\n\t\u3000"“”‘’「」『』«»。，；：！？、'
_LETTERS: Final = re.compile(r"[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
"""Letters and digits of scripts that have blanks between words."""

Verdict = Literal["exact", "near", "absent"]
"""It stands there, but for blanks, kinds of quotation marks and widths of characters; nearly so; it does not."""
ChangeKind = Literal["same", "added", "missing"]
"""In both; in the quote alone; in the document alone."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document says something."""

    document: int
    """Which of the documents, from 0."""
    start: int
    """Offset into its text, in characters."""
    end: int


_Part = tuple[Place, bool, str]
"""Where a part of a quote stands, whether word for word, and the part."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """What a `[number]` in an answer stands for."""

    number: int
    place: Place


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch in which a quote and the document agree or differ."""

    kind: ChangeKind
    text: str


@dataclass(frozen=True, slots=True)
class Quote:
    """Something that an answer puts between quotation marks."""

    start: int
    """Offset into the answer, after the opening mark."""
    end: int
    """Offset of the closing mark."""
    verdict: Verdict
    place: Place | None = None
    """Where it was found; `None` when it is absent."""
    changes: tuple[Change, ...] = ()
    """When it is near: document and quote side by side, in order."""
    numbers: tuple[int, ...] = ()
    """The passages that the answer says it is from."""
    misplaced: bool = False
    """It was found, and in none of the passages that the answer says it is from."""
    asked: bool = False
    """It is absent, and the question says it: the answer only repeats it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer that says something."""

    start: int
    """Offset into the answer."""
    end: int
    quotes: tuple[int, ...] = ()
    """Which of the quotes stand in it, from 0; none is a claim that nothing was shown for."""
    numbers: tuple[int, ...] = ()
    """The passages that it names."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """An answer held against the documents."""

    quotes: tuple[Quote, ...]
    """In the order of the answer."""
    claims: tuple[Claim, ...]
    """In the order of the answer."""
    refusal: bool = False
    """It says that the text does not hold the answer, quotes nothing and claims nothing else."""

    def count(self, verdict: Verdict) -> int:
        """How many quotes were judged so."""
        return sum(quote.verdict == verdict for quote in self.quotes)

    @property
    def unquoted(self) -> tuple[Claim, ...]:
        """The claims without a quote."""
        return tuple(claim for claim in self.claims if not claim.quotes)


class Source:
    """A document that quotes are looked up in; made once, a second for many million characters."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.plain = Plain(text)


def check(answer: str, sources: Sequence[Source], numbered: Sequence[Numbered] = (), question: str = "") -> Grounding:
    """Look up what `answer` quotes.

    Args:
        answer: what the model said, without its thinking.
        sources: the whole documents, not only what the prompt held of them.
        numbered: the passages that the prompt held, by the numbers in front of them.
        question: what it answers; what is quoted of that is no invention, and no proof either.
    """
    quotes, sentences = parts_of(answer)
    asked = Plain(question).text
    places = {item.number: item.place for item in numbered}
    kept: dict[int, int] = {}
    found: list[Quote] = []
    for index, quoted in enumerate(quotes):
        quote = _judged(quoted, sources, places)
        # A word that is only set apart is no quote, unless it is one; nor is a refusal said as it was asked for.
        if quote.verdict == "absent":
            if quoted.is_name or refusing_sentence(quoted.text):
                continue
            wanted = _core(Plain(quoted.text).text)
            quote = replace(quote, asked=bool(wanted) and _find(wanted, asked, 0, len(asked)) >= 0)
        kept[index] = len(found)
        found.append(quote)
    claims = tuple(
        Claim(item.start, item.end, tuple(kept[place] for place in item.quotes if place in kept), item.numbers)
        for item in sentences
        if any(place in kept for place in item.quotes) or not refusing_sentence(answer[item.start : item.end])
    )
    return Grounding(tuple(found), claims, refusal=not found and not claims and refuses(answer))


def _judged(quoted: Quoted, sources: Sequence[Source], numbered: Mapping[int, Place]) -> Quote:
    """The quote as a whole, part by part where it leaves something out, and with changes, whichever fits first."""
    cited = [numbered[number] for number in quoted.numbers if number in numbered]
    parts = quoted.parts
    place = _exact(quoted.text, sources, cited)
    found = [] if place is None else [(place, True, quoted.text)]
    if not found and len(parts) > 1:
        found = _in_parts(parts, sources, cited)
    if not found and not quoted.is_name and (near := _near(quoted.text, sources, cited)):
        found = [(near, False, quoted.text)]
    if not found:
        return Quote(quoted.start, quoted.end, "absent", numbers=quoted.numbers)
    whole = Place(found[0][0].document, found[0][0].start, found[-1][0].end)
    exact = all(word_for_word for _, word_for_word, _ in found)
    misplaced = bool(quoted.numbers and numbered) and not any(_overlap(whole, other) for other in cited)
    changes = () if exact else _side_by_side(found, sources)
    return Quote(quoted.start, quoted.end, "exact" if exact else "near", whole, changes, quoted.numbers, misplaced)


def _side_by_side(found: Sequence[_Part], sources: Sequence[Source]) -> tuple[Change, ...]:
    """The differences of all parts, with dots between them."""
    changes: list[Change] = []
    for place, _, text in found:
        if changes:
            changes.append(Change("same", " … "))
        changes += differences(sources[place.document].text[place.start : place.end], text.strip(_EDGES))
    return tuple(changes)


def _exact(text: str, sources: Sequence[Source], cited: Sequence[Place], after: Place | None = None) -> Place | None:
    """Where `text` stands word for word: in a passage it is said to be from, else the first place of all."""
    wanted = _core(Plain(text).text)
    if not wanted:
        return None
    for place in cited:
        plain = sources[place.document].plain
        low = max(plain.plain_offset(place.start), plain.plain_offset(after.end) if after else 0)
        # A quote may go on in the passage after the one it begins in.
        if (at := _find(wanted, plain.text, low, plain.plain_offset(place.end) + len(wanted))) >= 0:
            return Place(place.document, *plain.source_span(at, at + len(wanted)))
    for document, source in enumerate(sources):
        if after is not None and document != after.document:
            continue
        low = source.plain.plain_offset(after.end) if after else 0
        if (at := _find(wanted, source.plain.text, low, len(source.plain.text))) >= 0:
            return Place(document, *source.plain.source_span(at, at + len(wanted)))
    return None


def _core(plain: str) -> str:
    """Without the marks at its ends, which belong to the sentence around it as often as to the quote."""
    return plain.strip(_OUTER)


def _find(wanted: str, text: str, start: int, end: int) -> int:
    """Where `wanted` stands in `text`, not as a part of longer words; its first letter may be of the other case."""
    for form in dict.fromkeys((wanted, wanted[0].swapcase() + wanted[1:])):
        at = text.find(form, start, end)
        while at >= 0:
            if not (_inside_word(text, at) or _inside_word(text, at + len(form))):
                return at
            at = text.find(form, at + 1, end)
    return -1


def _inside_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and bool(_LETTERS.match(text[at - 1]) and _LETTERS.match(text[at]))


def _in_parts(parts: Sequence[str], sources: Sequence[Source], cited: Sequence[Place]) -> list[_Part]:
    """Where each of `parts` stands, one soon after the other; empty when one does not."""
    found: list[_Part] = []
    for part in parts:
        after = found[-1][0] if found else None
        exact = _exact(part, sources, cited if after is None else (), after)
        place = exact or _near(part, sources, cited, after)
        if place is None or (found and place.end - found[0][0].start > FARTHEST):
            return []
        found.append((place, exact is not None, part))
    return found


def _near(text: str, sources: Sequence[Source], cited: Sequence[Place], after: Place | None = None) -> Place | None:
    """Where `text` stands with the fewest changes, whole words of it; a passage it is said to be from wins a tie."""
    wanted = _core(Plain(text).text)
    best: tuple[int, Place] | None = None
    for document, low, high in _regions(sources, cited, len(wanted), after):
        plain = sources[document].plain
        match = find_near(wanted, plain.text, low, high)
        if match is not None and match.end > match.start and (best is None or match.edits < best[0]):
            start, end = _facing(plain.text, *_whole_words(plain.text, match.start, match.end), wanted)
            best = match.edits, Place(document, *plain.source_span(start, end))
    return best[1] if best else None


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """The stretch with the rest of the words that it begins and ends in, unless they are endless."""
    first, last = start, end
    while _inside_word(text, first) and start - first < _LONGEST_WORD:
        first -= 1
    while _inside_word(text, last) and last - end < _LONGEST_WORD:
        last += 1
    return first, last


def _facing(text: str, start: int, end: int, wanted: str) -> tuple[int, int]:
    """The stretch with the few words beside it that stand where `wanted` begins or ends with others.

    Which is as near as leaving them out, and shows what the document says instead.
    """
    old, new = words(text[start:end]), words(wanted)
    steps = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    (first, _, low, _, lead), (last, high, _, trail, _) = steps[0], steps[-1]
    reach = _LONGEST_WORD * _FEW
    if last in ("insert", "replace"):
        end += _beside(words(text[end : end + reach]), _said(new[trail:]) - _said(old[high:]))
    if first in ("insert", "replace"):
        start -= _beside(words(text[max(0, start - reach) : start])[::-1], _said(new[:lead]) - _said(old[:low]))
    return start, end


def _said(written: Sequence[str]) -> int:
    return sum(not word.isspace() for word in written)


def _beside(there: Sequence[str], left: int) -> int:
    """Characters of the next so many words of a sentence; 0 where those are too many."""
    if left > _FEW:
        return 0
    taken = length = 0
    for word in there:
        if left < 1 or word in _SENTENCE_MARKS:
            break
        length += len(word)
        if not word.isspace():
            left, taken = left - 1, length
    return taken


def _regions(
    sources: Sequence[Source], cited: Sequence[Place], more: int, after: Place | None
) -> Iterator[tuple[int, int, int]]:
    """Where to look: document, start and end in its plain text."""
    if after is not None:
        plain = sources[after.document].plain
        yield after.document, plain.plain_offset(after.end), plain.plain_offset(after.end + FARTHEST)
        return
    for place in cited:
        plain = sources[place.document].plain
        yield place.document, plain.plain_offset(place.start), plain.plain_offset(place.end) + more
    for document, source in enumerate(sources):
        yield document, 0, len(source.plain.text)


def _overlap(one: Place, other: Place) -> bool:
    return one.document == other.document and one.start < other.end and other.start < one.end


def differences(text: str, quote: str) -> tuple[Change, ...]:
    """A text and a quote of it side by side, word by word; in Chinese character by character.

    What is the same is told as the quote puts it.
    """
    # Marks of emphasis are no difference.
    old, new = ([word for word in words(side) if word != "*"] for side in (text, quote))
    if old and new and old[0][0].swapcase() + old[0][1:] == new[0]:
        old[0] = new[0]
    changes: list[Change] = []
    for tag, low, high, start, end in SequenceMatcher(
        None, [*map(_bare, old)], [*map(_bare, new)], autojunk=False
    ).get_opcodes():
        if tag == "equal":
            changes.append(Change("same", "".join(new[start:end])))
            continue
        if high > low:
            changes.append(Change("missing", "".join(old[low:high])))
        if end > start:
            changes.append(Change("added", "".join(new[start:end])))
    return tuple(changes)


def _bare(word: str) -> str:
    """A word without its setting and emphasis."""
    return one_form(word).strip("_") or word
