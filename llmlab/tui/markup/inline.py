"""Inline Markdown as spans: everything a model may write is shown as text, nothing of it can be clicked."""

from __future__ import annotations

from collections.abc import Sequence

from markdown_it.token import Token

from llmlab.domain.terminal import visible
from llmlab.tui.markup.lines import PLAIN, Look, Span


def inline_spans(tokens: Sequence[Token], base: Look = PLAIN) -> list[Span]:
    """The spans of the children of an inline token; line breaks are newlines."""
    spans: list[Span] = []
    bold = italic = strike = 0
    targets: list[tuple[str, int]] = []
    for token in tokens:
        look = base._replace(
            bold=base.bold or bold > 0, italic=base.italic or italic > 0, strike=base.strike or strike > 0
        )
        match token.type:
            case "strong_open" | "strong_close":
                bold += token.nesting
            case "em_open" | "em_close":
                italic += token.nesting
            case "s_open" | "s_close":
                strike += token.nesting
            case "softbreak" | "hardbreak":
                spans.append(("\n", look))
            case "code_inline":
                spans.append((_clean(token.content), look._replace(role="code")))
            case "link_open":
                targets.append((str(token.attrGet("href") or ""), len(spans)))
            case "link_close":
                target, start = targets.pop()
                shown = "".join(text for text, _ in spans[start:])
                spans[start:] = [(text, each._replace(underline=True)) for text, each in spans[start:]]
                if target and target not in (shown, f"mailto:{shown}"):
                    spans.append((f" ({visible(target)})", look._replace(role="link")))
            case "image":
                target = str(token.attrGet("src") or "")
                spans.append((f"[{_clean(token.content)}]", look._replace(underline=True)))
                spans.append((f" ({visible(target)})", look._replace(role="link")))
            case _:
                if token.content:
                    spans.append((_clean(token.content), look))
    return spans


def _clean(text: str) -> str:
    return visible(text).replace("\t", " ")
