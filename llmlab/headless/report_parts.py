"""Pieces of the report's page: text that nobody vouches for made harmless, tables, and how all of it looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from llmlab.domain.plots.svg import STYLE, clean
from llmlab.words import say

MOST_VALUES: Final = 400
"""Rows of the environment card."""


def element(tag: str, inside: str, **attributes: str) -> str:
    """An element around markup that is sound already; `class_` is `class`."""
    told = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{clean(value)}"' for name, value in attributes.items() if value
    )
    return f"<{tag}{told}>{inside}</{tag}>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str, *, words: int = 1) -> str:
    """A table of plain texts; the first `words` columns are words, the others figures."""
    titles = "".join(element("th", clean(one), scope="col") for one in head)
    lines = []
    for row in rows:
        cells = [
            element(
                "th" if number == 0 else "td", clean(cell), class_="" if number < words else "n", scope=_scope(number)
            )
            for number, cell in enumerate(row)
        ]
        lines.append(element("tr", "".join(cells)))
    body = element("caption", clean(caption)) + element("thead", element("tr", titles))
    return element("div", element("table", body + element("tbody", "".join(lines))), class_="wide")


def _scope(number: int) -> str:
    return "row" if number == 0 else ""


def folded(title: str, inside: str, *, opened: bool = False) -> str:
    """Something to unfold; `inside` is markup."""
    return element("details", element("summary", clean(title)) + inside, open="open" if opened else "")


def flat(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested values as names with dots and their texts."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            yield f"{prefix}{name}", ", ".join(map(str, value))
        else:
            yield f"{prefix}{name}", "" if value is None else str(value)


def listed(values: Mapping[str, object]) -> str:
    """Nested values as a list of names and values."""
    rows = list(flat(values))
    told = "".join(element("dt", clean(name)) + element("dd", clean(value)) for name, value in rows[:MOST_VALUES])
    more = len(rows) - MOST_VALUES
    left = element("p", clean(say("{count:,} more are in environment.json.", count=more))) if more > 0 else ""
    return element("dl", told) + left


PAGE_STYLE: Final = (
    ":root{color-scheme:light dark;--ink:#1c2530;--dim:#566270;--line:#d3dae1;--paper:#ffffff;--raised:#f4f7fa;"
    "--good:#00755a;--bad:#a3352b;--warn:#7a5b00;--mark:#ffe08a;--mark-ink:#1c2530}"
    "@media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--dim:#9aa7b5;--line:#333e4a;--paper:#12171d;"
    "--raised:#1a222b;--good:#3fd0a4;--bad:#ff8f8f;--warn:#e3bd3f;--mark:#6b5200;--mark-ink:#fff3cf}}"
    "body{margin:0 auto;max-width:60rem;padding:1.5rem;background:var(--paper);color:var(--ink);"
    "font:15px/1.55 system-ui,'Noto Sans CJK SC','Microsoft YaHei',sans-serif}"
    "h1{font-size:1.6rem;margin:0 0 .3rem}"
    "h2{font-size:1.15rem;margin:2.2rem 0 .6rem;border-bottom:1px solid var(--line)}"
    "p{margin:.4rem 0}.dim,dt,caption{color:var(--dim)}.wide{overflow-x:auto}"
    "table{border-collapse:collapse;margin:.4rem 0 1rem;min-width:60%}caption{text-align:left;padding:.3rem 0}"
    "th,td{text-align:left;padding:.25rem .7rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top;"
    "font-weight:400}thead th{font-weight:600;vertical-align:bottom}"
    "tbody th{max-width:24rem;min-width:8rem;overflow-wrap:anywhere}"
    ".n{white-space:nowrap;font-variant-numeric:tabular-nums}"
    "svg.figure{width:100%;height:auto;margin:.6rem 0 1.2rem}figure{margin:0}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--raised);padding:.6rem .8rem;margin:.3rem 0 .8rem;"
    "border-radius:4px;max-height:28rem;overflow:auto;font:13px/1.5 ui-monospace,'Noto Sans Mono CJK SC',monospace}"
    "details{margin:.25rem 0}summary{cursor:pointer;overflow-wrap:anywhere}details details{margin-left:1rem}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem}dd{margin:0;overflow-wrap:anywhere}"
    "mark{background:var(--mark);color:var(--mark-ink);padding:0 .15em;border-radius:2px}"
    "mark.other{background:none;color:inherit;outline:1px dashed var(--warn)}"
    ".good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}.tag{font-weight:600;margin-right:.5em}"
    ".trial{border-left:3px solid var(--line);padding-left:.8rem;margin:.5rem 0}"
    ".pick{position:absolute;opacity:0}.picks label{display:inline-block;border:1px solid var(--line);cursor:pointer;"
    "border-radius:1em;padding:.05rem .7rem;margin:.2rem .3rem .2rem 0}"
    ".pick:focus-visible+span,.picks label:hover{background:var(--raised)}"
) + STYLE
"""Rules of the whole page, those of its figures among them."""
