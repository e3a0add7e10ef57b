"""Noting: what a text says, without what it says nothing of, as notes or as a summary."""

from __future__ import annotations

from random import Random

from training.curriculum.facts import FILLER_EN, FILLER_ZH, Fact, draw_facts, layout
from training.sample import Sample, Turn

NOTES_EN = (
    "This is part {k} of {n} of the document. Write short notes of what it says, in its order: who, what, when, "
    "where, numbers, results. Take them only from this part, and add no introduction.",
    "These are notes on parts 1 to {n} of {n} of a document, in order. Merge them into one set of short notes that "
    "keeps the order and what matters most. Add nothing that they do not say, and no introduction.",
    "Write notes.", "Take notes of this.", "Note down the facts.", "List the facts of the text.", "What does it say?",
)  # fmt: skip
NOTES_ZH = (
    "这是文档的第{k}部分，共{n}部分。请按原文顺序写出简短的笔记：人物、事件、时间、地点、数字、结果。"
    "只写这一部分说到的内容，不要写开场白。",
    "这是文档第1至第{n}部分（共{n}部分）的笔记，按顺序排列。请把它们合并成一份简短的笔记，保持顺序，保留最重要的内容。"
    "不要添加笔记里没有的内容，不要写开场白。",
    "请做笔记。", "把要点记下来。", "列出文中的事实。", "这篇文章说了什么？",
)  # fmt: skip
SUMMARY_EN = (
    "Write a summary of the document: first what it is about, then its course. Add nothing that it does not say.",
    "These are notes on the whole document, in order. Write a summary of the document from them: first what it is "
    "about, then its course. Add nothing that they do not say.",
    "Summarise the text.", "Summarize this.", "Give me a summary of the document.",
)  # fmt: skip
SUMMARY_ZH = (
    "请写出这篇文档的摘要：先说它讲的是什么，再说经过。不要添加文档里没有的内容。",
    "这是整篇文档的笔记，按顺序排列。请据此写出全文摘要：先说它讲的是什么，再说经过。不要添加笔记里没有的内容。",
    "请总结一下。", "概括这篇文章。", "写一份摘要。",
)  # fmt: skip
"""What llmlab asks for when it makes a digest of a document, and shorter wordings of the same."""


def noting(rng: Random, *, sizes: tuple[int, int] = (0, 0)) -> Sample:
    """Draw a document, or notes of one, and ask for what it says: as notes, or as a summary.

    A summary says first what the text is about. The instance is one of the facts, as in `reading`; `sizes` are the
    numbers of facts and of filler sentences.
    """
    chinese = rng.random() < 0.45
    facts = draw_facts(rng, sizes[0] or rng.randint(1, 8), chinese=chinese)
    key = facts[0].key()
    rng.shuffle(facts)
    passages = _in_order(rng, facts, sizes[1] or rng.choice((0, 0, *range(1, 24))), chinese=chinese)
    summary = rng.random() < 0.4
    asks = (SUMMARY_ZH if chinese else SUMMARY_EN) if summary else (NOTES_ZH if chinese else NOTES_EN)
    parts = rng.randint(1, 6)
    asked = rng.choice(asks).format(k=rng.randint(1, parts), n=parts)
    document = layout(rng, passages, rng.random() < 0.2, chinese=chinese)
    told = [made.answer() + ("。" if chinese else ".") for made in facts]
    if summary:
        told = [_about(list(dict.fromkeys(made.entity for made in facts)), chinese=chinese), *told]
    text = f"{document}\n\n{asked}" if rng.random() < 0.8 else f"{asked}\n\n{document}"
    answer = ("" if chinese else " ").join(told)
    return Sample(key, (Turn("user", text), Turn("assistant", answer)), answer)


def _in_order(rng: Random, facts: list[Fact], fillers: int, *, chinese: bool) -> list[str]:
    """Spread facts, in their order, and filler sentences over passages."""
    pool = FILLER_ZH if chinese else FILLER_EN
    sentences = [made.told(rng) if fillers else made.answer() + ("。" if chinese else ".") for made in facts]
    for _ in range(fillers):
        sentences.insert(rng.randint(0, len(sentences)), rng.choice(pool))
    size = rng.randint(2, 5)
    return [("" if chinese else " ").join(sentences[at : at + size]) for at in range(0, len(sentences), size)]


def _about(places: list[str], *, chinese: bool) -> str:
    """Say which places a document is about."""
    if chinese:
        return f"文档讲的是{'、'.join(places)}。"
    listed = places[0] if len(places) == 1 else f"{', '.join(places[:-1])} and {places[-1]}"
    return f"The document is about {listed}."
