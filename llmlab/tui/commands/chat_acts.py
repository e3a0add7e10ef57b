"""What can be done with a whole chat."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Literal

from llmlab.domain.terminal import visible_line
from llmlab.errors import LlmlabError, StoreError, UsageError
from llmlab.library.writing import make_new
from llmlab.tui.commands.lab import Lab
from llmlab.words import say


async def new(lab: Lab, argument: str) -> None:
    """Put an empty chat on the desk."""
    lab.desk.new_chat()
    lab.show_chat()
    lab.select(None)
    lab.refresh_list()


async def search(lab: Lab, argument: str) -> None:
    """Search in all chats."""
    lab.search_chats(argument)


async def toggle_list(lab: Lab, argument: str) -> None:
    """Fold or unfold the list."""
    lab.toggle_list()


async def rename(lab: Lab, argument: str) -> None:
    """Give a chat another title; asks for one when none is given."""
    desk = lab.desk
    chat_id, title = lab.highlighted_chat or (desk.chat.id, desk.chat.title)
    wished = argument or await lab.ask_line(say("New title of the chat"), title)
    if wished is None or not (wished := visible_line(wished)):
        return
    if chat_id == desk.chat.id:
        desk.chat = await desk.services.chats.rename(desk.chat, wished)
    else:
        await desk.services.chats.rename(await desk.services.chats.open(chat_id), wished)
    lab.show_chat()
    lab.refresh_list()


async def delete(lab: Lab, argument: str) -> None:
    """Delete the chat under the cursor, else the open one."""
    desk = lab.desk
    chat_id, title = lab.highlighted_chat or (desk.chat.id, desk.chat.title)
    if chat_id == desk.chat.id and not desk.chat.conversation.messages:
        raise UsageError(say("This chat is empty; there is nothing to delete."))
    await desk.delete_chat(chat_id, title)
    lab.show_chat()
    lab.refresh_list()
    key = lab.key_of("chat.undo")
    lab.tell(say("Deleted “{title}”. Press {key} to bring it back.", title=visible_line(title), key=key))


async def undo_delete(lab: Lab, argument: str) -> None:
    """Bring the chat that was deleted last back."""
    if not lab.desk.deleted and (last := await lab.desk.services.chats.last_deleted()) is not None:
        # It was deleted before llmlab was started, or by another one.
        lab.desk.deleted.append(last)
    if not lab.desk.deleted:
        raise UsageError(say("There is no deleted chat to bring back."))
    title = await lab.desk.undo_delete()
    lab.show_chat()
    lab.refresh_list()
    lab.tell(say("“{title}” is back.", title=visible_line(title)))


async def system(lab: Lab, argument: str) -> None:
    """Give the chat a system prompt; asks for it when none is given."""
    desk = lab.desk
    own = desk.spec.system if desk.spec else None
    current = desk.chat.system if desk.chat.system is not None else own or ""
    text = argument or await lab.ask_text(say("System prompt of this chat (empty: none)"), current)
    if text is None:
        return
    desk.chat = await desk.services.chats.set_system(desk.chat, text)
    if text:
        lab.tell(say("The system prompt holds from the next answer on."))
    else:
        lab.tell(say("This chat has no system prompt from the next answer on."))
    lab.show_chat()


async def export(lab: Lab, argument: str) -> None:
    """Write the chat to a file: `md` or `json`, then perhaps a path."""
    form, _, path = argument.strip().partition(" ")
    if form not in ("", "md", "json"):
        form, path = ("json" if argument.endswith(".json") else "md"), argument.strip()
    await _export(lab, "json" if form == "json" else "md", path.strip())


async def export_markdown(lab: Lab, argument: str) -> None:
    """Write the chat to a Markdown file."""
    await _export(lab, "md", argument)


async def export_json(lab: Lab, argument: str) -> None:
    """Write the chat, every version and branch, to a JSON file."""
    await _export(lab, "json", argument)


async def _export(lab: Lab, form: Literal["md", "json"], path: str) -> None:
    chat = lab.desk.chat
    if not chat.conversation.messages:
        raise UsageError(say("This chat is empty; there is nothing to export."))
    text = lab.desk.services.chats.export(chat, form)
    folder = lab.wish.export_folder or Path.cwd()
    written = await asyncio.to_thread(write_new, export_path(folder, path, f"{file_stem(chat.title)}.{form}"), text)
    lab.tell(str(written), title=say("Exported to"))


def export_path(folder: Path, wished: str, name: str) -> Path:
    """Where an export goes: the path that was asked for, `name` inside it when it is a folder."""
    path = folder / Path(wished).expanduser() if wished else folder
    return path / name if path.is_dir() else path


def file_stem(title: str) -> str:
    """A file name made from a title: letters and digits of every script, at most 60 characters."""
    words = re.sub(r"[^\w]+", "-", title).strip("-_")
    return words[:60].rstrip("-") or "chat"


def write_new(path: Path, text: str) -> Path:
    """Write `text` to `path`, or beside it under the next free number; never over a file that exists.

    Raises:
        LlmlabError: it cannot be written.
    """
    tries = [path, *(path.with_stem(f"{path.stem}-{number}") for number in range(2, 1000))]
    for candidate in tries:
        try:
            make_new(candidate, text)
        except FileExistsError:
            continue
        except OSError as error:
            raise StoreError(
                say("The chat cannot be exported: {reason}.", reason=error.strerror or str(error)),
                where=str(candidate),
                hint=say("Name another place: /export md PATH"),
            ) from None
        return candidate
    raise LlmlabError(say("There are a thousand files of this name already."), where=str(path))
