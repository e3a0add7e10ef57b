"""A chat for other programs and for people: JSON that holds all of it, Markdown of what is shown."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Final

from llmlab.domain.messages import Chat, Draft, Message, Part, Reasoned, Text, Thinking
from llmlab.words import say

FORMAT: Final = "llmlab.chat"
"""What `format` says in the JSON, so that a reader knows the file."""
FORMAT_VERSION: Final = 1

_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")


def chat_as_record(chat: Chat) -> dict[str, object]:
    """All of a chat as values that JSON can hold: every version and branch, thinking and origins.

    `messages` stand in the order of their making, each naming its `parent`; `chosen` says which child is shown after
    each message, and `shown` lists the ids on the screen, first to last.
    """
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "id": chat.id,
        "title": chat.title,
        "created": chat.created,
        "updated": chat.updated,
        "model": chat.model,
        "system": chat.system,
        "messages": [_message_record(message) for message in chat.conversation.messages.values()],
        "chosen": [{"parent": parent, "child": child} for parent, child in chat.conversation.chosen.items()],
        "shown": [message.id for message in chat.conversation.path()],
    }


def chat_as_json(chat: Chat) -> str:
    """`chat_as_record` as indented JSON text in plain letters of every script, ending in a newline."""
    written = json.dumps(chat_as_record(chat), ensure_ascii=False, indent=2)
    # Half a surrogate pair, which a broken paste may bring, has no UTF-8; written out, JSON still carries it.
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", written) + "\n"


def chat_as_markdown(chat: Chat) -> str:
    """The shown path of a chat for reading: title, system prompt, messages, thinking folded; ends in a newline."""
    title = " ".join(chat.title.split()) or say("Untitled chat")
    made = datetime.fromtimestamp(chat.created, timezone.utc)
    blocks = [f"# {title}", f"*{chat.model} · {made:%Y-%m-%d %H:%M} UTC*"]
    if chat.system:
        blocks += [f"## {say('System')}", _closed(chat.system)]
    for message in chat.conversation.path():
        blocks += _message_blocks(message)
    return "\n\n".join(blocks) + "\n"


def _message_record(message: Message) -> dict[str, object]:
    return {
        "id": message.id,
        "parent": message.parent,
        "role": message.role,
        "state": message.state,
        "created": message.created,
        "parts": [_part_record(part) for part in message.parts],
        "origin": None if message.origin is None else asdict(message.origin),
    }


def _part_record(part: Part) -> dict[str, object]:
    match part:
        case Text(text=text):
            return {"type": "text", "text": text}
        case Thinking(text=text, seconds=seconds, tokens=tokens):
            return {"type": "thinking", "text": text, "seconds": seconds, "tokens": tokens}
        case Draft():
            return {"type": "draft", **asdict(part)}
        case Reasoned():
            return {"type": "reasoned", **asdict(part)}


def _message_blocks(message: Message) -> list[str]:
    blocks = [f"## {_speaker(message)}"]
    if message.thinking.strip():
        summary = say("Thinking")
        blocks += [f"<details><summary>{summary}</summary>", _closed(message.thinking.strip("\n")), "</details>"]
    for draft in message.drafts:
        summary = say("Draft")
        blocks += [f"<details><summary>{summary}</summary>", _closed(draft.text.strip("\n")), "</details>"]
    if message.text.strip():
        blocks.append(_closed(message.text.strip("\n")))
    note = _note(message)
    return [*blocks, f"*{note}*"] if note else blocks


def _speaker(message: Message) -> str:
    if message.role == "assistant":
        return message.origin.model if message.origin is not None else say("Assistant")
    return say("You") if message.role == "user" else say("System")


def _note(message: Message) -> str:
    """What a reader should know about how the message ended."""
    if message.state == "failed":
        problem = message.origin.problem if message.origin is not None else ""
        return say("This answer failed: {problem}", problem=problem) if problem else say("This answer failed.")
    if message.state in ("interrupted", "writing"):
        return say("This answer was interrupted.")
    if message.origin is not None and message.origin.finish == "cancelled":
        return say("This answer was stopped.")
    if message.origin is not None and message.origin.finish == "length":
        return say("This answer reached its greatest length.")
    return ""


def _closed(text: str) -> str:
    """`text` with a code fence that it leaves open closed, so that it does not swallow what follows."""
    fence = ""
    for line in text.splitlines():
        found = _FENCE.match(line)
        if found is None:
            continue
        marks, rest = found.groups()
        if not fence:
            # An opening fence of backticks has no backtick after it; else it is code within a line.
            fence = "" if marks[0] == "`" and "`" in rest else marks
        elif marks[0] == fence[0] and len(marks) >= len(fence) and not rest.strip():
            fence = ""
    return f"{text}\n{fence}" if fence else text
