"""What click says by itself, said in the language in use: the frame of a help page, and what is wrong with a line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from llmlab.words import say


class HelpPage(click.HelpFormatter):
    """A help page whose headings are in the language in use."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write how the command is called."""
        super().write_usage(prog, args, f"{say('Usage:')} " if prefix is None else prefix)

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """A part of the page under its heading."""
        headings = {"Options": say("Options"), "Commands": say("Commands")}
        with super().section(headings.get(name, name)):
            yield


class SpokenContext(click.Context):
    """What a command runs in; its help pages are `HelpPage`s."""

    formatter_class = HelpPage


class SpokenCommand(click.Command):
    """A command; every complaint about its line knows which command it was."""

    context_class = SpokenContext

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the arguments; words that have no place are told in the language in use."""
        ctx.allow_extra_args = True
        with told_of(ctx):
            rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            words = " ".join(rest)
            raise click.UsageError(
                say("Unexpected: {words}; a text of several words stands in quotes", words=words), ctx
            )
        return rest


@contextmanager
def told_of(ctx: click.Context) -> Iterator[None]:
    """Let what is wrong with a line know its command, so that the help of the right one is named."""
    try:
        yield
    except click.UsageError as error:
        error.ctx = error.ctx or ctx
        raise


def complaint(error: click.UsageError) -> str:
    """What is wrong with the line."""
    match error:
        case click.NoSuchOption():
            from llmlab.library.checks import meant

            return say("There is no option {name}", name=error.option_name) + meant(
                error.option_name, error.possibilities or ()
            )
        case click.BadOptionUsage():
            return _about_value(error)
        case click.MissingParameter() if error.param is not None:
            return say("Missing: {name}", name=_name(error.param))
        case click.BadParameter() if error.param is not None:
            return say("{name} takes {values}", name=_name(error.param), values=_values(error.param.type))
    return error.format_message()


def _about_value(error: click.BadOptionUsage) -> str:
    """An option that was given no value, too few, or one that it does not take."""
    name = error.option_name
    params = error.ctx.command.params if error.ctx else []
    option = next((each for each in params if name in (*each.opts, *each.secondary_opts)), None)
    if isinstance(option, click.Option) and option.is_flag:
        return say("{name} takes no value", name=name)
    if option is not None and option.metavar:
        return say("{name} needs its value: {usage}", name=name, usage=f"{name} {option.metavar}")
    return say("{name} needs its value", name=name)


def _name(param: click.Parameter) -> str:
    """A parameter as the person writes it."""
    return param.metavar or (param.name or "").upper() if isinstance(param, click.Argument) else "/".join(param.opts)


def _values(kind: click.ParamType[Any]) -> str:
    """What a parameter takes."""
    match kind:
        case click.Choice():
            return say(" or ").join(map(str, kind.choices))
        case click.IntRange(min=least, max=None):
            return say("a whole number from {least} on", least=least)
        case click.IntRange(min=least, max=most):
            return say("a whole number from {least} to {most}", least=least, most=most)
        case click.types.IntParamType():
            return say("a whole number")
    return kind.name
