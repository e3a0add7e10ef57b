"""The errors of reading a document, where several parts of this room raise the same one."""

from __future__ import annotations

from llmlab.domain.reading_limits import ReadingLimits
from llmlab.errors import DocumentError
from llmlab.words import say


def over_limit(what: str, limit: str) -> DocumentError:
    """A reading that a limit ended.

    Args:
        what: what happened, as a sentence.
        limit: name of the field of `ReadingLimits`.
    """
    return DocumentError(what, hint=say("Raise {limit} under [documents] in settings.toml to read it.", limit=limit))


def damaged(kind: str, reason: str) -> DocumentError:
    """A file that is not what its format demands.

    Args:
        kind: name of the format, for people.
        reason: what a parser said, for the curious; may be empty.
    """
    reason = " ".join(reason.split())[:200]
    said = say("The {kind} file is damaged: {reason}.", kind=kind, reason=reason.rstrip("."))
    return DocumentError(
        said if reason else say("The {kind} file is damaged.", kind=kind),
        hint=say("Open it in the program that made it and save it again, or get another copy."),
    )


def locked(kind: str) -> DocumentError:
    """A file that a password or a shop protects."""
    return DocumentError(
        say("The {kind} file is encrypted, so nothing of it can be read.", kind=kind),
        hint=say("Open it with its password in the program that made it, and save it without one."),
    )


def without_text(kind: str) -> DocumentError:
    """A file that is sound and says nothing."""
    return DocumentError(
        say("The {kind} file holds no text.", kind=kind),
        hint=say("If its pages are pictures, run text recognition (OCR) over it first."),
    )


def out_of_memory(limits: ReadingLimits) -> DocumentError:
    """The error of a file that needs more memory than it may."""
    what = say("Reading it takes more than {count} MB of memory.", count=f"{limits.memory_mb:,}")
    return over_limit(what, "memory_mb")
