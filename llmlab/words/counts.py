"""Numbers of things in words, one told as one."""

from __future__ import annotations

from llmlab.words import say


def tokens_text(count: int) -> str:
    """So many tokens: `1 token`, `1,024 tokens`."""
    return say("1 token") if count == 1 else say("{count:,} tokens", count=count)


def votes_text(count: int) -> str:
    """So many votes: `1 vote`, `8 votes`."""
    return say("1 vote") if count == 1 else say("{count} votes", count=count)
