"""What can be done with the examples that are shown to the model."""

from __future__ import annotations

from llmlab.domain.messages import Message
from llmlab.errors import UsageError
from llmlab.tui.commands.lab import Lab
from llmlab.tui.panes.recipe_words import shots_in_words
from llmlab.words import say


async def examples(lab: Lab, argument: str) -> None:
    """Use `SET:K`, another number of the same, or `off`; shows the pane when none is given."""
    if not argument:
        await lab.open_examples()
        lab.show_chat()
        return
    use = await lab.examples.use_named(argument)
    lab.show_chat()
    lab.tell(say("Examples: {words}, from the next answer on.", words=shots_in_words(use) or say("none")))


async def keep(lab: Lab, argument: str) -> None:
    """Make an example of a question and its answer."""
    question, answer = _turn(lab)
    lab.tell(await lab.examples.keep(question, answer))
    lab.show_chat()


def _turn(lab: Lab) -> tuple[Message, Message]:
    """The question and the answer of the selected message, else the last ones."""
    selected = lab.selected or lab.desk.last_answer()
    if selected is None:
        raise UsageError(say("There is no answer yet."))
    tree, path = lab.desk.chat.conversation.messages, lab.desk.path
    asks = selected.role == "user"
    question = selected if asks else tree.get(selected.parent or "")
    answer = next((one for one in path if one.parent == selected.id), None) if asks else selected
    if question is None or answer is None or answer.state == "writing":
        raise UsageError(say("An example needs a question and an answer."))
    return question, answer
