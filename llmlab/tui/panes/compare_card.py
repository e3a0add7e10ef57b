"""The card of one of the answers that are compared: when it can be shown, and the screen that shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from llmlab.domain.card import Card
from llmlab.domain.prompting import ChatMessage
from llmlab.services.compare import Arm, Comparing
from llmlab.services.file_hashes import FileHashes
from llmlab.tui.panes.compare_column import Veil
from llmlab.tui.screens.card import CardScreen
from llmlab.words import say

OpenCard = Callable[[Arm, Card, str], CardScreen]
"""The screen of an arm's card; the text is the question, as it was typed."""


def why_no_card(arm: Arm, veil: Veil, *, running: bool) -> str:
    """Why the card of an arm cannot be shown now; empty where it can."""
    if running:
        return say("Answers are being written; esc stops them.")
    if veil != "none":
        return say("A card would tell the recipe: say first which answer is better, alt+1…4.")
    return "" if arm.card is not None else say("There is no answer yet that could have a card.")


def card_screen(
    comparing: Comparing, hashes: FileHashes, history: Sequence[ChatMessage], arm: Arm, card: Card, question: str
) -> CardScreen:
    """What an arm's answer to `question` after `history` came from, to copy and to run again."""
    again = partial(comparing.run_again, arm, history, question)
    return CardScreen(card, again, partial(hashes.of, card.file, card.file_mark))
