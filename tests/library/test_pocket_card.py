"""The cards of the shipped models, as the program reads them."""

from __future__ import annotations

import hashlib
import json

import pytest

from llmlab.library.pocket_card import read_pocket_card
from llmlab.pocket import pocket_names, pocket_path


@pytest.mark.parametrize("name", pocket_names())
def test_every_shipped_model_has_the_card_of_its_very_file(name: str) -> None:
    card = read_pocket_card(str(pocket_path(name)))
    assert card is not None
    assert card.name == name
    written = json.loads(pocket_path(name).with_suffix(".json").read_text("utf-8"))
    assert written["sha256"] == hashlib.sha256(pocket_path(name).read_bytes()).hexdigest()
    assert len(card.limits) == len(card.limits_zh) > 3
    assert all(score.items >= 200 for score in card.scores)
    assert all(score.low <= score.right / score.items <= score.high for score in card.scores)
    assert all(0 <= score.unfinished <= 9 * score.items for score in card.scores)


def test_other_files_have_no_card() -> None:
    assert read_pocket_card("/somewhere/pocket-m.gguf") is None


def test_all_shipped_models_together_stay_small() -> None:
    assert sum(pocket_path(name).stat().st_size for name in pocket_names()) <= 16 << 20
