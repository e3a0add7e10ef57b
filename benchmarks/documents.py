"""A novel of a million characters, opened, indexed and asked: `python -m benchmarks.documents [--quick]`.

One is Chinese, in GB18030, one English. Each is measured in a process of its own that has the lab loaded, from the file
on disk to the last passage, as the lab does it: read in a child, indexed in a thread beside an event loop, whose delays
are what a key press would wait.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

from benchmarks.novels import Language, Novel, novel
from benchmarks.novels.answers import answers
from llmlab.documents.shelf import DocumentShelf
from llmlab.domain.document import Document
from llmlab.domain.grounding import Source, check
from llmlab.domain.retrieval import PassageIndex, search
from llmlab.services.open_document import OpenDocument

SECONDS: Final = 20.0
"""From the file to the last passage."""
MEMORY_MB: Final = 400.0
"""Resident memory of all processes at its peak."""
RECALL: Final = 95.0
"""Percent of the questions whose answer stands in the first passages."""
DELAY_MS: Final = 50.0
"""A key press waits so long at the most, 99th percentile."""
JUDGED: Final = 99.0
"""Percent of the answers with a true, altered or invented quote that are judged right."""
ANSWERS: Final = 150
"""In each language."""
FIRST: Final = 3
"""Passages that are looked at."""
_TICK: Final = 0.005
_MB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one novel."""

    characters: int
    passages: int
    open_s: float
    index_s: float
    delay_ms: float
    """99th percentile of how late the event loop was meanwhile."""
    memory_mb: float
    found: int
    questions: int
    search_ms: float
    plain_s: float
    """Making the text ready for quotes to be looked up."""
    absent_ms: float
    """Looking up a quote that is nowhere in it."""
    judged: int
    """Answers whose quote was judged right."""
    answers: int


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """Watch this process and all below it; the list holds the largest sum of bytes that was seen."""
    me, ended, peak = psutil.Process(), threading.Event(), [0]

    def look() -> None:
        total = 0
        for process in (me, *me.children(recursive=True)):
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        peak[0] = max(peak[0], total)

    def watch() -> None:
        while not ended.wait(0.02):
            look()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        look()
        ended.set()
        watcher.join()


async def open_and_index(shelf: DocumentShelf, path: Path) -> tuple[Document, PassageIndex, float, float, list[float]]:
    """The document and its index, the seconds of each, and how late the loop was, in seconds."""
    loop = asyncio.get_running_loop()
    late: list[float] = []
    due = loop.time() + _TICK
    timer = loop.call_at(due, lambda: None)

    def tick() -> None:
        nonlocal due, timer
        late.append(max(0.0, loop.time() - due))
        due = loop.time() + _TICK
        timer = loop.call_at(due, tick)

    tick()
    begun = time.perf_counter()
    document = await asyncio.to_thread(shelf.open, path)
    opened = time.perf_counter()
    reading = OpenDocument(document, 1200)
    await reading.complete()
    done = time.perf_counter()
    timer.cancel()
    return document, reading.index, opened - begun, done - opened, late


def measure(language: Language, folder: Path) -> Measured:
    """Write the novel, open and index it, ask the questions."""
    import llmlab.lab  # noqa: F401 - what the lab needs is loaded in the lab, too

    book = novel(language)
    path = folder / f"{language}.txt"
    path.write_text(book.text, encoding="gb18030" if language == "zh" else "utf-8")
    with peak_memory() as peak:
        document, index, open_s, index_s, late = asyncio.run(open_and_index(DocumentShelf(folder / "texts"), path))
    if document.text != book.text:
        raise RuntimeError(f"the text was read otherwise, as {document.encoding}")
    begun = time.perf_counter()
    found = count_found(index, book)
    search_s = (time.perf_counter() - begun) / len(book.facts)
    begun = time.perf_counter()
    source = Source(document.text)
    plain_s = time.perf_counter() - begun
    invented = (
        "天下没有不散的筵席，他合上书卷如是说" if language == "zh" else "No feast lasts for ever, he observed at last"
    )
    begun = time.perf_counter()
    if check(f"“{invented}”", [source]).count("absent") != 1:
        raise RuntimeError("an invented quote was found")
    absent_s = time.perf_counter() - begun
    given = answers(book, language)[:ANSWERS]
    return Measured(
        characters=len(document.text),
        passages=len(index.passages),
        open_s=open_s,
        index_s=index_s,
        delay_ms=sorted(late)[len(late) * 99 // 100] * 1000,
        memory_mb=peak[0] / _MB,
        found=found,
        questions=len(book.facts),
        search_ms=search_s * 1000,
        plain_s=plain_s,
        absent_ms=absent_s * 1000,
        judged=sum(answer.judged_right(source) for answer in given),
        answers=len(given),
    )


def count_found(index: PassageIndex, book: Novel) -> int:
    """Questions whose answer stands in one of the first passages."""
    found = 0
    for fact in book.facts:
        place = book.text.index(fact.sentence) + fact.sentence.index(fact.answer)
        hits = search([index], fact.question, FIRST)
        found += any(hit.passage.start <= place < hit.passage.end for hit in hits)
    return found


def in_own_process(language: Language) -> Measured:
    """`measure`, undisturbed by what was measured before."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.documents", "--measure", language, "--folder", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return Measured(**json.loads(done.stdout))


def main() -> int:
    """Measure and print the table; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description="a novel of a million characters: opened, indexed, asked")
    parser.add_argument("--quick", action="store_true", help="the Chinese one alone")
    parser.add_argument("--measure", choices=("zh", "en"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(asdict(measure(options.measure, options.folder))))
        return 0
    missed = False
    for language in ("zh",) if options.quick else ("zh", "en"):
        missed |= report(language, in_own_process("zh" if language == "zh" else "en"))
    return int(missed)


def report(language: str, found: Measured) -> bool:
    """Print what came of one novel; whether a goal was missed."""
    print(f"{language}: {found.characters:,} characters, {found.passages:,} passages")
    whole = found.open_s + found.index_s
    detail = f"{found.open_s:.2f} to open, {found.index_s:.2f} to index"
    share = 100 * found.found / found.questions
    rows = [
        limited("opened and indexed", whole, "s", SECONDS, detail),
        limited("memory of all processes at its peak", found.memory_mb, "MB", MEMORY_MB),
        limited("a key press waits meanwhile, 99th percentile", found.delay_ms, "ms", DELAY_MS),
    ]
    rows += [
        reached(f"answers in the first {FIRST} passages", share, RECALL, found.questions),
        reached("quotes judged right", 100 * found.judged / found.answers, JUDGED, found.answers),
    ]
    print(
        f"  a search {found.search_ms:.1f} ms; quotes made ready {found.plain_s:.2f} s, one looked up in vain ", end=""
    )
    print(f"{found.absent_ms:.0f} ms", flush=True)
    return not all(rows)


def reached(name: str, percent: float, least: float, count: int) -> bool:
    """Print a row that should be `least` at least; whether it is."""
    kept = percent >= least
    print(f"  {name}: {percent:.1f} %  {'ok ' if kept else 'LOW'} at least {least:g}  (of {count})")
    return kept


def limited(name: str, value: float, unit: str, most: float, detail: str = "") -> bool:
    """Print a row that should be `most` at most; whether it is."""
    kept = value <= most
    print(
        f"  {name}: {value:.1f} {unit}  {'ok ' if kept else 'HIGH'} at most {most:g}"
        + (f"  ({detail})" if detail else "")
    )
    return kept


if __name__ == "__main__":
    sys.exit(main())
