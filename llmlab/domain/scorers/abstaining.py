"""Whether an answer admits that it does not know, in English and Chinese."""

from __future__ import annotations

import re
from typing import Final

_ENGLISH: Final = re.compile(
    r"\bi (?:really |just |honestly )?(?:do not|don['’]?t|did not|didn['’]?t) know\b"
    r"|\bi(?:['’]m| am) [^.!?\n]{1,40}? and (?:do not|don['’]?t) know\b"
    r"|\b(?:do|does) not know the answer\b"
    r"|\bi(?:['’]m| am) (?:not sure|unable to (?:answer|say|tell|find|determine))\b"
    r"|\bi (?:can ?not|can['’]?t|could not|couldn['’]?t) (?:answer|say|tell|find|determine|know)\b"
    r"|\bnot found\b|\bno answer\b|\bunanswerable\b|\bcan ?not be (?:answered|determined|known)\b"
    r"|\b(?:text|document|passage|context)s? (?:do(?:es)? not|don['’]t|doesn['’]t) (?:say|mention|contain|state|tell)\b"
    r"|\b(?:is|are) not (?:mentioned|stated|given|specified|in the (?:text|document|passage|context))\b"
    r"|\bnot enough information\b",
    re.IGNORECASE,
)
_CHINESE: Final = re.compile(
    r"不知道|不清楚|不确定|无法(?:回答|确定|得知|知道|判断|找到)|不能(?:回答|确定)|没有(?:提到|提及|说明|答案|相关信息|足够的?信息)"
    r"|未(?:提到|提及|说明|找到)|找不到(?:答案)?|答不(?:上来|出)|没找到"
)
_LONGEST: Final = 400
"""Characters in which an admission has to come: in a long answer it is about something else."""


def abstains(text: str) -> bool:
    """The answer admits that it does not know, near its beginning or in its last line."""
    last = text.rstrip().rpartition("\n")[2]
    return any(pattern.search(part) for pattern in (_ENGLISH, _CHINESE) for part in (text[:_LONGEST], last))
