"""Files of data become items, or say line by line why not."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from llmlab.domain.constraints import Constraint
from llmlab.library.data_files import MOST_TOLD, DataFile, read_data


def written(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_bytes(content.encode())
    return path


def test_jsonl_rows_become_items_and_the_file_is_hashed(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "question": "1 + 1?", "gold": 2, "topic": "sums", "n": [1]},
        {"id": 7, "question": "Which?", "gold": ["x", "y"], "choices": ["x", "y", "z"], "answerable": False},
        {"question": "Write.", "constraints": ["most_words 20", {"kind": "json"}], "document": "Text.", "cluster": "c"},
    ]
    content = "\n".join(json.dumps(row) for row in rows) + "\n\n"
    path = written(tmp_path, "d.jsonl", "\ufeff" + content)
    read = read_data(DataFile(path=path))
    assert read.problems == ()
    assert read.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    first, second, third = read.items
    assert (first.id, first.gold, dict(first.fields)) == ("a", ("2",), {"topic": "sums", "n": "[1]"})
    assert (second.id, second.gold, second.choices, second.answerable) == ("7", ("x", "y"), ("x", "y", "z"), False)
    assert third.constraints == (Constraint("most_words", "20"), Constraint("json"))
    assert (third.document, third.cluster, len(third.id)) == ("Text.", "c", 12)


def test_csv_rows_become_items_under_the_names_that_the_file_gives_its_columns(tmp_path: Path) -> None:
    content = 'no,ask,right\n1,"Who,\nthen?",Ann|Anna\n\n2,"What?",it\n'
    read = read_data(
        DataFile(path=written(tmp_path, "d.csv", content), columns={"question": "ask", "gold": "right", "id": "no"})
    )
    assert read.problems == ()
    assert [(item.id, item.question, item.gold) for item in read.items] == [
        ("1", "Who,\nthen?", ("Ann", "Anna")),
        ("2", "What?", ("it",)),
    ]


def test_every_bad_row_is_named_with_its_line_and_key(tmp_path: Path) -> None:
    rows = [
        '{"id": "a", "question": "?"}',
        '{"id": "a", "question": "!"}',
        "[1]",
        '{"id": "b", "qestion": "?"}',
        '{"id": "c", "question": " "}',
        '{"id": "d", "question": "?", "answerable": "perhaps"}',
        '{"id": "e", "question": "?", "constraints": ["most_word 3"]}',
        '{"id": "f", "question": "?", "gold": {"x": 1}}',
        "{",
    ]
    path = written(tmp_path, "d.jsonl", "\n".join(rows))
    read = read_data(DataFile(path=path))
    assert read.items == ()
    assert [(problem.line, problem.key) for problem in read.problems] == [
        (2, "id"), (3, ""), (4, ""), (5, "question"), (6, "answerable"), (7, "constraints"), (8, "gold"), (9, ""),
    ]  # fmt: skip
    said = "\n".join(map(str, read.problems))
    assert "line 1" in said
    assert "did you mean qestion?" in said
    assert "did you mean most_words?" in said
    assert str(path) in said


def test_many_bad_rows_are_counted_rather_than_told(tmp_path: Path) -> None:
    read = read_data(DataFile(path=written(tmp_path, "d.jsonl", "1\n" * 1_000)))
    assert len(read.problems) == MOST_TOLD + 1
    assert "980" in str(read.problems[-1])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("d.txt", "x", ".jsonl nor .csv"),
        ("d.jsonl", "", "no rows"),
        ("d.csv", "", "no rows"),
        ("d.csv", "question,question\n1,2\n", "column twice"),
        ("d.csv", "id,question\n1\n", "1 cells"),
        ("d.csv", 'id,question\n1,"x\n', "no CSV"),
        ("missing.jsonl", None, "cannot be read"),
    ],
)
def test_files_that_are_no_data_say_so(tmp_path: Path, name: str, content: str | None, said: str) -> None:
    path = tmp_path / name if content is None else written(tmp_path, name, content)
    read = read_data(DataFile(path=path))
    assert read.items == ()
    assert said in "\n".join(map(str, read.problems))


def test_a_file_that_is_no_text_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_bytes(b'{"question": "?"}\n\xff\xfe\n')
    (problem,) = read_data(DataFile(path=path)).problems
    assert (problem.line, "UTF-8" in problem.what) == (2, True)


def test_a_limit_takes_the_first_rows_and_looks_no_further(tmp_path: Path) -> None:
    content = "".join(f'{{"id": {number}, "question": "?"}}\n' for number in range(50)) + "broken\n"
    path = written(tmp_path, "d.jsonl", content)
    read = read_data(DataFile(path=path, limit=5))
    assert [item.id for item in read.items] == ["0", "1", "2", "3", "4"]
    assert read.rows == 5
    assert read.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_rows_are_drawn_from_the_whole_file_by_the_seed(tmp_path: Path) -> None:
    content = "".join(f'{{"id": {number}, "question": "?"}}\n' for number in range(500))
    path = written(tmp_path, "d.jsonl", content)

    def drawn(seed: int) -> list[int]:
        return [int(item.id) for item in read_data(DataFile(path=path, limit=20, sample="random", seed=seed)).items]

    assert drawn(1) == sorted(drawn(1))
    assert drawn(1) == drawn(1) != drawn(2)
    assert max(drawn(1)) > 300


def test_a_file_with_too_many_rows_asks_for_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmlab.library.data_files.MOST_ITEMS", 100)
    content = "".join(f'{{"id": {number}, "question": "?"}}\n' for number in range(200))
    (problem,) = read_data(DataFile(path=written(tmp_path, "d.jsonl", content))).problems
    assert (problem.line, "limit" in problem.what) == (101, True)
