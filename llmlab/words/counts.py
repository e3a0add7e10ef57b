"""Numbers of things in words, one told as one."""

from __future__ import annotations

from llmlab.words import say


def tokens_text(count: int) -> str:
    """So many tokens: `1 token`, `1,024 tokens`."""
    return say("1 token") if count == 1 else say("{count:,} tokens", count=count)


def claims_without_text(count: int) -> str:
    """So many claims without a quote, where there is no quote: `no quotes; 1 claim without one`."""
    if count == 1:
        return say("no quotes; 1 claim without one")
    return say("no quotes; {count} claims without one", count=count)


def quotes_text(count: int, exact: int) -> str:
    """So many quotes, and how many of them are exact: `1 quote: 1 exact`, `3 quotes: 2 exact`."""
    if count == 1:
        return say("1 quote: {exact} exact", exact=exact)
    return say("{count} quotes: {exact} exact", count=count, exact=exact)


def votes_text(count: int) -> str:
    """So many votes: `1 vote`, `8 votes`."""
    return say("1 vote") if count == 1 else say("{count} votes", count=count)
