"""Editing a set: each change is one step, and every step can be taken back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.shot_draft import REMEMBERED, ShotDraft
from llmlab.domain.shots import Shot, ShotSet

ROWS = tuple(Shot(name, name.upper()) for name in "abc")


def draft() -> ShotDraft:
    return ShotDraft.of(ShotSet(name="letters", language="en", title="Letters", rows=ROWS))


def names(made: ShotDraft) -> str:
    return "".join(row.input for row in made.set.rows)


def test_each_change() -> None:
    assert names(draft().moved(0, 1)) == "bac"
    assert names(draft().moved(2, -2)) == "cab"
    assert draft().moved(0, -1) == draft() == draft().moved(2, 1)
    assert names(draft().removed(1)) == "ac"
    assert names(draft().inserted(1, Shot("x", "X"))) == "axbc"
    assert names(draft().inserted(3, Shot("x", "X"))) == "abcx"
    assert names(draft().replaced(2, Shot("x", "X"))) == "abx"
    assert [row.on for row in draft().toggled(1).set.rows] == [True, False, True]


def test_changed_means_that_the_file_holds_something_else() -> None:
    assert not draft().changed
    assert draft().toggled(0).changed
    assert not draft().toggled(0).toggled(0).changed
    assert ShotDraft(draft().set, None).changed
    edited = draft().removed(0)
    saved = edited.saved(edited.set)
    assert not saved.changed
    assert names(saved.undone()) == "abc"
    assert saved.undone().changed


@given(st.lists(st.tuples(st.sampled_from(["toggled", "moved", "removed", "inserted"]), st.integers(0, 9)), max_size=9))
def test_undoing_goes_back_step_by_step(changes: list[tuple[str, int]]) -> None:
    states = [draft()]
    for name, number in changes:
        now = states[-1]
        count = len(now.set.rows)
        if name == "inserted":
            now = now.inserted(number % (count + 1), Shot(str(number), ""))
        elif count:
            at = number % count
            now = now.toggled(at) if name == "toggled" else now.removed(at) if name == "removed" else now.moved(at, 1)
        if now != states[-1]:
            states.append(now)
    back = states[-1]
    for earlier in reversed(states[:-1]):
        back = back.undone()
        assert back.set.rows == earlier.set.rows
    assert back.undone() == back
    assert not back.changed


def test_the_oldest_changes_are_forgotten() -> None:
    now = draft()
    for _ in range(REMEMBERED + 9):
        now = now.toggled(0)
    assert len(now.before) == REMEMBERED
