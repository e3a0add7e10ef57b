"""What can be done with documents: read them, choose how, look at them, follow a quote to its place."""

from __future__ import annotations

from typing import Final

from llmlab.domain.reading import WAYS, WishedWay
from llmlab.domain.terminal import visible_line
from llmlab.errors import UsageError
from llmlab.tui.commands.lab import Lab
from llmlab.tui.panes.document_words import way_name
from llmlab.words import say

NONE: Final = "off"
"""What closes all documents."""


async def documents(lab: Lab, argument: str) -> None:
    """Show the documents pane."""
    await lab.documents.show()


async def read(lab: Lab, argument: str) -> None:
    """Open a file, a folder or a pattern, or close all with `off`; shows the pane when nothing is named."""
    if not argument:
        await lab.documents.show()
    elif argument == NONE:
        lab.documents.close_all()
    else:
        await lab.documents.open_named(argument)


async def reading(lab: Lab, argument: str) -> None:
    """Choose how documents are read."""
    ways: dict[str, WishedWay] = {name: name for name in WAYS}
    if argument not in ways:
        raise UsageError(say("/reading takes one of: {ways}.", ways=", ".join(WAYS)))
    lab.documents.values.require_one()
    lab.documents.values.read_by(ways[argument])
    lab.tell(say("Documents: {way}, from the next answer on.", way=way_name(ways[argument])))


async def digest(lab: Lab, argument: str) -> None:
    """Make a digest of the document that is open, or of the one whose name holds what was typed."""
    values = lab.documents.values
    values.require_one()
    found = [one.document for one in values.all if one.document is not None and argument in one.name]
    if len(found) != 1:
        raise UsageError(
            say("/digest NAME makes a digest of one document."),
            hint=say("Open are: {names}", names=", ".join(visible_line(one.name) for one in values.all)),
        )
    await lab.documents.make_digest(found[0])
