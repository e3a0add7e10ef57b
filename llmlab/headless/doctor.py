"""`llmlab doctor`: what is installed, what works, what is broken and what to do about it."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sqlite3
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import psutil

from llmlab import __version__, wiring
from llmlab.domain.model import EngineReport
from llmlab.errors import LlmlabError
from llmlab.headless.diagnostics import Exit
from llmlab.headless.models import health_lines, short_bytes
from llmlab.headless.output import Output, table
from llmlab.paths import Paths
from llmlab.words import say

PACKAGES = ("llama-cpp-python", "textual", "rich", "click", "msgspec", "numpy", "jinja2", "psutil", "platformdirs")
"""What llmlab stands on."""

SPARE_DISK = 100 << 20
"""Bytes below which chats may soon not be written."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    area: str
    """Stable word for programs: `llmlab`, `engine`, `gpu`, `memory`, `folder`, `chats`, `settings`, `model`, ..."""
    state: Literal["ok", "note", "broken"]
    text: str
    hint: str = ""


def examine(paths: Paths, folder: Path, out: Output, *, as_json: bool) -> Exit:
    """Look at everything, print it, and fail when something is broken. Changes nothing but what opening chats makes."""
    findings = [
        *_versions(),
        *_engine(),
        *_machine(paths),
        *_folders(paths),
        *_chats(paths),
        *_settings(paths),
        *_models(paths, folder),
    ]
    broken = any(finding.state == "broken" for finding in findings)
    if as_json:
        out.json({"ok": not broken, "findings": [asdict(finding) for finding in findings]})
    else:
        marks = {"ok": say("ok"), "note": say("note"), "broken": say("BROKEN")}
        lines = table([(marks[finding.state], finding.area, finding.text) for finding in findings])
        for line, finding in zip(lines, findings, strict=True):
            out.line(line)
            if finding.hint:
                out.line("    " + finding.hint)
    return Exit.FAILED if broken else Exit.ANSWERED


def _versions() -> list[Finding]:
    system = f"Python {platform.python_version()}, {platform.system()} {platform.release()} {platform.machine()}"
    findings = [Finding("llmlab", "ok", f"llmlab {__version__}, {system}, SQLite {sqlite3.sqlite_version}")]
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            findings.append(
                Finding(
                    "packages",
                    "broken",
                    say("{package} is not installed.", package=package),
                    say("Install llmlab again; it brings its packages along."),
                )
            )
    return [*findings, Finding("packages", "ok", ", ".join(found))]


def _engine() -> list[Finding]:
    try:
        report = wiring.probe_engine()
    except LlmlabError as error:
        return [_broken("engine", error)]
    return [Finding("engine", "ok", report.build), *_gpus(report)]


def _gpus(report: EngineReport) -> list[Finding]:
    """A finding for each device, numbered as main_gpu and tensor_split count them."""
    if not report.gpu:
        lacking = say("This build of llama-cpp-python has no GPU support; models run on the CPU.")
        return [Finding("gpu", "note", lacking, say("The README says how to install a build with it."))]
    fits = (
        say("llama.cpp itself measures how many layers fit.")
        if report.fits
        else say("llmlab estimates how many layers fit; this build does not bring llama.cpp's own fitting.")
    )
    found = [
        Finding(
            "gpu",
            "ok",
            f"{number}: {gpu.description} ({gpu.name}), "
            + say("{free} of {total} free", free=short_bytes(gpu.free), total=short_bytes(gpu.total)),
        )
        for number, gpu in enumerate(report.devices)
    ]
    return [*found, Finding("gpu", "ok", fits if found else say("supported, but none was found"))]


def _machine(paths: Paths) -> list[Finding]:
    memory = psutil.virtual_memory()
    cores = say(
        "{physical} cores, {logical} threads", physical=psutil.cpu_count(logical=False) or "?", logical=os.cpu_count()
    )
    free = say("{free} of {total} free", free=short_bytes(memory.available), total=short_bytes(memory.total))
    disk = shutil.disk_usage(_existing(paths.data)).free
    space = say("{free} free for chats", free=short_bytes(disk))
    full = disk < SPARE_DISK
    return [
        Finding("cores", "ok", cores),
        Finding("memory", "ok", free),
        Finding("disk", "broken" if full else "ok", space, say("Make room, or set LLMLAB_HOME.") if full else ""),
    ]


def _folders(paths: Paths) -> list[Finding]:
    findings = []
    for folder in dict.fromkeys((paths.config, paths.data, paths.logs, paths.cache)):
        place = _existing(folder)
        if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
            findings.append(Finding("folder", "ok", str(folder)))
        else:
            what = say("{folder} cannot be written.", folder=folder)
            findings.append(Finding("folder", "broken", what, say("Correct its permissions, or set LLMLAB_HOME.")))
    return findings


def _chats(paths: Paths) -> list[Finding]:
    if not paths.database.exists():
        return [Finding("chats", "ok", say("none yet"))]

    async def count() -> int:
        chats = wiring.open_chats(paths, wiring.make_host(paths))
        try:
            return len(await chats.list("", 1_000_000))
        finally:
            await chats.close()

    try:
        found = asyncio.run(count())
    except LlmlabError as error:
        return [_broken("chats", error)]
    size = short_bytes(paths.database.stat().st_size)
    return [Finding("chats", "ok", say("{count} chats, {size}", count=found, size=size))]


def _settings(paths: Paths) -> list[Finding]:
    problems = wiring.open_settings(paths).problems
    if not problems:
        return [Finding("settings", "ok", str(paths.settings_file))]
    return [Finding("settings", "broken", problem) for problem in problems]


def _models(paths: Paths, folder: Path) -> list[Finding]:
    shelf = wiring.open_shelf(paths, folder)
    findings = []
    for model in shelf.models():
        health = shelf.check(model)
        if health.problem:
            problem = health.problem
            where = f" ({problem.where})" if problem.where else ""
            findings.append(Finding("model", "broken", f"{health.name}: {problem.what}{where}", problem.hint))
        else:
            head, *notes = health_lines(health)
            findings.append(Finding("model", "note" if notes else "ok", head, " ".join(notes).strip()))
    told = {finding.text for finding in findings}
    return findings + [
        Finding("models.toml", "broken", problem)
        for problem in shelf.problems()
        if not any(problem in text for text in told)
    ]


def _broken(area: str, error: LlmlabError) -> Finding:
    return Finding(area, "broken", f"{error.what} ({error.where})" if error.where else error.what, error.hint)


def _existing(folder: Path) -> Path:
    """`folder`, or the nearest one above it that exists."""
    return next((place for place in (folder, *folder.parents) if place.exists()), Path(folder.anchor or "."))
