"""A file of a million rows: told at once what to do, or drawn from without being kept."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from llmlab.library.data_files import MOST_ITEMS, DataFile, read_data

ROWS = 1_000_000


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A million rows in a file of 30 MB."""
    path = tmp_path_factory.mktemp("data") / "million.jsonl"
    with path.open("w", encoding="ascii") as file:
        for start in range(0, ROWS, 10_000):
            file.write("".join(f'{{"id": {row}, "question": "?"}}\n' for row in range(start, start + 10_000)))
    return path


def test_without_a_limit_it_says_what_is_missing_at_the_row_that_is_too_much(million: Path) -> None:
    read = read_data(DataFile(path=million))
    (problem,) = read.problems
    assert str(problem).startswith(f"{million}:{MOST_ITEMS + 1}")
    assert "holds more than 100,000 rows: say how many are wanted with limit" in str(problem)
    assert (read.items, read.rows) == ((), MOST_ITEMS + 1), "no row after it is looked at"


def test_the_first_rows_are_all_that_is_read_of_it(million: Path) -> None:
    read = read_data(DataFile(path=million, limit=20))
    assert (read.problems, read.rows) == ((), 20)
    assert [item.id for item in read.items] == [str(row) for row in range(20)]
    assert read.digest == hashlib.sha256(million.read_bytes()).hexdigest()


@pytest.mark.slow
def test_rows_are_drawn_from_all_of_it(million: Path) -> None:
    read = read_data(DataFile(path=million, limit=400, sample="random", seed=1))
    assert (read.problems, read.rows, len(read.items)) == ((), ROWS, 400)
    rows = [int(item.id) for item in read.items]
    assert rows == sorted(set(rows))
    for quarter in range(4):
        # 100 of 400 are expected in each quarter; five standard deviations are 43.
        assert abs(sum(row * 4 // ROWS == quarter for row in rows) - 100) < 43
