"""Scorers of somebody's own: at the top of a module, as an entry point names them."""

from __future__ import annotations

import os
import sys
import threading

from llmlab.domain.experiment import Item
from llmlab.domain.outcomes import Answer


def greets(item: Item, answer: Answer, *, word: str = "Hello") -> bool:
    print("What a scorer prints is nobody's verdict.")
    return word in answer.text


def endless(item: Item, answer: Answer) -> bool:
    return threading.Event().wait()


def leaves(item: Item, answer: Answer) -> bool:
    sys.exit(3)


def falls(item: Item, answer: Answer) -> bool:
    os._exit(3)


def divides(item: Item, answer: Answer) -> float:
    return len(answer.text) / len(item.choices)
