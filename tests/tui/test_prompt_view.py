"""The exact prompt and its tokens beside the chat: laid out while somebody looks, and not before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.selection import Selection

from llmlab.domain.assembly import OriginSpan
from llmlab.domain.budget import LeftOut
from llmlab.domain.reading import DocumentRef, Excerpt, Material, ReadingUse
from llmlab.paths import Paths
from llmlab.services.preview import Prepared
from llmlab.tui.panes import prompt_view
from llmlab.tui.panes.prompt_rows import Row, below, part_of, rows_of
from llmlab.tui.panes.prompt_view import PromptView
from llmlab.tui.widgets.hints import KeyHints
from llmlab.tui.widgets.text_rows import cells_of, shown
from tests.tui.laboratory import Laboratory, laboratory

EVERYTHING = Selection(None, None)
WIDTH = 12


def view_of(lab: Laboratory, name: str) -> PromptView:
    return lab.screen.query_one(f"#bench-{name}", PromptView)


def seen(lab: Laboratory, name: str) -> list[str]:
    """The rows of a view, as wide as it is."""
    view = view_of(lab, name)
    return [view.render_line(y).text for y in range(view.size.height)]


async def prompt_of(lab: Laboratory, draft: str) -> Prepared:
    """Write a draft; the prompt that is made of it."""
    lab.composer.set_draft(draft)
    prepared = await lab.bench.desk.prepared(draft)
    assert prepared is not None
    return prepared


async def test_a_prompt_is_cut_into_rows_only_while_it_is_shown(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    cut: list[int] = []

    def counted(text: str, spans: Sequence[OriginSpan], width: int) -> list[Row]:
        cut.append(width)
        return rows_of(text, spans, width)

    monkeypatch.setattr(prompt_view, "rows_of", counted)
    async with laboratory(paths, size=(140, 40)) as lab:
        await lab.ask("What is an apple?")
        await lab.pilot.pause()
        assert cut == []
        lab.bench.recipes.turn_bench("prompt")
        await lab.until(lambda: cut)
        await lab.until(lambda: any("What is an apple?" in row for row in seen(lab, "prompt")))
        lab.composer.set_draft("And a pear?")
        await lab.until(lambda: any("And a pear?" in row for row in seen(lab, "prompt")))


async def test_each_part_of_the_prompt_tells_its_kind_its_number_and_its_tokens(paths: Paths) -> None:
    async with laboratory(paths, size=(140, 60)) as lab:
        await lab.ask("What is an apple?")
        await lab.command("/shots foo-bar:2")
        lab.bench.recipes.turn_bench("prompt")
        prepared = await prompt_of(lab, "one two three four")
        await lab.until(lambda: any("one two three four" in row for row in seen(lab, "prompt")))
        told = [(row.split()[0], int(row.split()[-1])) for row in seen(lab, "prompt") if row[-1].isdigit()]
        letters = {"scaffold": "·", "system": "S", "example": "E", "history": "H", "question": "Q"}
        assert told == [(f"{letters[span.origin]}{span.index or ''}", span.tokens) for span in prepared.spans]
        assert [label for label, _ in told if label[0] in "EHQ"] == ["E1", "E1", "E2", "E2", "H1", "H2", "Q"]
        assert ("Q", 4) in told
        assert sum(tokens for _, tokens in told) == len(prepared.prompt.tokens)
        rest = seen(lab, "prompt")[view_of(lab, "prompt").virtual_size.height - 1].strip()
        assert rest == f"{prepared.budget.used:,} tokens of {prepared.budget.window:,}"


async def test_the_blanks_of_a_prompt_are_seen(paths: Paths) -> None:
    async with laboratory(paths, size=(140, 40)) as lab:
        lab.bench.recipes.turn_bench("prompt")
        lab.composer.set_draft("def f():\n    return  1\n\tpass")
        await lab.until(lambda: any("def f()" in row for row in seen(lab, "prompt")))
        rows = "\n".join(seen(lab, "prompt"))
        assert "    return  1↵" in rows
        assert "     pass" in rows


async def test_what_was_left_out_stands_below_the_prompt(paths: Paths) -> None:
    async with laboratory(paths, size=(140, 40)) as lab:
        lab.bench.recipes.turn_bench("prompt")
        prepared = await prompt_of(lab, "Why?")
        await lab.until(lambda: any("Why?" in row for row in seen(lab, "prompt")))
        ref = DocumentRef(name="novel.txt", path="/novel.txt", digest="ab", characters=1000)
        excerpt = Excerpt(document=0, number=1, start=0, end=250, text="x")
        read = Material(use=ReadingUse(documents=(ref,)), way="passages", reason="", excerpts=(excerpt,))
        smaller = replace(prepared, left_out=LeftOut(4, 1), material=read)
        view_of(lab, "prompt").show(smaller)
        await lab.until(lambda: any("left out: 4 messages, 1 examples" in row for row in seen(lab, "prompt")))
        assert any("left out: 75% of novel.txt" in row for row in seen(lab, "prompt"))
        # In a narrow column nothing of it is cut.
        narrow = [text.strip() for text, grave in below(smaller, 14) if grave]
        assert " ".join(narrow) == "left out: 4 messages, 1 examples left out: 75% of novel.txt"
        assert max(map(len, narrow)) <= 14


async def test_a_key_copies_the_prompt_as_it_is_sent(paths: Paths) -> None:
    async with laboratory(paths, size=(140, 40)) as lab:
        lab.bench.recipes.turn_bench("prompt")
        prepared = await prompt_of(lab, "a  b\n\tc \x1b[1m 很长的一行" + "。" * 40)
        await lab.until(lambda: any("a  b" in row for row in seen(lab, "prompt")))
        await lab.pilot.press("tab")
        await lab.until(lambda: view_of(lab, "prompt").has_focus)
        assert " y copy " in lab.screen.query_one(KeyHints).render().plain
        await lab.pilot.press("y")
        await lab.until(lambda: lab.app.clipboard == prepared.prompt.text)
        assert any("Copied" in toast for toast in lab.toasts)
        # The mouse takes the same.
        assert view_of(lab, "prompt").get_selection(EVERYTHING) == (prepared.prompt.text, "\n")


async def test_without_a_prompt_copying_says_so(paths: Paths) -> None:
    async with laboratory(paths, size=(140, 40), ready=False) as lab:
        lab.bench.picture.show_bench(None)
        await lab.screen.action_do("prompt.copy")
        await lab.until(lambda: any("There is no prompt yet." in toast for toast in lab.toasts))


async def test_every_token_has_its_row(paths: Paths) -> None:
    async with laboratory(paths, size=(140, 40)) as lab:
        lab.bench.recipes.turn_bench("tokens")
        prepared = await prompt_of(lab, "one two\n\tthree")
        await lab.until(lambda: any("three" in row for row in seen(lab, "tokens")))
        rows = [row.strip() for row in seen(lab, "tokens") if row.strip()]
        assert len(rows) == len(prepared.prompt.tokens)
        for number, (row, token) in enumerate(zip(rows, prepared.tokens(), strict=True)):
            assert row.split()[1:3] == [str(number), str(token.id)]
        assert any(row.endswith("│↵⇥three│") for row in rows)
        selected = view_of(lab, "tokens").get_selection(EVERYTHING)
        assert selected is not None
        assert [line.split()[:2] for line in selected[0].splitlines()] == [row.split()[1:3] for row in rows]


@given(st.lists(st.text("ab 很\n\t\x1b\u202e", max_size=40), max_size=5))
def test_rows_hold_the_whole_prompt_and_none_is_too_wide(parts: list[str]) -> None:
    spans: list[OriginSpan] = []
    for part in parts:
        start = spans[-1].end if spans else 0
        spans.append(OriginSpan(start, start + len(part), "question", 0, 0))
    text = "".join(parts)
    rows = rows_of(text, spans, WIDTH)
    assert "".join(text[row.start : row.end] + ("\n" if row.ended else "") for row in rows) == text
    assert all(sum(map(cells_of, text[row.start : row.end])) <= WIDTH for row in rows)
    assert [row.span for row in rows if row.first] == [span for span in spans if span.end > span.start]


@pytest.mark.parametrize(("left", "right", "part"), [(0, -1, "a\x1b\tb"), (1, 3, "\x1b\t"), (6, -1, "b"), (0, 1, "a")])
def test_a_part_of_a_row_is_what_was_selected_of_what_it_shows(left: int, right: int, part: str) -> None:
    assert shown("a\x1b\tb") == "a␛    b"
    assert part_of("a\x1b\tb", left, right) == part
