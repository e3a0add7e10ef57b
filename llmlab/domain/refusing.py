"""Whether an answer says nothing but that the text does not hold the answer, in English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from llmlab.domain.sentences import sentence_ends

_TEXT: Final = (
    r"(?:texts?|passages?|documents?|excerpts?|sources?|articles?|stor(?:y|ies)|books?|novels?|chapters?|reports?"
    r"|materials?|contexts?|files?|pages?|information)"
)
_SAID: Final = (
    r"(?:say|state|mention|tell|contain|give|hold|provide|include|specify|answer|describe|explain|indicate|reveal"
    r"|name|address|cover|discuss|list)"
)
_KNOWN: Final = r"(?:answered|determined|found|known|inferred|told|stated|mentioned|specified|located|established)"
_ENGLISH: Final = re.compile(
    r"\bi (?:really |just |honestly |still )?(?:do not|don['’]?t|did not|didn['’]?t|cannot|can['’]?t) know\b"
    r"|\bi(?:['’]m| am) (?:not (?:sure|able|aware)|unable)\b"
    r"|\bi (?:can ?not|can['’]?t|could not|couldn['’]?t) (?:answer|say|tell|find|determine|locate|confirm)\b"
    rf"|\b{_TEXT}\b[^.,;]{{0,40}}\b(?:do(?:es)? not|do(?:es)?n['’]t|did not|didn['’]t|never)\s+(?:\w+\s+)?{_SAID}s?\b"
    rf"|\b{_TEXT}\b[^.,;]{{0,40}}\b(?:makes?|gives?|has|have|holds?|contains?|provides?|offers?|says?)\s+(?:no|nothing)\b"
    r"|^it (?:does not|doesn['’]t) (?:\w+ )?(?:say|mention|state|specify)\b"
    r"|\bthere (?:is|are) (?:no|not any|nothing|insufficient|not enough)\b"
    rf"[^.;]{{0,60}}\b(?:mention|information|answers?|reference|indication|details?|{_TEXT})\b"
    r"|\b(?:no|none of the|nothing in the|neither)\s+(?:\w+\s+)?(?:texts?|passages?|documents?|excerpts?|sources?)\b"
    rf"[^.,;]{{0,20}}\b(?:{_SAID}|suggest|hint)s?\b"
    rf"|\b(?:is|are|was|were)(?: not|n['’]t) (?:\w+ )?(?:{_KNOWN}|described|provided|given|contained|included|there)\b"
    rf"[^.;]{{0,30}}\b(?:in|by|within|from)\b[^.;]{{0,20}}\b{_TEXT}\b"
    r"|\b(?:is|are|was|were)(?: not|n['’]t) (?:\w+ )?(?:mentioned|stated|specified)\b"
    rf"|\b(?:is|are)(?: not|n['’]t) (?:in|part of) the (?:\w+ )?{_TEXT}\b"
    rf"|\b(?:can ?not|can['’]?t|could not|couldn['’]?t) be (?:{_KNOWN})\b"
    r"|^\W*(?:not (?:found|stated|mentioned|given|specified|known|available|in the \w+)"
    r"|no (?:answer|information|mention)(?= (?:is|was|can|in|about|of|found)\b|\W*$)|unknown)\b[^,;]{0,60}$"
    r"|\b(?:not enough|insufficient|no) (?:information|details)\b|\bunanswerable\b",
    re.IGNORECASE,
)
_NO: Final = r"(?:并没有|并没|并未|没有|没能|不曾|未曾|未能|没|未|无)"
_WHERE: Final = (
    "(?:文中|文本|原文|正文|全文|文章|文档|资料|材料|段落|书中|书里|小说|上文|内容|故事|其中|里面|信息|文件)"
)
_MEANT: Final = (
    "(?:提到|提及|提供|说明|说到|说起|说|讲|写|给出|记载|包含|涉及|交代|描述|介绍|指出|回答|答案|相关|有关|信息|找到|找着"
    "|显示|透露|谈)"
)
_CHINESE: Final = re.compile(
    r"(?:^|[：:])\W*(?:(?:很?抱歉|对不起|不好意思)[，,！!。]?)?(?:不(?:知道|太?清楚|确定)|答不(?:上来|出))"
    r"|我(?:也|并|还|实在|真的|确实)?(?:不(?:知道|清楚|确定)|答不(?:上来|出))"
    r"|(?:^|我|因此|所以|故|而|[从据][^，,。；]{1,16}[，,]?)(?:也|还|都|仍|并|我)?(?:无法|不能|无从)"
    r"(?:回答|确定|得知|知道|判断|推断|作答|得出|给出|找到|确认|获知|看出)"
    rf"|{_WHERE}[^，,。；]{{0,12}}(?:{_NO}(?:有)?[^，,。；]{{0,8}}{_MEANT}|无法|看不出|找不到|不包含|不涉及)"
    rf"|(?:{_NO}|无法|不能|找不到)[^，,。；]{{0,14}}(?:在|从)?{_WHERE}(?:中|里)?[^，,。；]{{0,8}}(?:找到|得知|看到|看出|提到|答案|$)"
    r"|^\W*(?:没有|未|没|并未|找不到)(?:提到|提及|说明|找到|写明|记载|答案|相关|有关|足够的?信息)[^，,；]{0,20}$"
    r"|没有(?:答案|(?:足够|充分)的?(?:信息|依据)|(?:相关|有关)的?(?:信息|内容|描述|记载|说明))|找不到(?:答案|相关|有关)"
)
_TURN: Final = re.compile(
    r"\b(?:but|however|yet|although|though|still|nevertheless|only that|except)\b|但|不过|然而|可是|只是|却",
    re.IGNORECASE,
)


def refusing_sentence(sentence: str) -> bool:
    """The sentence says that the answer is not known or not in the text, and turns to nothing else after that."""
    for pattern in (_ENGLISH, _CHINESE):
        found = pattern.search(sentence)
        if found is not None:
            return _TURN.search(sentence, found.end()) is None
    return False


def refuses(answer: str) -> bool:
    """One of its sentences says so."""
    return any(map(refusing_sentence, _sentences(answer)))


def _sentences(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        start = 0
        for end in (*sentence_ends(line, 0, len(line)), len(line)):
            if sentence := line[start:end].strip().strip("“”\"'‘’「」*_ "):
                yield sentence
            start = end
