"""The conversation tree: its path, versions and choices, for random trees."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.messages import Conversation, Message, Origin, Text, Thinking, history_of
from llmlab.domain.prompting import ChatMessage


def message(number: int, parent: str | None, text: str = "said") -> Message:
    return Message(
        id=f"m{number}",
        parent=parent,
        role="user" if number % 2 else "assistant",
        parts=(Text(text),),
        created=float(number),
    )


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Trees grown by `with_message`, with choices and replacements in between."""
    tree = Conversation()
    for number in range(draw(st.integers(0, 12))):
        parents: list[str | None] = [None, *tree.messages]
        tree = tree.with_message(message(number, draw(st.sampled_from(parents))))
        if draw(st.booleans()):
            tree = tree.choosing(draw(st.sampled_from(list(tree.messages))))
    return tree


@given(conversations())
def test_path_is_a_chain_from_a_first_message_to_a_leaf_of_chosen_children(tree: Conversation) -> None:
    path = tree.path()
    assert [step.parent for step in path] == [None, *(step.id for step in path)][: len(path)]
    assert bool(path) == bool(tree.messages)
    if path:
        assert tree.children(path[-1].id) == ()
        assert path == tree.path_to(path[-1].id)
    for step in path:
        assert step.id == tree.chosen.get(step.parent, tree.children(step.parent)[-1].id)


@given(conversations())
def test_versions_part_the_tree_oldest_first(tree: Conversation) -> None:
    order = list(tree.messages)
    for id_, one in tree.messages.items():
        versions = tree.versions(id_)
        assert one in versions
        assert {version.parent for version in versions} == {one.parent}
        places = [order.index(version.id) for version in versions]
        assert places == sorted(places)
    families = [tree.children(parent) for parent in [None, *tree.messages]]
    assert sorted(child.id for family in families for child in family) == sorted(order)


@given(conversations(), st.data())
def test_choosing_every_step_upwards_shows_a_message(tree: Conversation, data: st.DataObject) -> None:
    if not tree.messages:
        return
    wanted = data.draw(st.sampled_from(list(tree.messages)))
    chosen = tree
    for step in tree.path_to(wanted):
        chosen = chosen.choosing(step.id)
    assert chosen.path()[: len(tree.path_to(wanted))] == tree.path_to(wanted)
    assert chosen.messages == tree.messages


@given(conversations())
def test_a_new_message_after_the_end_is_shown_last(tree: Conversation) -> None:
    path = tree.path()
    new = message(99, path[-1].id if path else None)
    assert tree.with_message(new).path() == (*path, new)
    assert new.id not in tree.messages, "the old value must not change"


@given(conversations(), st.data())
def test_replacing_changes_one_text_and_neither_order_nor_choice(tree: Conversation, data: st.DataObject) -> None:
    if not tree.messages:
        return
    old = tree.messages[data.draw(st.sampled_from(list(tree.messages)))]
    new = replace(old, parts=(Text("changed"),))
    changed = tree.with_message(new)
    assert changed.messages[old.id] == new
    assert list(changed.messages) == list(tree.messages)
    assert changed.chosen == tree.chosen
    assert [step.id for step in changed.path()] == [step.id for step in tree.path()]


def test_without_a_choice_the_newest_version_is_shown() -> None:
    messages = {f"m{number}": message(number, None) for number in range(3)}
    assert [step.id for step in Conversation(messages).path()] == ["m2"]


@pytest.mark.parametrize("chosen", [{None: "gone"}, {None: "m1"}, {"m0": "m0"}])
def test_a_choice_that_is_no_child_of_its_parent_is_ignored(chosen: dict[str | None, str]) -> None:
    messages = {"m0": message(0, None), "m1": message(1, "m0")}
    assert [step.id for step in Conversation(messages, chosen).path()] == ["m0", "m1"]


def test_an_unknown_parent_is_refused() -> None:
    with pytest.raises(KeyError):
        Conversation().with_message(message(1, "nobody"))
    with pytest.raises(KeyError):
        Conversation().choosing("nobody")


def test_a_message_cannot_move_under_its_own_child() -> None:
    tree = Conversation().with_message(message(0, None)).with_message(message(1, "m0"))
    with pytest.raises(ValueError, match="m0"):
        tree.with_message(message(0, "m1"))


def test_text_and_thinking_are_told_apart() -> None:
    said = replace(message(1, None), parts=(Thinking("hm", 1.0, 2), Text("a"), Thinking("m"), Text("b")))
    assert (said.text, said.thinking) == ("ab", "hmm")


def test_the_history_is_what_was_said_without_empty_answers() -> None:
    path = (message(1, None, "hi"), message(2, "m1", ""), replace(message(3, "m2"), parts=(Thinking("only"),)))
    assert history_of(path) == (ChatMessage("user", "hi"), ChatMessage("user", "", "only"))
    assert history_of(()) == ()


def test_the_history_has_questions_as_they_were_sent() -> None:
    asked = message(1, None, "tea")
    answer = replace(message(2, "m1", "a drink"), role="assistant", origin=Origin(model="m", sent="Explain: tea"))
    assert history_of((asked, answer))[0] == ChatMessage("user", "Explain: tea")
