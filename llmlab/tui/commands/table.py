"""Every command of the lab, declared once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

from textual.binding import Binding

from llmlab.tui.commands import (
    chat_acts,
    document_acts,
    example_acts,
    fit_acts,
    lab_acts,
    message_acts,
    reasoning_acts,
    run_acts,
    template_acts,
)
from llmlab.tui.commands.command import Command, Scope

COMMANDS: Final[tuple[Command, ...]] = (
    Command(
        id="lab.help", act=lab_acts.show_help, at_once=True, keys="f1", slash="help", hint="help", priority=True,
        title="Help", help="All keys and commands on one page",
    ),
    Command(
        id="chat.new", act=chat_acts.new, keys="ctrl+n", slash="new", hint="new", priority=True,
        title="New chat", help="Start an empty chat; the others stay in the list",
    ),
    Command(
        id="chat.search", act=chat_acts.search, at_once=True, keys="ctrl+k", slash="search",
        argument="TEXT", hint="search", priority=True,
        title="Search in all chats", help="Find a chat by its title or by anything said in it",
    ),
    Command(
        id="chat.list", act=chat_acts.toggle_list, at_once=True, keys="ctrl+l", slash="chats", priority=True,
        title="Show or fold the list of chats", help="Make room for the chat, or bring the list back",
    ),
    Command(
        id="chat.rename", act=chat_acts.rename, keys="r", scope="list", slash="rename", argument="TITLE",
        hint="rename",
        title="Rename the chat", help="Another title; without one the first line of the first question is it",
    ),
    Command(
        id="chat.delete", act=chat_acts.delete, keys="delete,d", scope="list", slash="delete", hint="delete",
        title="Delete the chat", help="Take the chat out of the list; ctrl+z brings it back",
    ),
    Command(
        id="chat.undo", act=chat_acts.undo_delete, keys="ctrl+z", slash="undo", priority=True,
        title="Undo delete", help="Bring back the chat that was deleted last",
    ),
    Command(
        id="chat.system", act=chat_acts.system, slash="system", argument="TEXT",
        title="System prompt", help="Set the system prompt of this chat",
    ),
    Command(
        id="chat.export", act=chat_acts.export, slash="export", argument="md|json [PATH]",
        title="Export the chat", help="Write the chat to a file in the working directory",
    ),
    Command(
        id="chat.export_markdown", act=chat_acts.export_markdown,
        title="Export the chat as Markdown", help="The messages that are shown, as one readable file",
    ),
    Command(
        id="chat.export_json", act=chat_acts.export_json,
        title="Export the chat as JSON", help="Every message, version and branch, with its figures",
    ),
    Command(
        id="lab.models", act=lab_acts.model, keys="f5", slash="model", argument="NAME", hint="models", priority=True,
        title="Choose the model", help="Swap the model that runs, or open a GGUF file by its path",
    ),
    Command(
        id="lab.settings", act=lab_acts.settings, at_once=True, keys="f2", slash="settings", hint="settings",
        priority=True,
        title="Settings", help="Language, theme, thinking and sampling",
    ),
    Command(
        id="lab.sampling", act=lab_acts.sampling, keys="f10", slash="sampling", priority=True,
        title="Sampling and shape", help="Every sampler with its help, presets, a JSON schema or grammar for answers",
    ),
    Command(
        id="lab.overflow", act=lab_acts.overflow, slash="overflow", argument="ask|turns|examples",
        title="When a prompt does not fit", help="Ask; leave out the oldest turns; or show fewer examples, always told",
    ),
    Command(
        id="lab.fit", act=fit_acts.fit, keys="ctrl+o", slash="fit",
        argument="turns|examples|answer|window|passages|stretched", priority=True,
        title="Make the prompt fit", help="Pick what is done about a prompt that is too long; each way alone suffices",
    ),
    Command(
        id="lab.remember", act=lab_acts.keep_thinking, slash="remember", argument="on|off",
        title="Earlier thinking", help="Whether the model is shown again what it thought before earlier answers",
    ),
    Command(
        id="lab.keep", act=lab_acts.keep_recipe, slash="keep", argument="NAME",
        title="Keep the recipe", help="Under a name, for /recipe NAME here and llmlab ask --recipe NAME",
    ),
    Command(
        id="lab.recipe", act=lab_acts.take_recipe, at_once=True, slash="recipe", argument="NAME",
        title="Use a kept recipe", help="Model, system prompt, template, examples, reasoning and sampling at once",
    ),
    Command(
        id="lab.compare", act=lab_acts.compare, keys="f3", slash="compare", argument="QUESTION", hint="compare",
        priority=True,
        title="Compare recipes", help="One question under two to four recipes side by side; change one thing, vote",
    ),
    Command(
        id="lab.runs", act=run_acts.runs, keys="f4", slash="runs", argument="EXPERIMENT", hint="runs", priority=True,
        title="Runs of experiments", help="Run an experiment, watch it, look into its trials; from any row to the chat",
    ),
    Command(
        id="lab.bench", act=lab_acts.bench, at_once=True, keys="f9", slash="prompt", hint="prompt", priority=True,
        title="Recipe, prompt, tokens",
        help="What is sent, exactly: the recipe with its price, the prompt by origin, its tokens; again for the next",
    ),
    Command(
        id="prompt.copy", act=lab_acts.copy_prompt, at_once=True, keys="y", scope="prompt", hint="copy",
        title="Copy the prompt", help="Put what would be sent on the clipboard, to the last character",
    ),
    Command(
        id="lab.thinking", act=lab_acts.show_thinking, at_once=True, keys="ctrl+t", slash="thinking",
        priority=True, hint="thinking",
        title="Show or fold thinking", help="Unfold what the model thought before it answered, or fold it away",
    ),
    Command(
        id="lab.think", act=lab_acts.think, slash="think", argument="on|off|auto",
        title="Think or not", help="Whether a model that can think does so before it answers",
    ),
    Command(
        id="lab.reasoning", act=reasoning_acts.reasoning, keys="f8", slash="reason", argument="MODE [VOTES]",
        hint="reasoning", priority=True,
        title="Reasoning", help="How the model comes to its answer: steps, a plan, votes, a check of its own, thinking",
    ),
    Command(
        id="lab.templates", act=template_acts.templates, keys="f6", slash="t", argument="NAME", hint="templates",
        priority=True,
        title="Templates", help="Put what you type into a prompt template: summarise, translate, extract, review, ...",
    ),
    Command(
        id="lab.examples", act=example_acts.examples, keys="f7", slash="shots", argument="SET:K", hint="examples",
        priority=True,
        title="Examples", help="Which examples the model is shown, how many, in which form; edit and save them",
    ),
    Command(
        id="lab.documents", act=document_acts.documents, keys="f12", hint="documents", priority=True,
        title="Documents", help="What is read: its text, how it is read, what of it is in the prompt; search in it",
    ),
    Command(
        id="lab.read", act=document_acts.read, slash="read", argument="PATH",
        title="Open a document", help="Text, PDF, Office, e-book, web page, folder or pattern; off closes all",
    ),
    Command(
        id="lab.reading", act=document_acts.reading, slash="reading", argument="auto|whole|stretched|passages|digest",
        title="How documents are read", help="All of it, the passages that the question is about, or a digest",
    ),
    Command(
        id="lab.digest", act=document_acts.digest, slash="digest", argument="NAME",
        title="Make a digest", help="Notes on all of a document, of any length; what they take is told first",
    ),
    Command(
        id="message.example", act=example_acts.keep, keys="x", scope="message", slash="example", hint="example",
        title="Make it an example", help="Add this question and its answer to the examples in use, else to your own",
    ),
    Command(
        id="lab.set", act=lab_acts.set_sampling, slash="set", argument="NAME VALUE",
        title="Set a sampler setting", help="For instance /set temperature 0.2; without a value it is the model's own",
    ),
    Command(
        id="answer.stop", act=message_acts.stop, keys="escape", hint="stop", at_once=True,
        title="Stop the answer", help="Stop the answer and keep what was said; else one step back",
    ),
    Command(
        id="message.previous", act=message_acts.previous, at_once=True, keys="alt+up", priority=True, hint="messages",
        title="Message before", help="Select the message before, to copy, edit or answer it again",
    ),
    Command(
        id="message.next", act=message_acts.following, at_once=True, keys="alt+down", priority=True,
        title="Message after", help="Select the message after; past the last one you write again",
    ),
    Command(
        id="message.regenerate", act=message_acts.regenerate, keys="r", scope="message", slash="regenerate",
        hint="again", title="Answer again", help="Another version of the answer; the ones before stay",
    ),
    Command(
        id="message.edit", act=message_acts.edit, at_once=True, keys="e", scope="message", slash="edit", hint="edit",
        title="Edit the message", help="A changed question is asked on a new branch; a changed answer is a new version",
    ),
    Command(
        id="message.continue", act=message_acts.go_on, keys="c", scope="message", slash="continue", hint="continue",
        title="Continue the answer", help="Let the model go on where the answer ends",
    ),
    Command(
        id="message.card", act=message_acts.card, at_once=True, keys="i", scope="message", slash="card", hint="card",
        title="What the answer came from",
        help="Model file, settings, seed and prompt, to copy or to run again exactly",
    ),
    Command(
        id="message.quotes", act=message_acts.quotes, keys="q", scope="message", slash="quotes", hint="quotes",
        title="Go to what it quotes", help="Show where the documents say it; again for the next quote",
    ),
    Command(
        id="message.copy", act=message_acts.copy, keys="y", scope="message", slash="copy", hint="copy",
        title="Copy the message", help="Put the text of the message on the clipboard",
    ),
    Command(
        id="message.older", act=message_acts.older, keys="left", scope="message", hint="version",
        title="Version before", help="Show the version before in this place",
    ),
    Command(
        id="message.newer", act=message_acts.newer, keys="right", scope="message",
        title="Version after", help="Show the version after in this place",
    ),
    Command(
        id="lab.palette", act=lab_acts.palette, keys="ctrl+p", scope="app", action="app.command_palette", priority=True,
        title="All commands", help="Find any command by its name",
    ),
    Command(
        id="lab.quit", act=lab_acts.leave, keys="ctrl+q", scope="app", slash="quit", action="app.quit", priority=True,
        title="Quit", help="Leave; everything said is kept",
    ),
)  # fmt: skip
"""In the order of help and completion."""

BY_ID: Final = {command.id: command for command in COMMANDS}
BY_SLASH: Final = {command.slash: command for command in COMMANDS if command.slash}


def bindings(scope: Scope) -> list[Binding]:
    """The bindings of all commands of one scope."""
    return [command.binding for command in COMMANDS if command.scope == scope and command.binding]


def keys_of(command: Command, keymap: Mapping[str, str]) -> list[str]:
    """The keys that run a command, the user's own in place of the defaults."""
    return [key.strip() for key in keymap.get(command.id, command.keys).split(",") if key.strip()]


def near_miss(word: str, known: Iterable[str]) -> str:
    """The known word that `word` was probably meant to be; empty when none is near."""
    return next(iter(get_close_matches(word, list(known), n=1)), "")
