"""The command palette: every command by its name, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from llmlab.tui.commands.command import Command
from llmlab.tui.commands.table import COMMANDS
from llmlab.words import say


class CommandProvider(Provider):
    """Offers all commands; the screen performs the one that is chosen."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for command in COMMANDS:
            yield DiscoveryHit(say(command.title), self._performing(command), help=say(command.help))

    async def search(self, query: str) -> Hits:
        """Those whose name, word or help fits."""
        matcher = self.matcher(query)
        for command in COMMANDS:
            title = say(command.title)
            score = max(matcher.match(title), 0.8 * matcher.match(f"/{command.slash}"), 0.6 * matcher.match(command.id))
            if score > 0:
                yield Hit(score, matcher.highlight(title), self._performing(command), help=say(command.help))

    def _performing(self, command: Command) -> Callable[[], Coroutine[object, object, None]]:
        return partial(self.screen.run_action, f"screen.do('{command.id}')")
