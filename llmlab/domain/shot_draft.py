"""An example set that is being edited: every change is a new value, and can be undone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from llmlab.domain.shots import Shot, ShotSet

REMEMBERED: Final = 50
"""Changes that can be undone."""


@dataclass(frozen=True, slots=True)
class ShotDraft:
    """The set as it is now, as it stands in its file, and as it was before the last changes."""

    set: ShotSet
    base: ShotSet | None
    """As it was read; `None` for a set that has no file yet."""
    before: tuple[tuple[Shot, ...], ...] = ()
    """The rows before each change, the last change last."""

    @classmethod
    def of(cls, shots: ShotSet) -> ShotDraft:
        """A set as it was read, nothing changed."""
        return cls(shots, shots)

    @property
    def changed(self) -> bool:
        """The file does not hold these rows."""
        return self.base is None or self.set.rows != self.base.rows

    def toggled(self, at: int) -> ShotDraft:
        """With the row at `at` on or off."""
        row = self.set.rows[at]
        return self.replaced(at, replace(row, on=not row.on))

    def replaced(self, at: int, row: Shot) -> ShotDraft:
        """With another row at `at`."""
        rows = self.set.rows
        return self._with((*rows[:at], row, *rows[at + 1 :]))

    def inserted(self, at: int, row: Shot) -> ShotDraft:
        """With a new row that comes to stand at `at`."""
        rows = self.set.rows
        return self._with((*rows[:at], row, *rows[at:]))

    def removed(self, at: int) -> ShotDraft:
        """Without the row at `at`."""
        rows = self.set.rows
        return self._with((*rows[:at], *rows[at + 1 :]))

    def moved(self, at: int, step: int) -> ShotDraft:
        """With the row at `at` that many places further down; at the end it stays."""
        to = at + step
        if not 0 <= to < len(self.set.rows):
            return self
        rows = list(self.set.rows)
        rows.insert(to, rows.pop(at))
        return self._with(tuple(rows))

    def undone(self) -> ShotDraft:
        """As it was before the last change."""
        if not self.before:
            return self
        return replace(self, set=self.set.with_rows(self.before[-1]), before=self.before[:-1])

    def saved(self, written: ShotSet) -> ShotDraft:
        """With what its file now holds; changes can still be undone."""
        return replace(self, set=written.with_rows(self.set.rows), base=written)

    def _with(self, rows: tuple[Shot, ...]) -> ShotDraft:
        before = (*self.before, self.set.rows)[-REMEMBERED:]
        return replace(self, set=self.set.with_rows(rows), before=before)
