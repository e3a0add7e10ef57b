"""Votes of before: counted between the very same recipes, whatever else the file holds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from llmlab.errors import StoreError
from llmlab.library.records import append_record, read_records
from llmlab.services.votes import mark_of, past_votes
from tests.services.fixtures import recipe

FIRST = recipe()
SECOND = replace(FIRST, system="Be brief.")
THIRD = replace(FIRST, thinking=True)


def vote(better: int, *recipes: object) -> dict[str, object]:
    return {"better": better, "arms": [{"recipe": mark} for mark in recipes]}


def test_votes_count_for_their_recipe_in_whichever_column_it_stood(tmp_path: Path) -> None:
    place = tmp_path / "votes.jsonl"
    first, second, third = (mark_of(one) for one in (FIRST, SECOND, THIRD))
    for record in (
        vote(0, first, second),
        vote(0, second, first),
        vote(1, first, second),
        vote(0, first, third),
        vote(0, first, second, third),
        vote(2, first, second),
        vote(0, None, ["a list"]),
        {"better": 0, "arms": ["no arm", 7]},
        {"better": "0", "arms": None},
    ):
        append_record(place, record)
    assert past_votes(place, [FIRST, SECOND]) == (1, 2)
    assert past_votes(place, [SECOND, FIRST]) == (2, 1)
    assert past_votes(place, [FIRST, THIRD, SECOND]) == (1, 0, 0)
    assert past_votes(place, [SECOND, THIRD]) == (0, 0)


def test_lines_that_are_no_objects_are_passed_over(tmp_path: Path) -> None:
    place = tmp_path / "votes.jsonl"
    place.write_bytes(b'{"a": 1}\nhalf a li\n\xff\n[1]\n\n' + json.dumps({"b": 2}).encode())
    assert list(read_records(place)) == [{"a": 1}, {"b": 2}]
    assert list(read_records(tmp_path / "none")) == []
    with pytest.raises(StoreError, match="cannot be read"):
        list(read_records(tmp_path))
