"""Writes the card beside a GGUF: what it is, how it was trained, and what was measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.curriculum import SHARES
from training.sample import HELD_OUT_SHARE
from training.score import BASE_SUFFIX, Result, wilson

LIMITS = (
    ("Knows nothing about the world; meant for the lab, not an assistant.", "对世界一无所知；用于实验室，不是助手。"),
    ("English and Chinese only, in a small vocabulary of its own.", "只懂英文和中文，词汇很小。"),
    ("Trained context is 1024 tokens.", "训练时的上下文为 1024 个词元。"),
    (
        "Numbers beyond 999, word problems beyond 99 and wordings far from its lessons fail.",
        "大于 999 的数、超过 99 的应用题和离课程太远的说法都会失败。",
    ),
    (
        "Problems of several steps need written steps or native thinking; direct answers are mostly wrong.",
        "多步问题需要写出步骤或先思考；直接回答大多是错的。",
    ),
    (
        "A skill that scores far below 90 % is not learned well enough to rely on.",
        "得分远低于 90 % 的能力不可依靠。",
    ),
)
"""What no pocket model can do, in English and Chinese."""

BASE_LIMITS = (
    (
        "It goes on with a text, and follows no instruction: it was never shown a conversation.",
        "它只会续写文字，不听指令：从未见过对话。",
    ),
    *LIMITS[:3],
)
"""What a base model cannot do."""

WORDS_ZH = {
    "small talk": "闲聊", "glossary": "术语", "out of world": "世界之外的问题", "name kept over turns": "记住名字",
    "examples": "从例子学规则", "0-shot": "0 个例子", "1-shot": "1 个例子", "2-shot": "2 个例子", "4-shot": "4 个例子",
    "instructions": "指令", "held-out verb pairs": "没见过的动词组合", "word problems": "应用题", "2 steps": "2 步",
    "4 steps": "4 步", "6 steps": "6 步", "5-6 steps": "5-6 步", "direct": "直接回答", "prompted": "提示写步骤",
    "native": "原生思考", "last-letters": "末字母连接", "two-hop": "两跳关系", "cage": "鸡兔同笼",
    "1 sample at 0.8": "温度 0.8 抽 1 次", "9 samples at 0.8": "温度 0.8 抽 9 次投票", "document": "文档",
    "list": "列表", "6 rows": "6 行", "absent name refused": "缺少的名字被拒答",
    "3 facts": "3 条事实", "notes": "笔记", "5 facts": "5 条事实",
    "grounded": "要求只按文档", "plain": "无此要求", "500-900 tokens": "500-900 词元", "value first": "值在前",
    "1300-1900 tokens": "1300-1900 词元", "fact and passage number": "事实和段落编号",
    "absent fact refused": "缺少的事实被拒答", "as trained": "照训练时", "YaRN x2": "YaRN 2 倍", "lexicon": "单词翻译",
    "to Chinese": "译成中文", "to English": "译成英文", "en": "英文", "zh": "中文",
}  # fmt: skip
"""The parts of task names in Chinese."""


def in_chinese(task: str) -> str:
    """Translate the name of a task part by part."""
    return "，".join(WORDS_ZH[part] for part in task.split(", "))


def _row(result: Result) -> dict[str, Any]:
    low, high = wilson(result.right, result.items)
    return {
        "task": result.name,
        "task_zh": in_chinese(result.name),
        "right": result.right,
        "items": result.items,
        "share": round(result.share, 4),
        "wilson_95": [round(low, 4), round(high, 4)],
        "unfinished": result.unfinished,
    }


def _data() -> dict[str, Any]:
    return {
        "source": "generators in training/curriculum, no scraped text",
        "shares_of_samples": dict(SHARES),
        "held_out": f"one instance in {HELD_OUT_SHARE} by hash, never trained",
    }


def write_card(
    output: Path, model: str, facts: Path, results: Sequence[Result], seed: int, *, kept: bool = False
) -> None:
    """Write `<model>.json` beside the GGUF; without the facts of a training, what the old card says of it stays.

    With `kept`, rows of the old card that were not measured now stay as well.
    """
    gguf, path = output / f"{model}.gguf", output / f"{model}.json"
    old = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if facts.exists():
        training, data = json.loads(facts.read_text("utf-8")), _data()
    else:
        training, data = old["training"], old["data"]
    rows = {row["task"]: row for row in (old["scores"]["rows"] if kept else ())}
    rows |= {result.name: _row(result) for result in results}
    limits = BASE_LIMITS if model.endswith(BASE_SUFFIX) else LIMITS
    card: dict[str, Any] = {
        "name": model,
        "file": gguf.name,
        "bytes": gguf.stat().st_size,
        "sha256": hashlib.sha256(gguf.read_bytes()).hexdigest(),
        "license": "MIT",
        "data": data,
        "training": training,
        "scores": {
            "seed": seed,
            "decoding": "greedy unless the task says otherwise",
            "rows": list(rows.values()),
        },
        "limits": [english for english, _ in limits],
        "limits_zh": [chinese for _, chinese in limits],
    }
    path.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", "utf-8")
