"""`llmlab prompts`: what there is in prompt files, and what is wrong in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llmlab.domain.terminal import visible_line
from llmlab.errors import ConfigError
from llmlab.headless.diagnostics import Diagnostics, Exit
from llmlab.headless.options import text_of_file
from llmlab.headless.output import Output, table
from llmlab.library.checks import meant
from llmlab.library.prompt_files import BadPrompt, PromptShelf, read_prompt
from llmlab.words import current_language, say

Shelves = Sequence[PromptShelf[Any]]
"""One a kind."""


def list_prompts(shelves: Shelves, out: Output, err: Diagnostics, *, as_json: bool) -> Exit:
    """Print every prompt, those of the interface's language first; what is wrong in files goes to standard error."""
    language = current_language()
    found = [(shelf.kind.folder, item) for shelf in shelves for item in shelf.in_language(language)]
    if as_json:
        entries = [
            {
                "kind": kind,
                "name": item.name,
                "language": item.language,
                "title": getattr(item, "title", ""),
                "source": item.source,
                "ok": not isinstance(item, BadPrompt),
            }
            for kind, item in found
        ]
        out.json({"prompts": entries, "problems": _problems(shelves)})
        return Exit.ANSWERED
    rows = [
        (kind, item.key, say("cannot be used") if isinstance(item, BadPrompt) else visible_line(item.title))
        for kind, item in found
    ]
    for line in table(rows):
        out.line(line)
    for problem in _problems(shelves):
        err.note(problem)
    return Exit.ANSWERED


def show_prompt(shelves: Shelves, name: str, out: Output, *, as_json: bool) -> Exit:
    """Print the file of a prompt: `sentiment`, `sentiment.zh`, or with its kind `shots/sentiment`.

    Raises:
        ConfigError: no kind has it, or several have.
        UsageError: its file cannot be read.
    """
    kind, item = _one_called(shelves, name)
    text = text_of_file(Path(item.source))
    if as_json:
        out.json({"kind": kind, "key": item.key, "source": item.source, "text": text})
    else:
        out.line(f"# {visible_line(item.source)}")
        for line in text.rstrip("\n").split("\n"):
            out.line(line)
    return Exit.ANSWERED


def _one_called(shelves: Shelves, wanted: str) -> tuple[str, Any]:
    """The kind and the prompt of a name.

    Raises:
        ConfigError: there is none, or there are several.
    """
    of_kind, slash, name = wanted.rpartition("/")
    found = [
        (shelf.kind.folder, item)
        for shelf in shelves
        if of_kind in ("", shelf.kind.folder) and (item := shelf.named(name, current_language())) is not None
    ]
    if len(found) == 1:
        return found[0]
    if found:
        ways = [f"{kind}/{name}" for kind, _ in found]
        raise ConfigError(
            say("There are several prompt files {name}: {ways}", name=visible_line(name), ways=", ".join(ways)),
            hint=say("Name one with its kind: llmlab prompts show {way}", way=ways[-1]),
        )
    names = dict.fromkeys(
        f"{shelf.kind.folder}{slash}{called}" if slash else called
        for shelf in shelves
        for item in shelf.items()
        for called in (item.name, item.key)
    )
    raise ConfigError(
        say("There is no prompt file {name}", name=visible_line(wanted)) + meant(wanted, names),
        hint=say("See all of them with: llmlab prompts list"),
    )


def check_prompts(shelves: Shelves, file: Path | None, out: Output, *, as_json: bool) -> Exit:
    """Print what is wrong, in all files or in one; the exit code is 1 when anything is."""
    if file is None:
        problems, count = _problems(shelves), sum(len(shelf.items()) for shelf in shelves)
    else:
        # A file lies in the folder of its kind; elsewhere it is taken for a template.
        folder = file.absolute().parent.name
        shelf = next((one for one in shelves if one.kind.folder == folder), shelves[0])
        prompt = read_prompt(file, shelf.kind)
        bad = [prompt.problem] if isinstance(prompt, BadPrompt) else list(getattr(prompt, "problems", ()))
        problems, count = bad, 1
    if as_json:
        out.json({"checked": count, "problems": problems})
    else:
        for problem in problems:
            for line in problem.split("\n"):
                out.line(line)
        if not problems:
            out.line(say("{count:,} prompt files, nothing is wrong.", count=count))
    return Exit.FAILED if problems else Exit.ANSWERED


def _problems(shelves: Shelves) -> list[str]:
    return [problem for shelf in shelves for problem in shelf.problems()]
