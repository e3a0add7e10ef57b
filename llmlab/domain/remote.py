"""A server that answers in place of a model file, and what that means for what is written to it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from llmlab.words import say


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """Where a model runs that a server answers for, by the protocol that OpenAI's has made common."""

    url: str
    """What its paths begin with, `http://host:port/v1`."""
    model: str = ""
    """What the server calls it; empty is the first one that it lists."""
    key_env: str = ""
    """The environment variable that holds the key; empty sends none. The key itself is never kept."""
    parallel: int = 4
    """Answers that are asked for at the same time."""
    timeout: float = 300.0
    """Seconds that the server may say nothing: reading a long prompt takes it a while."""

    @property
    def host(self) -> str:
        """Name or address, and port where the URL has one."""
        return urlsplit(self.url).netloc

    @property
    def here(self) -> bool:
        """It is a program on this machine: what is sent leaves llmlab, not the machine."""
        name = urlsplit(self.url).hostname or ""
        try:
            return ip_address(name).is_loopback
        except ValueError:
            return name == "localhost" or name.endswith(".localhost")

    @property
    def encrypted(self) -> bool:
        """What is sent can be read by the server alone."""
        return urlsplit(self.url).scheme == "https"


def told_where(remote: Remote) -> str:
    """Where everything goes that is written to its model."""
    if remote.here:
        return say("What you write goes to another program on this machine, {host}.", host=remote.host)
    return say("What you write leaves this machine: it goes to {host}.", host=remote.host)
