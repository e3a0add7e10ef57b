"""Chats written out: the JSON holds all of them, the Markdown reads well whatever was said."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.budget import LeftOut
from llmlab.domain.export import chat_as_json, chat_as_markdown, chat_as_record
from llmlab.domain.generation import Timing, Usage
from llmlab.domain.messages import Chat, Conversation, Message, MessageState, Origin, Part, Text, Thinking

ORIGIN = Origin(model="pocket-m", seed=7, finish="stop", usage=Usage(9, 4, 3), timing=Timing(decode_s=0.5))


def read_back(record: Any) -> Chat:
    """The chat that a record was made from: the reverse of `chat_as_record`."""
    conversation = Conversation()
    for item in record["messages"]:
        origin = item["origin"]
        if origin is not None:
            usage, timing = Usage(**origin["usage"]), Timing(**origin["timing"])
            left_out = LeftOut(**origin["left_out"])
            item["origin"] = Origin(**{**origin, "usage": usage, "timing": timing, "left_out": left_out})
        item["parts"] = tuple(_part(dict(part)) for part in item["parts"])
        conversation = conversation.with_message(Message(**item))
    chosen = {choice["parent"]: choice["child"] for choice in record["chosen"]}
    names = ("id", "title", "created", "updated", "model", "system")
    return Chat(**{name: record[name] for name in names}, conversation=Conversation(conversation.messages, chosen))


def _part(record: dict[str, Any]) -> Part:
    return Text(**record) if record.pop("type") == "text" else Thinking(**record)


def chat(*messages: Message, title: str = "Apples", system: str | None = None) -> Chat:
    conversation = Conversation()
    for message in messages:
        conversation = conversation.with_message(message)
    return Chat(
        id="c", title=title, created=0.0, updated=1.0, model="pocket-m", system=system, conversation=conversation
    )


def question(text: str = "How many?") -> Message:
    return Message(id="q", parent=None, role="user", parts=(Text(text),), created=1.0)


def answer(*parts: Part, id_: str = "a", state: MessageState = "done", origin: Origin | None = ORIGIN) -> Message:
    return Message(id=id_, parent="q", role="assistant", parts=parts, created=2.0, state=state, origin=origin)


texts = st.text(max_size=30)
parts = st.lists(
    st.one_of(st.builds(Text, texts), st.builds(Thinking, texts, st.floats(0, 9), st.integers(0, 9))), max_size=3
).map(tuple)


@given(parts, parts, texts, st.none() | texts)
def test_json_holds_every_version_part_and_choice(one: Any, two: Any, title: str, system: str | None) -> None:
    first, second = answer(*one, id_="a1"), answer(*two, id_="a2", state="interrupted", origin=None)
    made = chat(question(title), first, second, title=title, system=system)
    made = replace(made, conversation=made.conversation.choosing("a1"))
    assert read_back(json.loads(chat_as_json(made))) == made


def test_record_says_what_it_is_and_what_is_shown() -> None:
    made = chat(question(), answer(Text("23"), id_="a1"), answer(Text("24"), id_="a2"))
    record = chat_as_record(replace(made, conversation=made.conversation.choosing("a1")))
    assert (record["format"], record["version"]) == ("llmlab.chat", 1)
    assert record["shown"] == ["q", "a1"]


def test_json_keeps_scripts_readable_and_is_always_utf8() -> None:
    written = chat_as_json(chat(question("苹果 \ud800")))
    assert "苹果" in written
    assert json.loads(written.encode())["messages"][0]["parts"][0]["text"] == "苹果 \ud800"


def test_markdown_of_a_whole_chat() -> None:
    made = chat(
        question(),
        answer(Text("22"), id_="a1"),
        answer(Thinking("12 - 5"), Text("It is 23."), id_="a2"),
        system="Short.",
    )
    assert chat_as_markdown(made) == (
        "# Apples\n\n*pocket-m · 1970-01-01 00:00 UTC*\n\n## System\n\nShort.\n\n## You\n\nHow many?\n\n## pocket-m\n\n"
        "<details><summary>Thinking</summary>\n\n12 - 5\n\n</details>\n\nIt is 23.\n"
    )


@pytest.mark.parametrize(
    ("said", "closed"),
    [
        ("```py\nx = 1", "```py\nx = 1\n```"),
        ("````\n```\nx", "````\n```\nx\n````"),
        ("~~~\n```", "~~~\n```\n~~~"),
        ("```\nx\n```", "```\nx\n```"),
        ("a ```b``` c", "a ```b``` c"),
        ("```b``` starts a line", "```b``` starts a line"),
        ("```\n``` not closing\n", "```\n``` not closing\n```"),
    ],
)
def test_an_open_fence_does_not_swallow_what_follows(said: str, closed: str) -> None:
    assert f"\n\n{closed}\n" in chat_as_markdown(chat(question(), answer(Text(said))))


@pytest.mark.parametrize(
    ("ending", "note"),
    [
        (answer(Text("x"), state="interrupted"), "*This answer was interrupted.*"),
        (answer(Text("x"), state="writing"), "*This answer was interrupted.*"),
        (answer(state="failed", origin=replace(ORIGIN, problem="no room")), "*This answer failed: no room*"),
        (answer(state="failed", origin=None), "*This answer failed.*"),
        (answer(Text("x"), origin=replace(ORIGIN, finish="cancelled")), "*This answer was stopped.*"),
        (answer(Text("x"), origin=replace(ORIGIN, finish="length")), "*This answer reached its greatest length.*"),
    ],
)
def test_markdown_says_how_an_answer_ended(ending: Message, note: str) -> None:
    assert chat_as_markdown(chat(question(), ending)).endswith(f"\n\n{note}\n")


def test_a_title_stays_one_line_and_an_empty_one_has_a_name() -> None:
    assert chat_as_markdown(chat(title="a\n# b")).startswith("# a # b\n")
    assert chat_as_markdown(chat(title="")).startswith("# Untitled chat\n")
