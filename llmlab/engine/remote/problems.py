"""What can go wrong with a server, each as one message."""

from __future__ import annotations

from typing import Final

from llmlab.domain.remote import Remote
from llmlab.domain.terminal import visible_line
from llmlab.engine.remote.http import Broken, Head
from llmlab.errors import EngineDied, EngineError, LlmlabError, ModelError
from llmlab.words import say

LONGEST: Final = 300
"""Characters of what a server says that are shown."""


def shortened(text: str, key: str) -> str:
    """What a server says, safe to show: on one line, without the key."""
    line = visible_line(text.replace(key, "***") if key else text)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def broken(error: Broken, remote: Remote) -> LlmlabError:
    """An exchange that did not come to its end."""
    where, reason = remote.host, visible_line(error.reason) or say("no reason given")
    match error.kind:
        case "unreachable":
            return EngineDied(
                say("The server {host} cannot be reached: {reason}", host=where, reason=reason),
                hint=say("Is it running, and is the url in models.toml right? Then try again."),
            )
        case "untrusted":
            return EngineDied(
                say("The certificate of {host} is not to be trusted: {reason}", host=where, reason=reason),
                hint=say("Nothing was sent. Correct the url, or the clock or certificates of this machine."),
            )
        case "silent":
            return EngineError(
                say("{host} said nothing for {seconds:g} s.", host=where, seconds=remote.timeout),
                hint=say("Try again, or raise timeout in the model's table if it needs longer."),
            )
        case "closed":
            return EngineError(
                say("{host} ended the connection before the answer was complete.", host=where),
                hint=say("Its own log may say why; a server that answers one at a time needs parallel = 1."),
            )
        case "endless":
            return EngineError(say("{host} sent far more than an answer.", host=where), hint=_is_it_one())
        case "unreadable":
            return unreadable(remote, reason)


def unreadable(remote: Remote, reason: str) -> EngineError:
    """It says something, but not in this protocol."""
    return EngineError(
        say("{host} answered with something that cannot be read: {reason}", host=remote.host, reason=reason),
        hint=_is_it_one(),
    )


def _is_it_one() -> str:
    return say("Is it a server that speaks OpenAI's protocol, and does the url end as it wants, often with /v1?")


def refused(head: Head, said: str, remote: Remote, model: str) -> LlmlabError:
    """An answer that is an error: `said` is the server's own reason, safe to show."""
    where = say("{host} said: {reason}", host=remote.host, reason=said) if said else remote.host
    status = head.status
    if status in (401, 403):
        hint = (
            say("Is the key in {variable} right?", variable=remote.key_env)
            if remote.key_env
            else say("It wants a key: put it into an environment variable and name that under key_env in models.toml.")
        )
        return ModelError(say("The server refuses the key (status {status}).", status=status), where=where, hint=hint)
    if status == 404:
        return ModelError(
            say("The server has no model {model}, or nothing at this url (status 404).", model=visible_line(model)),
            where=where,
            hint=say("Correct model or url in models.toml; the url often ends with /v1."),
        )
    if 300 <= status < 400:
        place = visible_line(head.location)
        return ModelError(
            say("The server sends elsewhere (status {status}): {place}", status=status, place=place),
            where=remote.host,
            hint=say("Nothing is sent there unasked. Write that address as url if you trust it."),
        )
    if status == 429:
        return EngineError(
            say("The server has too much to do (status 429)."),
            where=where,
            hint=say("Wait, or lower parallel in the model's table."),
        )
    if status >= 500:
        return EngineError(
            say("The server failed (status {status}).", status=status),
            where=where,
            hint=say("Its own log may say why; try again."),
        )
    return EngineError(
        say("The server refuses the request (status {status}).", status=status),
        where=where,
        hint=say("Its reason tells what to change: a setting, the length of the prompt, or the form of the answer."),
    )
