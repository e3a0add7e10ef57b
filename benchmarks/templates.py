"""Prompts rendered by llmlab against llama.cpp's own rendering, for every chat template in llama.cpp's sources.

`python -m benchmarks templates -- --templates DIR [--programs DIR]`; DIR is `models/templates` of the sources. Each
template is given the same conversations by llmlab's engine and by `llama-server`'s `/apply-template`, on the same
model; the texts have to be equal to the last character.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.programs import Programs, Server, build, built, complete
from llmlab.domain.model import ModelSpec
from llmlab.domain.prompting import ChatMessage, PromptOptions
from llmlab.engine.child import ChildEngine
from llmlab.errors import LlmlabError
from llmlab.pocket import pocket_path

CONVERSATIONS: Final = {
    "question": (ChatMessage("user", "Why is the sky blue?"),),
    "system": (ChatMessage("system", "Be brief."), ChatMessage("user", "Why is the sky blue?")),
    "turns": (
        ChatMessage("system", "You are kind."),
        ChatMessage("user", "Hello 你好"),
        ChatMessage("assistant", "Hi!\nHow are you?"),
        ChatMessage("user", "Fine. And what is `a < b`?"),
    ),
}
"""What each template is given."""


SWITCHES: Final = {"enable_thinking": True, "thinking": True}
"""Both names of the switch, as llmlab sets them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One template on one conversation."""

    template: str
    conversation: str
    verdict: str
    """`equal`, `both refuse`, or what differs."""


def server_text(server: Server, messages: tuple[ChatMessage, ...]) -> str | None:
    """llama.cpp's rendering; `None` when its template engine refuses."""
    given = [{"role": message.role, "content": message.text} for message in messages]
    try:
        return str(
            server.ask("POST", "/apply-template", {"messages": given, "chat_template_kwargs": SWITCHES})["prompt"]
        )
    except RuntimeError:
        return None


def difference(ours: str | None, theirs: str | None) -> str:
    """In words how two renderings differ."""
    if ours == theirs:
        return "equal" if ours is not None else "both refuse"
    if ours is None or theirs is None:
        return "only llama.cpp renders it" if ours is None else "only llmlab renders it"
    place = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    return f"differs at {place}: llmlab {ours[place : place + 40]!r}, llama.cpp {theirs[place : place + 40]!r}"


async def our_texts(model: Path, template: Path, log: Path) -> dict[str, str | None]:
    """What llmlab renders of every conversation; `None` where the template refuses."""
    engine = ChildEngine(log=log)
    texts: dict[str, str | None] = dict.fromkeys(CONVERSATIONS)
    try:
        await engine.load(
            ModelSpec(name="m", path=str(model), chat_template=str(template), n_threads=1), lambda _share: None
        )
        for name, messages in CONVERSATIONS.items():
            try:
                texts[name] = (await engine.prompt(messages, PromptOptions(thinking=True))).text
            except LlmlabError:
                continue
    except LlmlabError:
        return texts
    finally:
        await engine.close()
    return texts


def compare(programs: Programs, template: Path, log: Path) -> list[Outcome]:
    """Every conversation under one template."""
    ours = asyncio.run(our_texts(programs.model, template, log))
    theirs: dict[str, str | None] = dict.fromkeys(CONVERSATIONS)
    try:
        with programs.server(
            slots=1, window=512, unified=True, options=("--chat-template-file", str(template))
        ) as server:
            theirs = {name: server_text(server, messages) for name, messages in CONVERSATIONS.items()}
    except RuntimeError as error:
        return [Outcome(template.stem, name, f"llama-server: {error}") for name in CONVERSATIONS]
    return [Outcome(template.stem, name, difference(ours[name], theirs[name])) for name in CONVERSATIONS]


def main() -> int:
    """Print each exception and the count; 1 when a rendering differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "llmlab-benchmarks")
    parser.add_argument("--programs", type=Path, help="folder that holds llama-server")
    parser.add_argument("--templates", type=Path, help="models/templates of llama.cpp's sources")
    parser.add_argument("--only", default="", help="part of a template's name")
    options, _ = parser.parse_known_args()
    if options.templates is None:
        print("Not run: give the folder of chat templates with --templates.")
        return 0
    folder = options.programs or (built(options.cache) if complete(built(options.cache)) else build(options.cache))
    programs = Programs(folder, pocket_path("pocket-m"), 1)
    files = sorted(file for file in options.templates.glob("*.jinja") if options.only in file.name)
    options.cache.mkdir(parents=True, exist_ok=True)
    outcomes = [outcome for file in files for outcome in compare(programs, file, options.cache / "templates.log")]
    bad = [outcome for outcome in outcomes if outcome.verdict not in ("equal", "both refuse")]
    for outcome in bad:
        print(f"{outcome.template} / {outcome.conversation}: {outcome.verdict}")
    equal = {file.stem for file in files} - {outcome.template for outcome in bad}
    refused = sum(outcome.verdict == "both refuse" for outcome in outcomes)
    print(
        f"{len(equal)} of {len(files)} templates equal llama.cpp's rendering ({refused} conversations refused by both)"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
