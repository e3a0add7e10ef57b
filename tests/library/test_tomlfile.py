"""Files that people edit."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.library.tomlfile import LARGEST, Problem, parse_toml, quoted, read_toml, split_key

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path("/somewhere/models.toml")


def test_lines_are_those_of_the_file_whatever_the_notation() -> None:
    file = parse_toml(
        "\n".join(
            [
                "top = 1",  # 1
                "[plain]",  # 2
                "a = 1",  # 3
                'text = """',  # 4
                "[not-a-table]",  # 5
                "b = 2",  # 6
                '"""',  # 7
                "sub.key = 2",  # 8
                '["with.dot"]',  # 9
                "'quoted key' = 1",  # 10
                "[plain.sampling]",  # 11
                "inline = {deep = 1}",  # 12
            ]
        ),
        HERE,
    )
    assert not file.broken
    assert file.line_of("top") == 1
    assert file.line_of("plain") == 2
    assert file.line_of("plain", "a") == 3
    assert file.line_of("plain", "sub", "key") == 8
    assert file.line_of("with.dot") == 9
    assert file.line_of("with.dot", "quoted key") == 10
    assert file.line_of("plain", "sampling", "inline", "deep") == 12
    assert file.line_of("plain", "missing") == 2
    assert file.line_of("not-a-table") is None


def test_one_broken_table_leaves_the_others_and_names_its_line() -> None:
    file = parse_toml("a = 1\n[one]\nx = 1\n[two]\ny = oops\n[three]\nz = 3\n[one.sub]\nq = 1\n", HERE)
    assert dict(file.values) == {"a": 1, "one": {"x": 1, "sub": {"q": 1}}, "three": {"z": 3}}
    (problem,) = file.broken
    assert (problem.table, problem.line) == ("two", 5)
    assert str(problem).startswith(f"{HERE}:5: [two]: ")


def test_a_table_that_stands_twice_is_the_broken_one() -> None:
    file = parse_toml("[one]\nx = 1\n[two]\ny = 2\n[one]\nx = 3\n", HERE)
    assert dict(file.values) == {"two": {"y": 2}}
    assert [problem.table for problem in file.broken] == ["one"]


@pytest.mark.parametrize(
    ("header", "name"), [("[two", "two"), ("[two words]", "two words"), ("[[two] # why", "two"), ("[]", "?")]
)
def test_a_broken_header_is_no_fault_of_the_table_above_it(header: str, name: str) -> None:
    file = parse_toml(f"[one]\nx = [\n[1, 2],\n]\n{header}\ny = 2\n[three]\nz = 3\n", HERE)
    assert dict(file.values) == {"one": {"x": [[1, 2]]}, "three": {"z": 3}}
    (problem,) = file.broken
    assert (problem.table, problem.line) == (name, 5)


def test_what_looks_like_a_table_inside_a_text_is_text() -> None:
    good = '[one]\nsystem = """\n[INST]\nBe brief = good.\n[two]\n"""\nx = 1\n'
    file = parse_toml(good + "[two]\ny = oops\n[three]\nz = 3\n", HERE)
    assert dict(file.values) == {
        "one": {"system": "[INST]\nBe brief = good.\n[two]\n", "x": 1},
        "three": {"z": 3},
    }
    assert [(problem.table, problem.line) for problem in file.broken] == [("two", 9)]


def test_a_text_that_is_never_closed_hides_no_table_after_it() -> None:
    file = parse_toml('[one]\nx = """never\n[two]\ny = 2\n[three]\nz = """closed\n"""\n', HERE)
    assert dict(file.values) == {"two": {"y": 2}, "three": {"z": "closed\n"}}
    assert [problem.table for problem in file.broken] == ["one"]


@pytest.mark.parametrize(
    "text", ["hello there", "a = ", "\x00", "a = " + "[" * 50_000, "a = " + "9" * 5_000, "a = 1\na = 2"]
)
def test_what_is_no_toml_at_all_is_one_problem_for_the_file(text: str) -> None:
    file = parse_toml(text, HERE)
    assert not file.values
    assert [problem.table for problem in file.broken] == [""]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\xff\xfe[\x00a\x00]\x00", "UTF-8"), (b"# x\n" * (LARGEST // 4 + 1), "megabyte")],
)
def test_a_file_that_is_no_text_says_so(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "models.toml"
    path.write_bytes(content)
    (problem,) = read_toml(path).broken
    assert said in problem.what


def test_a_folder_in_place_of_the_file_is_a_problem_and_no_file_is_none(tmp_path: Path) -> None:
    assert len(read_toml(tmp_path).broken) == 1
    assert read_toml(tmp_path / "missing").broken == ()
    assert read_toml(tmp_path / "missing" / "deeper").broken == ()


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\n[t]\r\nb = 2\r\n")
    file = read_toml(path)
    assert dict(file.values) == {"a": 1, "t": {"b": 2}}
    assert file.line_of("t", "b") == 3


def test_a_problem_names_what_it_knows() -> None:
    assert str(Problem(HERE, "is bad")) == f"{HERE}: is bad"
    assert str(Problem(HERE, "is bad", key="k", line=2)) == f"{HERE}:2: k: is bad"
    assert str(Problem(HERE, "is bad", table="t", key="k", line=2)) == f"{HERE}:2: [t] k: is bad"


@given(st.text(max_size=300))
def test_random_text_never_raises(text: str) -> None:
    parse_toml(text, HERE)


@given(st.text(alphabet="[]{}=\"'.,\n ab1#\\", max_size=120))
def test_random_text_made_of_toml_never_raises_and_agrees_with_the_parser(text: str) -> None:
    file = parse_toml(text, HERE)
    try:
        whole = tomllib.loads(text)
    except ValueError:
        assert file.broken
    else:
        assert (dict(file.values), file.broken) == (whole, ())


@given(st.text(max_size=60))
def test_a_quoted_text_reads_back(text: str) -> None:
    assert tomllib.loads(f"k = {quoted(text)}") == {"k": text}
    assert split_key(quoted(text)) == (text,)


@pytest.mark.parametrize("opens", ["[", "[  ", "[ # the first"])
def test_a_row_that_opens_a_list_is_no_broken_header(opens: str) -> None:
    file = parse_toml(f"[one]\nx = [\n{opens}\n1, 2\n]\n]\n[two]\ny = oops\n", HERE)
    assert dict(file.values) == {"one": {"x": [[1, 2]]}}
    assert [problem.table for problem in file.broken] == ["two"]
