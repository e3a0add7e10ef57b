"""What can be done with the lab itself: model, thinking, sampling, settings, help."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from llmlab.domain.model import BadModel, ModelSpec
from llmlab.domain.recipe import OverflowPolicy
from llmlab.domain.sampling import SETTINGS, parse_setting, with_setting
from llmlab.errors import ConfigError, UsageError
from llmlab.tui.commands.lab import Lab
from llmlab.words import say

THINKING_WORDS = {"on": True, "off": False, "auto": None}


async def model(lab: Lab, argument: str) -> None:
    """Choose the model by name or path; shows the list when none is given."""
    spec = lab.desk.services.shelf.find(argument) if argument else await lab.pick_model()
    if spec is not None:
        lab.load_model(usable(spec))


def usable(spec: ModelSpec | BadModel) -> ModelSpec:
    """`spec` when it can be loaded.

    Raises:
        ConfigError: its table holds something wrong.
    """
    if isinstance(spec, BadModel):
        raise ConfigError(spec.problem, where=spec.source, hint=say("Mend it there; it is read again at once."))
    return spec


async def show_thinking(lab: Lab, argument: str) -> None:
    """Fold or unfold thinking."""
    lab.toggle_thinking()


async def think(lab: Lab, argument: str) -> None:
    """Whether a model that can think does."""
    if argument not in THINKING_WORDS:
        raise UsageError(say("/think takes on, off or auto."))
    lab.desk.thinking = THINKING_WORDS[argument]
    lab.change_settings(thinking=lab.desk.thinking)
    lab.tell(say("Thinking: {mode}, from the next answer on.", mode=argument))
    if lab.desk.thinking is not None and (remark := lab.modes.switch_remark):
        lab.tell(remark, severity="warning")


async def set_sampling(lab: Lab, argument: str) -> None:
    """Set one sampler setting, or take it back with an empty value."""
    name, _, value = argument.partition(" ")
    known = [setting.name for setting in SETTINGS]
    if name not in known:
        raise UsageError(say("/set takes a setting and a value."), hint=", ".join(known))
    try:
        parsed = parse_setting(name, value.strip()) if value.strip() else None
    except ValueError as error:
        raise UsageError(str(error)) from None
    lab.desk.sampling = with_setting(lab.desk.sampling, name, parsed)
    lab.change_settings(sampling=lab.desk.sampling)
    if parsed is None:
        lab.tell(say("{name} is the model's own again.", name=name))
    else:
        lab.tell(say("{name} is {value}, from the next answer on.", name=name, value=parsed))


async def settings(lab: Lab, argument: str) -> None:
    """Show the settings."""
    lab.open_settings()


OVERFLOWS: Final[Mapping[str, OverflowPolicy]] = {"ask": "ask", "turns": "drop_turns", "examples": "fewer_examples"}


async def overflow(lab: Lab, argument: str) -> None:
    """What happens to a prompt that does not fit."""
    if argument not in OVERFLOWS:
        raise UsageError(
            say("/overflow takes ask, turns or examples."),
            hint=say("ask sends nothing and names the ways out; turns leaves out the oldest; examples shows fewer."),
        )
    lab.desk.overflow = OVERFLOWS[argument]
    lab.show_chat()
    lab.tell(say("A prompt that does not fit: {policy}.", policy=argument))


async def keep_thinking(lab: Lab, argument: str) -> None:
    """Whether the model is shown what it thought before earlier answers."""
    if argument not in ("on", "off"):
        raise UsageError(say("/remember takes on or off."))
    lab.desk.keep_thinking = argument == "on"
    lab.show_chat()
    lab.tell(say("Earlier thinking in the prompt: {mode}.", mode=argument))


async def sampling(lab: Lab, argument: str) -> None:
    """Every sampler setting, presets, and the shape of answers."""
    await lab.recipes.open_sampling()


async def keep_recipe(lab: Lab, argument: str) -> None:
    """Keep the recipe under a name."""
    recipe = lab.desk.recipe()
    name, agreed = argument.strip() or (await lab.ask_line(say("Name of the recipe")) or "").strip(), ""
    while name and name != agreed and lab.recipes.has_recipe(name):
        agreed = name
        question = say("There is a recipe {name} already: enter replaces it, another name keeps both", name=name)
        name = (await lab.ask_line(question, name) or "").strip()
    if name:
        path = lab.recipes.keep_recipe(name, recipe)
        lab.tell(say("Kept: {path}. Use it with llmlab ask --recipe {name}", path=path, name=name))


async def take_recipe(lab: Lab, argument: str) -> None:
    """Go on with a recipe that was kept."""
    if not argument.strip():
        raise UsageError(
            say("/recipe takes a name."), hint=say("/keep NAME in the lab keeps one, and so does --keep NAME.")
        )
    lab.recipes.load_recipe(argument.strip(), lab.wish.export_folder or Path.cwd())


async def compare(lab: Lab, argument: str) -> None:
    """One question under several recipes side by side."""
    await lab.desk.require_quiet()
    lab.recipes.open_compare(argument)


async def bench(lab: Lab, argument: str) -> None:
    """Show the recipe, the prompt, its tokens, or none of them."""
    lab.recipes.turn_bench()


async def copy_prompt(lab: Lab, argument: str) -> None:
    """Copy the prompt that is shown, as it would be sent."""
    text = lab.recipes.prompt
    if text is None:
        raise UsageError(say("There is no prompt yet."), hint=say("The prompt is shown once the model is ready."))
    lab.copy(text)
    lab.tell(say("Copied {count:,} characters.", count=len(text)))


async def show_help(lab: Lab, argument: str) -> None:
    """Show keys and commands."""
    lab.open_help()


async def palette(lab: Lab, argument: str) -> None:
    """Show all commands."""
    await lab.run_action("app.command_palette")


async def leave(lab: Lab, argument: str) -> None:
    """End llmlab."""
    await lab.run_action("app.quit")
