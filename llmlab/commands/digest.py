"""`llmlab digest`."""

from __future__ import annotations

import click

from llmlab.commands.kit import Session, chosen_model, command, flag, json_flag, option
from llmlab.domain.digest import DigestWay
from llmlab.errors import UsageError
from llmlab.words import say


def digest_command() -> click.Command:
    """Make a document short."""
    return command(
        "digest",
        _digest,
        say(
            "Make a digest of all of FILE, of any length: notes of its parts, then notes of the notes. What it takes "
            "is told first; notes are kept, and what was noted is not asked for again. FILE - is standard input."
        ),
        click.Argument(["file"], metavar="FILE|-"),
        option(
            "--way",
            type=click.Choice(["map", "refine"]),
            default="map",
            help=say("map: notes of several parts at a time; refine: one summary that part after part is worked into."),
        ),
        option("-m", "--model", help=say("Name of a model, or a GGUF file.")),
        option(
            "--encoding",
            metavar="NAME",
            default="",
            help=say("How the file is encoded, such as gb18030; without it, llmlab finds out."),
        ),
        flag("--dry-run", "dry", help=say("Tell requests, tokens and time, and write nothing.")),
        json_flag(say("Print one JSON object with the digest and all notes.")),
    )


def _digest(
    session: Session, file: str, way: DigestWay, model: str | None, encoding: str, dry: bool, as_json: bool
) -> int:
    from llmlab import wiring
    from llmlab.headless.console import Console
    from llmlab.headless.digest import DigestWish, run_digest
    from llmlab.headless.reading import open_documents

    spec = chosen_model(session, model)
    shelf = wiring.open_documents(session.paths)
    refs = open_documents(shelf, session.err, [file], encoding)
    if len(refs) != 1:
        raise UsageError(
            say("A digest is made of one document, and these are {count:,}.", count=len(refs)),
            where=file,
            hint=say("Name one file."),
        )
    host = wiring.make_host(session.paths)
    wish = DigestWish(way=way, dry=dry, as_json=as_json, told=session.paths.cache / "told-notes")
    document = shelf.get(refs[0].digest)
    console = Console(session.out, session.err)
    return run_digest(host, wiring.make_digesting(session.paths, host), document, spec, wish, console)
