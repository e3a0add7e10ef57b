"""What can be done with the prompt template of the next answers."""

from __future__ import annotations

from llmlab.domain.template import TemplateUse
from llmlab.tui.commands.lab import Lab
from llmlab.tui.templates import template_in_words
from llmlab.words import say


async def templates(lab: Lab, argument: str) -> None:
    """Use a template by name, or `off`; shows the pane when none is given."""
    before = lab.desk.template
    if not argument:
        await lab.open_templates()
        lab.show_chat()
        _offer(lab, before)
        return
    use = await lab.templates.use_named(argument)
    lab.show_chat()
    lab.tell(say("Template: {words}, from the next answer on.", words=template_in_words(use, "") or say("none")))
    _offer(lab, before)


def _offer(lab: Lab, before: TemplateUse | None) -> None:
    """Tell what goes well with a template that has just been chosen, and how it is put on."""
    use = lab.desk.template
    if use is None or (before is not None and before.template.key == use.template.key):
        return
    if parts := lab.suggestions.offered(use.template):
        key = lab.key_of("lab.templates")
        lab.tell(say("It goes well with {parts}; {key}, then s, puts that on.", parts=parts, key=key))
