"""Tables of models.toml that name a server instead of a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from llmlab.domain.model import ModelSpec
from llmlab.domain.remote import Remote
from llmlab.domain.sampling import Sampling
from llmlab.domain.terminal import visible_line
from llmlab.library.checks import Check, Fault, Unfit, given, number, whole, words, yes_or_no
from llmlab.words import say

URL_KEY: Final = "url"
"""What makes a table one of these."""

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRETS: Final = ("key", "api_key", "apikey", "token", "password", "secret", "authorization")
"""Keys under which people would write what must not stand in a file."""


def _url(value: object) -> str:
    text = str(words(value)).strip()
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or visible_line(text) != text or " " in text:
        raise Unfit(say("{given} is no address such as http://127.0.0.1:8080/v1", given=given(visible_line(text))))
    if not text.isascii():
        raise Unfit(say("{given} holds letters that an address cannot have", given=given(text)))
    if "@" in parts.netloc:
        raise Unfit(say("holds a name or password; name the variable that holds the key under key_env"))
    if parts.query or parts.fragment:
        raise Unfit(say("{given} ends with more than a path", given=given(text)))
    return text.rstrip("/")


def _name(value: object) -> str:
    text = str(words(value))
    if not text.strip() or visible_line(text) != text:
        raise Unfit(say("{given} is no name of a model", given=given(visible_line(text))))
    return text


def _variable(value: object) -> str:
    text = str(words(value))
    if not _VARIABLE.fullmatch(text):
        # Not shown: it may be the key itself.
        raise Unfit(say("is no name of an environment variable; the key itself never stands in this file"))
    return text


_OWN: Final[Mapping[str, Check]] = {
    URL_KEY: _url,
    "model": _name,
    "key_env": _variable,
    "parallel": whole(1, 64),
    "timeout": number(1, 86_400),
}
"""Keys that say how the server is talked to."""


def _table(value: object) -> object:
    if isinstance(value, dict):
        return value
    raise Unfit(say("{given} is not a table", given=given(value)))


REMOTE_CHECKS: Final[Mapping[str, Check]] = {
    **_OWN,
    "n_ctx": whole(32, 1 << 24),
    "system": words,
    "thinking": yes_or_no,
    "sampling": _table,
}
"""What each key of such a table takes."""


def explained(fault: Fault, table: Mapping[str, object], local: Mapping[str, Check]) -> Fault | None:
    """`fault` with its reason where it comes from mixing up the two kinds of tables; `None` where it does not.

    Args:
        fault: what is wrong.
        table: the table of the model.
        local: the checks of tables that name a file.
    """
    key = fault.path[-1]
    if len(fault.path) > 1:
        return None
    if key.lower() in _SECRETS:
        what = say("a key never stands in this file: write key_env and the name of the variable that holds it")
        return Fault(fault.path, what)
    if URL_KEY in table and key not in REMOTE_CHECKS and key in local:
        what = (
            say("names one of the two: path, or url")
            if key == "path"
            else say("does nothing with url: the server decides that")
        )
        return Fault(fault.path, what)
    if URL_KEY not in table and key in _OWN:
        return Fault(fault.path, say("does nothing without {key}", key=URL_KEY))
    return None


def remote_spec(name: str, source: str, values: Mapping[str, object], sampling: Sampling) -> ModelSpec:
    """The model of a table whose values are checked."""
    own = {key: values[key] for key in _OWN if key in values}
    rest = {key: values[key] for key in ("n_ctx", "system", "thinking") if key in values}
    remote = Remote(**own)  # type: ignore[arg-type]  # the checks give each field its type
    path = f"{remote.url}#{remote.model}"
    return ModelSpec(name=name, path=path, remote=remote, source=source, sampling=sampling, **rest)  # type: ignore[arg-type]
