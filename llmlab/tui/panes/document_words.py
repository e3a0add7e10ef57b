"""Documents in words: what one is, what of it is in the prompt, how all of them are read."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len
from textual.content import Content

from llmlab.domain.document import Document, Unit
from llmlab.domain.reading import Coverage, Material, ReadingUse, WishedWay
from llmlab.domain.terminal import visible, visible_line
from llmlab.errors import LlmlabError
from llmlab.tui.documents import Held
from llmlab.tui.notices import describe
from llmlab.tui.widgets.coverage_strip import strip_content
from llmlab.words import say
from llmlab.words.counts import tokens_text

WAY_NAMES: Final[dict[WishedWay, str]] = {
    "auto": "auto", "whole": "whole", "stretched": "stretched", "passages": "passages", "digest": "digest",
}  # fmt: skip
"""Keys of the catalogue of words."""
WAY_HELP: Final[dict[WishedWay, str]] = {
    "auto": "whole when it fits, else the passages that the question is about",
    "whole": "all of the text stands in the prompt",
    "stretched": "all of it, in a window beyond the one the model was trained for",
    "passages": "what is like the question is searched anew for each question",
    "digest": "notes on all of it, made once (d in the documents pane, llmlab digest)",
}
"""Keys of the catalogue of words."""


def way_name(way: WishedWay) -> str:
    """A way of reading, in the language in use."""
    return say(WAY_NAMES[way])


def units(document: Document) -> str:
    """How many pages or chapters a document has; empty when it has none."""
    count = document.page_count
    if not count:
        return ""
    texts: dict[Unit, str] = {
        "chapter": say("{count:,} chapters", count=count),
        "slide": say("{count:,} slides", count=count),
        "sheet": say("{count:,} sheets", count=count),
        "section": say("{count:,} sections", count=count),
    }
    return texts.get(document.unit, say("{count:,} pages", count=count))


def figures(held: Held, window: int) -> tuple[str, str]:
    """What is known of a document: its pages and characters; its tokens, and what share of the window they take."""
    document = held.document
    if document is None:
        return say("is being read, {share:.0%}", share=held.read) if held.problem is None else "", ""
    size = " · ".join(filter(None, (units(document), say("{count:,} characters", count=len(document.text)))))
    if held.tokens is not None:
        tokens = tokens_text(held.tokens)
        if held.embedded < 1:
            return size, f"{tokens} · {say('embedding {share:.0%}', share=held.embedded)}"
        return size, f"{tokens} · {share_of_window(held.tokens, window)}" if window else tokens
    if held.phase == "counting" and window:
        return size, say("counting tokens {share:.0%}", share=held.counted)
    return size, ""


def share_of_window(tokens: int, window: int) -> str:
    """Tokens against the window: a percentage, or how many windows they would fill."""
    if tokens <= window:
        return say("{share:.0%} of the window", share=tokens / window)
    times = tokens / window
    return say("{times} × the window", times=f"{times:,.1f}" if times < 100 else f"{times:,.0f}")


def document_lines(held: Held, coverage: Coverage | None, window: int, width: int) -> Content:
    """A document as the list shows it: its name, its figures, and the strip over all of it."""
    if held.problem is not None:
        name = Content.assemble(("✗ ", "$text-error"), (visible_line(held.name), "bold"))
        return Content("\n").join([name, Content.styled(f"  {problem_in_words(held.problem)}", "$text-error")])
    mark = {"reading": "◌ ", "counting": "◐ "}.get(held.phase, "● ")
    document = held.document
    form = visible_line(held.encoding or document.encoding or document.kind).upper() if document else ""
    room = max(8, width - 3 - cell_len(form))
    name = Content(visible_line(held.name)).truncate(room, ellipsis=True).stylize("bold")
    blanks = " " * max(1, width - 2 - name.cell_length - cell_len(form))
    lines = [Content.assemble((mark, "$text-success"), name, blanks, (form, "$text-muted"))]
    told: list[str] = [part for part in figures(held, window) if part]
    if cell_len(" · ".join(told)) + 2 <= width:
        told[:] = [" · ".join(told)]
    lines += [Content.styled(f"  {part}", "$text-muted") for part in told]
    if document is not None:
        lines.append(_strip_line(len(document.text), coverage, width - 2))
        lines += [Content.styled(f"  ! {visible_line(str(note))}", "$text-warning") for note in document.warnings]
    return Content("\n").join(lines)


def _share(share: float) -> str:
    """A share in percent; a little is not rounded away."""
    return f"{share:.2%}" if 0 < share < 0.01 else f"{share:.1%}"


def problem_in_words(problem: LlmlabError) -> str:
    """What went wrong, and what to do, on one line."""
    notice = describe(problem)
    return " ".join(filter(None, (notice.title, notice.text.replace("\n", " "))))


def _strip_line(characters: int, coverage: Coverage | None, width: int) -> Content:
    """The strip of a document, and the share of it that is in the prompt."""
    share = f" {_share(coverage.share):>6}" if coverage is not None else ""
    strip = strip_content(characters, coverage.stretches if coverage else (), max(4, width - len(share)))
    return Content.assemble("  ", strip, (share, "$text-warning"))


def way_content(
    use: ReadingUse | None, way: WishedWay, material: Material | None, problem: LlmlabError | None
) -> Content:
    """How the documents are read, and why; what this way cannot do."""
    lines = [Content.assemble((say("Read: "), "$text-muted"), (way_name(way), "bold"), f"  {say(WAY_HELP[way])}")]
    if use is not None and material is not None:
        chosen = way_name(material.way)
        lines.append(
            Content.assemble(
                (f"→ {chosen}", "bold $text-success"),
                say(", {tokens:,} tokens: ", tokens=material.tokens),
                visible(material.reason),
            )
        )
        lines += [Content.styled(f"! {visible(warning)}", "$text-warning") for warning in material.warnings]
    if problem is not None:
        lines.append(Content.styled(f"✗ {problem_in_words(problem)}", "$text-error"))
    if use is not None and use.k is not None:
        lines.append(Content.styled(say("at most {count} passages", count=use.k), "$text-muted"))
    if use is not None and (use.way == "stretched" or use.stretching != "yarn"):
        lines.append(
            Content.styled(say("windows are stretched by {how}; s: the other way", how=use.stretching), "$text-muted")
        )
    return Content("\n").join(lines)


def reading_in_words(use: ReadingUse | None) -> str:
    """The documents and their way in a line; empty when there are none."""
    if use is None or not use.documents:
        return ""
    names = [visible_line(ref.name) for ref in use.documents]
    listed = names[0] if len(names) == 1 else say("{name} and {count} more", name=names[0], count=len(names) - 1)
    return f"{listed}, {way_name(use.way)}"
