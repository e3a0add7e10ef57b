"""What can be done with one message, and walking among them."""

from __future__ import annotations

from llmlab.domain.messages import Message
from llmlab.errors import UsageError
from llmlab.tui.commands.lab import Lab
from llmlab.words import say


async def stop(lab: Lab, argument: str) -> None:
    """Stop the answer, or what is being opened; with neither, take one step back."""
    if lab.documents.stop():
        return
    if not lab.desk.services.chats.stop(lab.desk.chat.id):
        lab.leave()


async def previous(lab: Lab, argument: str) -> None:
    """Select the message before."""
    _walk(lab, -1)


async def following(lab: Lab, argument: str) -> None:
    """Select the message after."""
    _walk(lab, +1)


def _walk(lab: Lab, step: int) -> None:
    ids = [message.id for message in lab.desk.path]
    if not ids:
        return
    if lab.selected is None or lab.selected.id not in ids:
        lab.select(ids[-1] if step < 0 else None)
        return
    place = ids.index(lab.selected.id) + step
    lab.select(ids[max(place, 0)] if place < len(ids) else None)


async def regenerate(lab: Lab, argument: str) -> None:
    """Answer again, beside the answer there is."""
    answer = _target(lab)
    await lab.desk.require_quiet()
    if answer.role == "user":
        answer = next((message for message in lab.desk.path if message.parent == answer.id), answer)
    lab.start_answer(lab.desk.services.chats.regenerate(lab.desk.chat, answer.id, lab.desk.recipe()))


async def card(lab: Lab, argument: str) -> None:
    """Show what an answer came from."""
    answer = _target(lab)
    if answer.origin is None or answer.origin.card is None:
        raise UsageError(
            say("This answer does not say what it came from."),
            hint=say("It was written by an older llmlab, or by hand alone."),
        )
    lab.show_card(answer, answer.origin.card)


async def quotes(lab: Lab, argument: str) -> None:
    """Show where the documents say what an answer quotes."""
    await lab.documents.show_quotes(_target(lab))


async def go_on(lab: Lab, argument: str) -> None:
    """Go on from the end of an answer."""
    answer = _target(lab)
    await lab.desk.require_quiet()
    if answer.role != "assistant":
        raise UsageError(say("Only an answer can be continued."), hint=say("Select one with alt+up and press c."))
    lab.start_answer(lab.desk.services.chats.continue_answer(lab.desk.chat, answer.id, lab.desk.recipe()))


async def edit(lab: Lab, argument: str) -> None:
    """Change a message: a question is asked anew on a branch, an answer becomes a new version."""
    message = _target(lab)
    await lab.desk.require_quiet()
    lab.begin_edit(message)


async def copy(lab: Lab, argument: str) -> None:
    """Copy a message."""
    message = _target(lab)
    lab.copy(message.text)
    lab.tell(say("Copied {count:,} characters.", count=len(message.text)))


async def older(lab: Lab, argument: str) -> None:
    """Show the version before."""
    await _show_version(lab, -1)


async def newer(lab: Lab, argument: str) -> None:
    """Show the version after."""
    await _show_version(lab, +1)


async def _show_version(lab: Lab, step: int) -> None:
    desk, message = lab.desk, _target(lab)
    versions = desk.chat.conversation.versions(message.id)
    place = [version.id for version in versions].index(message.id) + step
    if not 0 <= place < len(versions):
        return
    was_selected = lab.selected is not None
    desk.chat = await desk.services.chats.choose(desk.chat, versions[place].id)
    lab.show_chat()
    if was_selected:
        lab.select(versions[place].id)


def _target(lab: Lab) -> Message:
    """The selected message, else the last answer, else the last question."""
    path = lab.desk.path
    target = lab.selected or lab.desk.last_answer() or (path[-1] if path else None)
    if target is None:
        raise UsageError(say("There is no message yet."))
    return target
