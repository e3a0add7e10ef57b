"""What the parts of a prompt are called."""

from __future__ import annotations

from llmlab.domain.assembly import OriginSpan, SpanOrigin
from llmlab.words import say


def origin_name(origin: SpanOrigin) -> str:
    """What an origin is called, in the language in use."""
    match origin:
        case "scaffold":
            return say("chat template")
        case "system":
            return say("system prompt")
        case "template":
            return say("template")
        case "example":
            return say("examples")
        case "document":
            return say("document")
        case "history":
            return say("history")
        case "question":
            return say("question")
        case "cue":
            return say("reasoning cue")
        case "answer":
            return say("answer so far")


def origin_in_words(span: OriginSpan) -> str:
    """What a span is, with its number where there are several of its kind."""
    if not span.index:
        return origin_name(span.origin)
    if span.origin == "example":
        return say("example {number}", number=span.index)
    if span.origin == "document":
        return say("document, passage {number}", number=span.index)
    if span.origin == "history":
        return say("history, message {number}", number=span.index)
    return f"{origin_name(span.origin)} {span.index}"
