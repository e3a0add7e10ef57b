"""The arms of a run as a table, and what it came to in sentences below."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from llmlab.domain.summary import ArmSummary, Summary
from llmlab.tui.panes.run_words import arm_maker, findings_content
from llmlab.tui.widgets.row_table import RowTable
from llmlab.words import say


class ArmsPane(Vertical):
    """One row an arm; the table says which one is chosen."""

    DEFAULT_CSS = """
    ArmsPane {
        height: 1fr;
        #arm-rows { height: auto; max-height: 60%; }
        #findings { height: 1fr; padding: 1 1 0 1; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._summary: Summary | None = None

    def compose(self) -> ComposeResult:
        """Table, sentences."""
        yield RowTable(say("Nothing is measured yet."), id="arm-rows")
        with VerticalScroll(id="findings"):
            yield Static("", id="finding-lines", markup=False)

    def show(self, summary: Summary) -> None:
        """Show the figures of a run."""
        self._summary = summary
        self.query_one("#arm-rows", RowTable).show(
            len(summary.arms),
            lambda number, width: arm_maker(summary, width)[1](number),
            lambda width: arm_maker(summary, width)[0],
        )
        self.query_one("#finding-lines", Static).update(findings_content(summary))

    @property
    def here(self) -> ArmSummary | None:
        """The highlighted arm."""
        at = self.query_one("#arm-rows", RowTable).cursor
        return self._summary.arms[at] if self._summary and at < len(self._summary.arms) else None
