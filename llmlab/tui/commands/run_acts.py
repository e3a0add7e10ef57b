"""What can be done with runs of experiments."""

from __future__ import annotations

from llmlab.tui.commands.lab import Lab


async def runs(lab: Lab, argument: str) -> None:
    """Show all runs; a named experiment is run at once."""
    await lab.desk.require_quiet()
    await lab.recipes.open_runs(argument.strip())
