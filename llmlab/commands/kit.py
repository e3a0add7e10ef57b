"""What the commands of the command line are made of: a session, options, and the folders they work in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from llmlab.commands.speech import SpokenCommand, SpokenContext, told_of
from llmlab.domain.model import ModelSpec
from llmlab.errors import ConfigError
from llmlab.headless.diagnostics import Diagnostics
from llmlab.headless.output import Output
from llmlab.paths import Paths
from llmlab.words import say


@dataclass(frozen=True, slots=True)
class Session:
    """What every command is given."""

    out: Output
    err: Diagnostics
    paths: Paths


class Commands(click.Group):
    """A group that offers the near miss of a command."""

    context_class = SpokenContext

    def __init__(self, **attributes: Any) -> None:
        """As click's own."""
        super().__init__(options_metavar=say("[OPTIONS]"), **attributes)
        alone = self.invoke_without_command
        self.subcommand_metavar = say("[COMMAND] [ARGS]...") if alone else say("COMMAND [ARGS]...")

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the options of the group."""
        with told_of(ctx):
            return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from llmlab.library.checks import meant

            if " " in args[0].strip():
                raise click.UsageError(say('To ask something, write: llmlab ask "{text}"', text=args[0]), ctx)
            raise click.UsageError(
                say("There is no command {name}", name=args[0]) + meant(args[0], self.list_commands(ctx)), ctx
            )
        return super().resolve_command(ctx, args)


class CommandsOnDemand(Commands):
    """A group that imports a command when it is named, so that opening the lab waits for none of them."""

    def __init__(self, parts: Mapping[str, str], **attributes: Any) -> None:
        """`parts` gives, by command, the module whose `NAME_command` makes it."""
        super().__init__(**attributes)
        self._parts = parts

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, the imported and the others."""
        return sorted({*super().list_commands(ctx), *self._parts})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, imported."""
        if cmd_name in self._parts and cmd_name not in self.commands:
            make: Callable[[], click.Command] = getattr(import_module(self._parts[cmd_name]), f"{cmd_name}_command")
            self.add_command(make())
        return super().get_command(ctx, cmd_name)


def command(name: str, verb: Any, text: str, *params: click.Parameter) -> click.Command:
    """A command whose verb is given the session and its parameters."""
    return SpokenCommand(
        name,
        callback=click.pass_obj(verb),
        help=text,
        params=[*params, help_flag()],
        add_help_option=False,
        options_metavar=say("[OPTIONS]"),
    )


def option(*names: str, **attributes: Any) -> click.Option:
    """An option with a value."""
    return click.Option(list(names), **attributes)


def flag(*names: str, **attributes: Any) -> click.Option:
    """An option without one."""
    return click.Option(list(names), is_flag=True, **attributes)


def json_flag(text: str = "") -> click.Option:
    """`--json`; `text` is its help."""
    return flag("--json", "as_json", help=text or say("Print JSON."))


def help_flag() -> click.Option:
    """`-h` and `--help`."""

    def show(context: click.Context, _param: click.Parameter, wanted: bool) -> None:
        if wanted and not context.resilient_parsing:
            session: Session = context.obj
            session.out.paragraph(context.get_help())
            context.exit()

    return flag("-h", "--help", expose_value=False, is_eager=True, callback=show, help=say("Show this help and exit."))


def chosen_model(session: Session, name: str | None) -> ModelSpec:
    """The model that `-m` names, else the default; the folders are made.

    Raises:
        ConfigError: a folder cannot be made, there is no such model, or its table is wrong.
    """
    from llmlab import wiring

    prepare(session.paths)
    shelf = wiring.open_shelf(session.paths, working_folder(session.paths))
    if shelf.problems():
        session.err.note(say("Something in models.toml is wrong; see: llmlab models check"))
    return shelf.find(name) if name else shelf.default()


def prepare(paths: Paths) -> None:
    """Make the folders.

    Raises:
        ConfigError: one cannot be made.
    """
    try:
        paths.ensure()
    except OSError as error:
        raise ConfigError(
            say("A folder of llmlab cannot be made: {reason}", reason=error.strerror or str(error)),
            where=str(error.filename or ""),
            hint=say("Set LLMLAB_HOME to a folder that can be written."),
        ) from None


def working_folder(paths: Paths) -> Path:
    """The working directory; the config folder when it was deleted under us."""
    try:
        return Path.cwd()
    except OSError:
        return paths.config
