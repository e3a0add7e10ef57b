"""The chat store against the same chats in plain memory, and what it alone promises."""

from __future__ import annotations

import shutil
import stat
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from llmlab.domain.generation import Timing, Usage
from llmlab.domain.messages import Message, MessageState, Origin, Text, Thinking
from llmlab.errors import StoreError
from llmlab.store.chats import ChatStore
from tests.store.memory import MemoryChats, make_chat, make_message

CHATS = st.sampled_from(["c1", "c2", "c3"])
MESSAGES = st.sampled_from([f"m{number}" for number in range(6)])
TEXTS = st.one_of(
    st.sampled_from(["苹果和步骤", "the answer is 23", "100% of _all_", "say \"it\" OR 'not'", "Ünder", "", "a\nb"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=12),
)
STATES = st.sampled_from(["done", "writing", "interrupted", "failed"])
QUERIES = st.one_of(
    st.sampled_from(["", "果", "苹果", "answer is", "%", "_", '"', "' OR 1", "ü", "23 the", "  "]), TEXTS
)


class StoreMachine(RuleBasedStateMachine):
    """Random verbs on the store and on plain memory: same results, same refusals."""

    trigrams = True

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        mine, theirs = count(100), count(100)
        self.store = ChatStore(self.folder / "llmlab.db", clock=lambda: float(next(mine)), trigrams=self.trigrams)
        self.memory = MemoryChats(lambda: float(next(theirs)))

    def both(self, verb: str, *values: object) -> None:
        results: list[object] = []
        for side in (self.store, self.memory):
            call: Callable[..., object] = getattr(side, verb)
            try:
                results.append(call(*values))
            except StoreError:
                results.append(StoreError)
        assert results[0] == results[1], (verb, values)

    @rule(chat=CHATS, title=TEXTS)
    def create(self, chat: str, title: str) -> None:
        self.both("create", make_chat(chat, title))

    @rule(chat=CHATS, message=MESSAGES, parent=st.none() | MESSAGES, text=TEXTS, state=STATES)
    def save(self, chat: str, message: str, parent: str | None, text: str, state: str) -> None:
        made = make_message(message, parent, text)
        self.both("save", chat, replace(made, state=state))  # type: ignore[arg-type]

    @rule(chat=CHATS, message=MESSAGES, text=TEXTS, state=STATES)
    def save_in_place(self, chat: str, message: str, text: str, state: str) -> None:
        there = self.memory.chats.get(chat)
        old = there.conversation.messages.get(message) if there else None
        if old is not None:
            self.both("save", chat, replace(old, parts=(Text(text),), state=state))  # type: ignore[arg-type]

    @rule(chat=CHATS, parent=st.none() | MESSAGES, child=MESSAGES)
    def choose(self, chat: str, parent: str | None, child: str) -> None:
        self.both("choose", chat, parent, child)

    @rule(chat=CHATS, message=MESSAGES)
    def discard(self, chat: str, message: str) -> None:
        self.both("discard", chat, message)

    @rule(chat=CHATS, verb=st.sampled_from(["rename", "set_model", "set_system"]), text=TEXTS)
    def change(self, chat: str, verb: str, text: str) -> None:
        self.both(verb, chat, text)

    @rule(chat=CHATS, verb=st.sampled_from(["delete", "restore", "load"]))
    def hide_or_show(self, chat: str, verb: str) -> None:
        self.both(verb, chat)

    @rule(before=st.integers(100, 140))
    def purge(self, before: int) -> None:
        self.both("purge", float(before))

    @rule()
    def reopen(self) -> None:
        self.store.close()

    @rule(query=QUERIES, limit=st.integers(1, 4))
    def search(self, query: str, limit: int) -> None:
        found = [replace(summary, snippet="") for summary in self.store.list(query, limit)]
        assert found == list(self.memory.list(query, limit)), query

    @invariant()
    def every_chat_is_the_same(self) -> None:
        for chat_id, chat in self.memory.chats.items():
            loaded = self.store.load(chat_id)
            assert loaded == replace(chat, conversation=loaded.conversation)
            assert list(loaded.conversation.messages.items()) == list(chat.conversation.messages.items())
            assert dict(loaded.conversation.chosen) == dict(chat.conversation.chosen)

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)


class ScanningMachine(StoreMachine):
    """The same without a search index."""

    trigrams = False


