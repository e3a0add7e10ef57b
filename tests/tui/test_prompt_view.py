"""The exact prompt and its tokens beside the chat: laid out while somebody looks, and not before."""

from __future__ import annotations

import pytest

from llmlab.paths import Paths
from llmlab.tui.panes import prompt_view
from llmlab.tui.panes.prompt_rows import Row, rows_of
from llmlab.tui.panes.prompt_view import PromptView
from tests.tui.laboratory import Laboratory, laboratory


def shown(lab: Laboratory, name: str) -> list[str]:
    """The rows of a view."""
    view = lab.screen.query_one(f"#bench-{name}", PromptView)
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


async def test_a_prompt_is_cut_into_rows_only_while_it_is_shown(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    cut: list[int] = []

    def counted(text: str, width: int) -> list[Row]:
        cut.append(width)
        return rows_of(text, width)

    monkeypatch.setattr(prompt_view, "rows_of", counted)
    async with laboratory(paths, size=(140, 40)) as lab:
        await lab.ask("What is an apple?")
        await lab.pilot.pause()
        assert cut == []
        lab.bench.recipes.turn_bench("prompt")
        await lab.until(lambda: cut)
        await lab.until(lambda: any("What is an apple?" in row for row in shown(lab, "prompt")))
        lab.composer.set_draft("And a pear?")
        await lab.until(lambda: any("And a pear?" in row for row in shown(lab, "prompt")))


async def test_every_token_has_its_row(paths: Paths) -> None:
    async with laboratory(paths, size=(140, 40)) as lab:
        lab.bench.recipes.turn_bench("tokens")
        lab.composer.set_draft("one two\nthree")
        await lab.until(lambda: any("three" in row for row in shown(lab, "tokens")))
        prepared = await lab.bench.desk.prepared("one two\nthree")
        assert prepared is not None
        rows = [row for row in shown(lab, "tokens") if row]
        assert len(rows) == len(prepared.prompt.tokens)
        for number, (row, token) in enumerate(zip(rows, prepared.tokens(), strict=True)):
            assert row.split()[1:3] == [str(number), str(token.id)]
