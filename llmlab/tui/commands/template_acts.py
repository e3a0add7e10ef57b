"""What can be done with the prompt template of the next answers."""

from __future__ import annotations

from llmlab.tui.commands.lab import Lab
from llmlab.tui.templates import template_in_words
from llmlab.words import say


async def templates(lab: Lab, argument: str) -> None:
    """Use a template by name, or `off`; shows the pane when none is given."""
    if not argument:
        await lab.open_templates()
        lab.show_chat()
        return
    use = await lab.templates.use_named(argument)
    lab.show_chat()
    lab.tell(say("Template: {words}, from the next answer on.", words=template_in_words(use, "") or say("none")))