_FEW = settings(max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TestStore = StoreMachine.TestCase
TestStore.settings = _FEW
TestScanningStore = ScanningMachine.TestCase
TestScanningStore.settings = _FEW


def test_everything_about_an_answer_comes_back(store: ChatStore) -> None:
    origin = Origin(
        model="pocket-m",
        seed=2**32 - 2,
        finish="length",
        usage=Usage(900, 800, 70),
        timing=Timing(0.1, 0.2, 0.3, 0.4, 512.5),
        problem="“none”",
        edited=True,
    )
    answer = Message(
        id="a",
        parent=None,
        role="assistant",
        parts=(Thinking("12 − 5\n", 1.25, 38), Text("It is \x1b[31m23\x1b[0m. 🍎\0"), Text("")),
        created=1.5,
        state="failed",
        origin=origin,
    )
    store.create(make_chat())
    store.save("c", answer)
    store.close()
    assert store.load("c").conversation.messages["a"] == answer


def test_half_a_surrogate_pair_is_replaced_and_loses_nothing_else(store: ChatStore) -> None:
    store.create(make_chat(title="t\ud800"))
    store.save("c", make_message(text="a\udfffb 苹果"))
    loaded = store.load("c")
    assert (loaded.title, loaded.conversation.messages["m"].text) == ("t\ufffd", "a\ufffdb 苹果")


def test_a_new_version_is_shown_until_another_is_chosen(store: ChatStore) -> None:
    store.create(make_chat())
    for id_ in ("first", "second"):
        store.save("c", make_message(id_))
    assert [step.id for step in store.load("c").conversation.path()] == ["second"]
    store.choose("c", None, "first")
    store.save("c", replace(make_message("second"), parts=(Text("still streaming"),)))
    assert [step.id for step in store.load("c").conversation.path()] == ["first"]


def test_taking_the_only_question_back_lets_the_chat_be_made_anew(store: ChatStore) -> None:
    store.create(make_chat())
    store.save("c", make_message("q"))
    store.discard("c", "q")
    assert store.list() == ()
    store.create(make_chat())


@pytest.mark.parametrize("verb", ["load", "delete", "restore"])
def test_a_missing_chat_is_named(store: ChatStore, verb: str) -> None:
    with pytest.raises(StoreError, match="no chat with the id gone") as caught:
        getattr(store, verb)("gone")
    assert caught.value.where == str(store.path)
    assert caught.value.hint


def test_a_chain_of_many_messages_can_be_deleted(store: ChatStore) -> None:
    # SQLite cascades at most a thousand levels deep.
    store.create(make_chat())
    parent: str | None = None
    for number in range(1200):
        # Only the last are finished messages, which wait for the disk.
        state: MessageState = "writing" if number < 1180 else "done"
        store.save("c", make_message(f"m{number}", parent, "apple", state))
        parent = f"m{number}"
    store.discard("c", "m50")
    assert len(store.load("c").conversation.path()) == 50
    store.delete("c")
    assert store.purge(before=float("inf")) == 1
    assert store.list("apple") == ()


def test_threads_share_a_store(store: ChatStore) -> None:
    store.create(make_chat())
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: store.save("c", make_message(f"m{number}", None, "apple")), range(80)))
        found = list(threads.map(lambda _: store.list("apple")[0].messages, range(8)))
    assert found == [80] * 8


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permission bits")
def test_only_the_owner_can_read_the_chats(store: ChatStore) -> None:
    store.create(make_chat())
    rights = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in store.path.parent.iterdir()}
    assert rights == {"llmlab.db": 0o600, "llmlab.db-wal": 0o600, "llmlab.db-shm": 0o600}
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_nothing_is_made_before_it_is_needed(path: Path) -> None:
    ChatStore(path).close()
    assert not path.parent.exists()


def test_the_chat_that_was_deleted_last_is_told_until_it_is_back_or_gone(tmp_path: Path) -> None:
    moment = [100.0]
    store = ChatStore(tmp_path / "chats.db", clock=lambda: moment[0])
    assert store.last_deleted() is None
    for name in "abc":
        store.create(make_chat(name, title=f"Chat {name}"))
    for name in "ca":
        moment[0] += 10
        store.delete(name)
    assert store.last_deleted() == ("a", "Chat a")
    store.restore("a")
    assert store.last_deleted() == ("c", "Chat c")
    assert store.purge(moment[0]) == 1
    assert store.last_deleted() is None
    store.close()
