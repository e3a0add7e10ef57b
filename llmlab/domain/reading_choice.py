"""Which way documents are read: by their size, by what is asked about them, and by what the model can hold."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Final, Literal

from llmlab.domain.budget import MOST_STRETCH
from llmlab.domain.model import ModelSpec, Rope
from llmlab.domain.reading import ReadingUse, Stretching, Way
from llmlab.words import say

Scope = Literal["place", "perhaps", "whole"]
"""A question is answered by some place of a text, perhaps only by all of it, or surely only by all of it."""

STEP: Final = 256
"""Windows are made in multiples of so many tokens."""
TALK: Final = 1024
"""Tokens that a window made for documents leaves for the rest, at most a quarter of the trained one: with each further
turn it would else be made anew."""

_WORK: Final = r"(?:text|document|book|novel|story|file|paper|report|article)"
_PLOT: Final = r"(?:the|its)\s+plot"
_ENDS: Final = (
    r"(?=\W*$|\s*[^\w\s'’-]|\s+(?:and|or|briefly|please|shortly|as\s+an?|using)\b"
    r"|\s+(?:in|with)\s+(?:\w+\s+){0,3}(?:words?|sentences?|lines?|paragraphs?|points?|detail|brief|short|chinese|english)\b)"
)
"""The clause ends here, or goes on to say how the answer is to be: what a relative clause names is one place."""
_WHOLE_ENGLISH: Final = (
    r"summar(?:y|ies|i[sz]\w*)|overview|outline|tl;?dr|gist|synopsis|abstract|recap",
    r"key\s+(?:points?|takeaways?|ideas?)|themes?\s+of|throughout|in\s+(?:total|all)",
    r"main\s+(?:points?|ideas?|themes?|arguments?|topics?|characters?|message|conclusions?)",
    r"what\s+(?:is|are|was)\s+(?:this|the|these|it)\s*(?:\w+\s+){0,3}about",
    rf"(?:whole|entire|full)\s+{_WORK}",
    rf"(?:what\s+happens\s+in|describe|tell\s+me(?:\s+about)?)\s+(?:this|the)\s+{_WORK}{_ENDS}",
    rf"(?:what(?:\s+is|\s+was|['’]s)|describe|explain|retell|tell\s+me(?:\s+about)?|give(?:\s+me)?)\s+{_PLOT}{_ENDS}",
    rf"{_PLOT}\s+of\s+(?:this|the)\s+{_WORK}{_ENDS}|how\s+(?:does|did)\s+{_PLOT}|storyline",
    r"how\s+often|how\s+many\s+(?:times|chapters|pages|parts|sections|characters|words|people\s+appear|names)",
    r"count\s+(?:the|all|how|every)|(?:list|name|find|give(?:\s+me)?|show(?:\s+me)?|extract)\s+(?:all|every|each)",
    r"all\s+(?:of\s+)?the|every\s+(?:chapter|mention|time|person|place|name)|each\s+chapter",
    r"most\s+(?:often|frequent(?:ly)?|common(?:ly)?)",
)
_WHOLE_CHINESE: Final = (
    "总结|概括|概述|概要|摘要|梗概|大意|综述|小结|归纳|提纲|大纲|中心思想|主旨|主题",
    "主要(?:内容|观点|思想|人物|情节|讲)|情节(?:是什么|是怎样|如何)|简述|简介|介绍一下(?:这|全|本)",
    # Who says something in a text is asked about one place of it.
    "(?:^|都|它|书|文|文章|小说|故事|文档|报告|论文|材料|资料|文件|作品)(?:里|中|上|主要|到底|究竟|都|大概)*"
    "(?:讲|说|写|谈)(?:述|的)?(?:是|了)?(?:些|一个)?(?:什么|啥)",
    "(?:全|整)(?:文|书|篇|本|部)|通篇|从头到尾|统计|数一数",
    "多少(?:次|回|章|页|遍|个人物|个字)|几(?:次|回|章|遍)|总共|一共|共有(?:多少|几)",
    "(?:列出|列举|找出|说出|给出)(?:所有|全部|每)|(?:所有|全部)的|每一?(?:章|回|次|处|个人)|最(?:常|多)",
)
_WHOLE: Final = re.compile(rf"\b(?:{'|'.join(_WHOLE_ENGLISH)})\b|{'|'.join(_WHOLE_CHINESE)}", re.IGNORECASE)
_PERHAPS: Final = re.compile(
    r"\bhow\s+many\b|\bhow\s+much\b|\ball\b|\bevery\b|\blist\b|\bcompare\b|多少|几|所有|全部|列出|比较", re.IGNORECASE
)


def scope_of(question: str) -> Scope:
    """How much of a text `question` is about, by the words that it asks with (English and Chinese)."""
    if _WHOLE.search(question):
        return "whole"
    return "perhaps" if _PERHAPS.search(question) else "place"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What decides, in tokens."""

    documents: int
    """Of all documents as the prompt would hold them; where not all was counted yet, of what was."""
    counted: bool = True
    """All of them were counted."""
    rest: int
    """Of everything else: what the prompt holds besides, and what is set aside for the answer."""
    window: int
    """That the model has by itself."""
    trained: int
    """The longest window that the model was trained for, or set up for by its table."""
    most: int
    """The longest window that memory suffices for."""
    stretchable: bool = True
    """Its table says nothing of positions."""

    @property
    def talk(self) -> int:
        """Tokens that a window made for the documents leaves for the rest; doubled where the rest outgrows it."""
        room = max(1, min(TALK, self.trained // 4))
        while room < self.rest:
            room *= 2
        return room


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A way of reading, and the window that it takes."""

    way: Way
    reason: str
    window: int = 0
    """Tokens of the window that must be made for it; 0 when the model's own will do."""
    factor: float = 1.0
    """Times the trained window."""
    warnings: tuple[str, ...] = ()


def choose(use: ReadingUse, scope: Scope, sizes: Sizes, *, noted: bool) -> Choice:
    """The way that `use` asks for, or for `auto` the one that serves best.

    What was asked for and does not fit is chosen all the same: such a prompt is not sent, and says what would help.

    Args:
        use: the documents and the wish.
        scope: what the question is about.
        sizes: what there is room for.
        noted: a digest of every document is there.
    """
    asked = say("as it was asked for")
    match use.way:
        case "auto":
            return _automatic(scope, sizes, noted=noted)
        case "whole":
            return _whole(sizes) or Choice(way="whole", reason=asked)
        case "stretched":
            return _whole(sizes) or _stretched(sizes, asked) or Choice(way="whole", reason=_too_long(sizes))
        case "passages":
            return _passages(scope, asked)
        case "digest":
            return Choice(way="digest", reason=asked)


def _automatic(scope: Scope, sizes: Sizes, *, noted: bool) -> Choice:
    """It fits; else, for a question about all of it, notes of all of it or all of it stretched; else passages."""
    if whole := _whole(sizes):
        return whole
    if scope == "whole":
        if noted:
            reason = say("the question is about all of it, which is too long for the window, and there is a digest")
            return Choice(way="digest", reason=reason)
        reason = say("the question is about all of it, which is too long for the trained window")
        if stretched := _stretched(sizes, reason):
            return stretched
    return _passages(scope, _too_long(sizes))


def _whole(sizes: Sizes) -> Choice | None:
    """All of it within the trained window; `None` when that, or memory, is too small."""
    needed = sizes.documents + sizes.rest
    if not sizes.counted:
        return None
    if needed <= sizes.window:
        return Choice(way="whole", reason=say("it fits the window"))
    longest = min(sizes.trained, sizes.most)
    if needed > longest:
        return None
    window = min(longest, _rounded(sizes.documents + sizes.talk))
    reason = say("it fits a window of {window:,} tokens, which the model was trained for", window=window)
    return Choice(way="whole", reason=reason, window=window)


def _stretched(sizes: Sizes, reason: str) -> Choice | None:
    """All of it beyond the trained window; `None` when that is too far, or memory too small."""
    if not sizes.counted or not sizes.stretchable or not sizes.trained:
        return None
    # Quarters: the factor, and with it the window, stays the same while a chat goes on.
    factor = math.ceil(4 * (sizes.documents + sizes.talk) / sizes.trained) / 4
    window = _rounded(int(sizes.trained * factor))
    if factor > MOST_STRETCH or window > sizes.most:
        return None
    warning = say(
        "The window is stretched to {factor:g} times the {trained:,} tokens that the model was trained for; it may "
        "overlook or mix up what it reads.",
        factor=factor,
        trained=sizes.trained,
    )
    return Choice(way="stretched", reason=reason, window=window, factor=factor, warnings=(warning,))


def _passages(scope: Scope, reason: str) -> Choice:
    match scope:
        case "place":
            return Choice(way="passages", reason=reason)
        case "perhaps":
            warning = say("Only passages are read: what is counted or compared over the whole text may lie outside.")
        case "whole":
            warning = say(
                "The question is about the whole text, and passages cannot answer it; a digest can: llmlab digest."
            )
    return Choice(way="passages", reason=reason, warnings=(warning,))


def _too_long(sizes: Sizes) -> str:
    if not sizes.counted:
        return say(
            "it has more than {tokens:,} tokens, and the window holds {window:,}",
            tokens=sizes.documents,
            window=sizes.window,
        )
    return say("it has {tokens:,} tokens, and the window holds {window:,}", tokens=sizes.documents, window=sizes.window)


def _rounded(tokens: int) -> int:
    return -(-tokens // STEP) * STEP


def enough(use: ReadingUse, scope: Scope, sizes: Sizes) -> int:
    """Tokens of documents from which on the choice is known, so that nobody needs to count further."""
    if use.way in ("passages", "digest"):
        return 0
    stretches = sizes.stretchable and (use.way == "stretched" or (use.way == "auto" and scope == "whole"))
    return max(sizes.window, int(sizes.trained * (MOST_STRETCH if stretches else 1.0)))


def model_for(spec: ModelSpec, choice: Choice, stretching: Stretching, trained: int) -> ModelSpec:
    """`spec` with the window that `choice` takes; `spec` itself where its own will do."""
    if not choice.window:
        return spec
    if choice.way != "stretched":
        return replace(spec, n_ctx=choice.window)
    rope = Rope(scaling=stretching, factor=choice.factor, original_context=trained if stretching == "yarn" else None)
    return replace(spec, n_ctx=choice.window, rope=rope)
