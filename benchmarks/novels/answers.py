"""Answers about a novel with quotes that are true, altered or invented, and what each must be judged."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.novels import Language, Novel
from llmlab.domain.grounding import Source, Verdict, check

_AROUND: Final = 40
"""Characters by which a place may differ."""

_INVENTED: Final = {
    "zh": (
        "{0}从不相信命运，却在雪夜里替仇人挡了一箭", "天下没有不散的筵席，{0}合上书卷如是说",
        "{0}把钥匙吞进肚里，谁也别想再开那扇门", "听说海外有仙山，{0}偷偷造了一只木鸢",
        "{0}跪在碑前发誓，此生再不踏进赌坊半步", "原来{0}才是前朝太子的遗孤",
        "{0}烧掉了所有的诗稿，只留下半句残词", "鼓声三通之后，{0}第一个跃上城墙",
    ),
    "en": (
        "{0} burned every poem and kept but a single line", "No feast lasts for ever, observed {0}, closing the book",
        "It was {0} who had been the lost heir all along", "{0} swallowed the key so that no one could open that door",
        "Kneeling at the grave, {0} swore off gambling for good", "{0} built a wooden kite to reach the holy isle",
        "When the third drum sounded, {0} leapt upon the wall", "Never trust a man who whistles, {0} used to say",
    ),
}  # fmt: skip
_FRAMES: Final = {
    "zh": ("书中写道：“{0}”[{1}]。", "第【{1}】段说「{0}」。", "他提到\"{0}\"，可见一斑。", "『{0}』（第{1}段）",
           "> {0}\n\n见上文。"),
    "en": ("It says “{0}” [{1}].", "According to [{1}], \"{0}.\"", "The author writes, ‘{0},’ and goes on.",
           "> {0}\n\nSo it is.", "As passage [{1}] has it: «{0}»"),
}  # fmt: skip


def _altered(rng: random.Random, quote: str) -> str:
    """Something else in the middle: a word or characters changed, left out or put in."""
    units = quote.split(" ") if " " in quote else list(quote)
    place = rng.randrange(1, len(units) - 1)
    other = rng.choice(["never", "seventeen", "a blue"]) if " " in quote else rng.choice(["不", "蓝", "九十"])
    units[place : place + rng.choice((0, 1))] = [other] if rng.random() < 0.8 else []
    return (" " if " " in quote else "").join(units)


def _reset(rng: random.Random, quote: str) -> str:
    """The same in another setting."""
    changes: tuple[Callable[[str], str], ...] = (
        lambda text: text,
        lambda text: text.replace("，", ",").replace("“", "「").replace("”", "」"),
        lambda text: text.replace(" ", "\n", 1),
        lambda text: text.replace("“", "'").replace("”", "'").replace("—", "--"),
    )
    return rng.choice(changes)(quote)


@dataclass(frozen=True, slots=True)
class PlantedAnswer:
    """An answer with one quote."""

    text: str
    verdict: Verdict
    start: int
    """Where the sentence that it quotes stands in the novel."""
    end: int

    def judged_right(self, source: Source) -> bool:
        """Whether the quote is found and judged so, and a true one where it stands."""
        quotes = check(self.text, [source]).quotes
        if len(quotes) != 1 or quotes[0].verdict != self.verdict:
            return False
        place = quotes[0].place
        # What was altered may be nearer to another sentence of its kind.
        return (
            place is None
            or self.verdict == "near"
            or (self.start - _AROUND <= place.start and place.end <= self.end + _AROUND)
        )


def answers(book: Novel, language: Language, *, seed: int = 7) -> list[PlantedAnswer]:
    """An answer for each fact of `book`: in turn one that quotes it, alters it, invents."""
    rng = random.Random(seed)
    plain = Source(book.text).plain.text
    made: list[PlantedAnswer] = []
    for place, fact in enumerate(book.facts):
        verdict: Verdict = ("exact", "near", "absent")[place % 3]
        quote = fact.sentence.rstrip("。！？.!?")
        match verdict:
            case "exact":
                quote = _reset(rng, quote)
            case "near":
                quote = _altered(rng, quote)
                # Another sentence may happen to say just this.
                verdict = "exact" if Source(quote).plain.text in plain else "near"
            case _:
                quote = rng.choice(_INVENTED[language]).format(fact.answer)
        frame = rng.choice(_FRAMES[language])
        text = frame.format(quote.replace("\n", "\n> ") if frame.startswith(">") else quote, place)
        at = book.text.index(fact.sentence)
        made.append(PlantedAnswer(text, verdict, at, at + len(fact.sentence)))
    return made
