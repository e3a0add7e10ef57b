"""The program that `benchmarks.screen` drives in a pseudo-terminal: an empty app, or the lab with a scripted engine."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.widgets import TextArea

import llmlab.tui.app
from benchmarks.screen_trace import Trace
from llmlab import wiring
from llmlab.domain.generation import Finished, Piece, Reading, StreamEvent, Timing, Usage
from llmlab.domain.messages import Chat, Message, Origin, Text, Thinking
from llmlab.domain.model import BadModel, ModelSpec
from llmlab.engine.protocol import GenerationRequest
from llmlab.engine.scripted import ScriptedEngine
from llmlab.lab import make_app
from llmlab.library.settings import SettingsFile
from llmlab.paths import find_paths
from llmlab.services.host import EngineHost
from llmlab.store.chats import ChatStore
from llmlab.tui.app import LabApp
from llmlab.tui.screens.lab import LabScreen
from llmlab.tui.start import Wish
from llmlab.tui.widgets.transcript import Transcript

SECONDS = 16.0
"""How long the answer streams."""
RATE = 1_200
"""Tokens a second."""
MESSAGES = 1_000
LAST_WORD = "⟪end⟫"
OPEN_KEY, REPORT_KEY = "f9", "f10"
TRACE = "--trace"

CODE = "```python\ndef step(value: int) -> int:\n    # one more\n    return value + 1\n\n\nprint(step(41), 'done')\n```"
TABLE = (
    "| model | 说明 | tok/s |\n|---|---|--:|\n| pocket-s | 很小的模型，适合测试 | 2,100 |\n| pocket-m | 中等 | 900 |"
)
CHINESE = "这是一个比较长的段落，用来检查双宽字符的换行是否正确。标点符号不应当出现在行首，文字也不应当被切成两半。"
ENGLISH = "The **quick** brown fox jumps over the lazy dog, `over and over`, until it is *tired* of it. "


def stored_messages(count: int) -> list[Message]:
    """Questions and answers with prose, code, tables, lists and Chinese."""
    bodies = (
        ENGLISH * 4 + "\n\n" + CODE,
        CHINESE * 3 + "\n\n1. 第一\n2. 第二\n   - 嵌套的列表\n3. 第三",
        "## A heading\n\n" + ENGLISH * 6 + "\n\n> " + ENGLISH + "\n\n" + TABLE,
        "- " + "\n- ".join([ENGLISH] * 4) + "\n\n" + CODE + "\n\n" + CHINESE,
    )
    messages: list[Message] = []
    for number in range(count):
        asked = number % 2 == 0
        text = f"Question {number}: {ENGLISH if number % 4 else CHINESE}" if asked else bodies[number // 2 % 4]
        messages.append(
            Message(
                id=f"m{number}",
                parent=f"m{number - 1}" if number else None,
                role="user" if asked else "assistant",
                parts=(Text(text),) if asked else (Thinking(ENGLISH * 2, 1.0, 40), Text(text)),
                created=float(number),
                origin=None if asked else Origin(
                    model="pocket-m", finish="stop", usage=Usage(prompt=400, generated=200),
                    timing=Timing(first_token_s=0.05, tokens_per_s=900.0),
                ),
            )
        )  # fmt: skip
    return messages


def long_answer() -> list[str]:
    """The tokens of an answer that streams for `SECONDS`."""
    block = f"{ENGLISH * 3}\n\n{CODE}\n\n{CHINESE}\n\n- {ENGLISH}\n- {ENGLISH}\n\n{TABLE}\n\n"
    text = block * (int(SECONDS * RATE) * 4 // len(block) + 1)
    tokens = [text[at : at + 4] for at in range(0, int(SECONDS * RATE) * 4, 4)]
    return [*tokens, f"\n\n{LAST_WORD}"]


class FastEngine(ScriptedEngine):
    """Says a long answer at `RATE`, in bursts as a pipe delivers them; counting costs it nothing."""

    def tokenise(self, text: str) -> list[int]:
        """A token for every 400 characters: the real engine counts in a process of its own."""
        return list(range(len(text) // 400 + 1))

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[StreamEvent, None]:
        """See `Engine.generate`."""
        loop = asyncio.get_running_loop()
        total = len(request.tokens)
        yield Reading(total, total)
        tokens = long_answer()
        began = loop.time()
        for index, token in enumerate(tokens):
            early = began + index / RATE - loop.time()
            if early > 0.01:
                tick = loop.create_future()
                loop.call_later(early, tick.set_result, None)
                await tick
            yield Piece(token)
        seconds = loop.time() - began
        timing = Timing(decode_s=seconds, tokens_per_s=len(tokens) / seconds)
        yield Finished("stop", Usage(total, 0, len(tokens)), timing)


class OneModel:
    """A shelf with one model."""

    edited = False
    window = 10_000_000

    def models(self) -> tuple[ModelSpec | BadModel, ...]:
        """The model."""
        return (self.default(),)

    def find(self, name: str) -> ModelSpec:
        """The model."""
        return self.default()

    def default(self) -> ModelSpec:
        """The model."""
        return ModelSpec(name="pocket-m", path="pocket:m", n_ctx=self.window, source="models.toml")

    def embeddings(self) -> ModelSpec | None:
        """None: passages are found by their words."""
        return None

    def changed_on_disk(self) -> bool:
        """Never."""
        return False

    def reload(self) -> None:
        """Nothing to do."""

    def fit(self, spec: ModelSpec) -> str:
        """It fits."""
        return ""

    def problems(self) -> tuple[str, ...]:
        """None."""
        return ()


class Report:
    """Lines of JSON for the program that drives this one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def tell(self, **values: Any) -> None:
        """Write one line."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")


def resident() -> float:
    """Memory of this process in MB, garbage collected."""
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6


class EmptyApp(App[None]):
    """What nothing costs: a text field."""

    def compose(self) -> ComposeResult:
        """The field."""
        yield TextArea()


class MeasuredLab(LabApp):
    """The lab with two keys more: one opens the long chat, one reports."""

    CSS_PATH = str(Path(llmlab.tui.app.__file__).with_name("lab.tcss"))
    BINDINGS = [  # noqa: RUF012 - Textual's own
        Binding(OPEN_KEY, "open_long", show=False, priority=True),
        Binding(REPORT_KEY, "report", show=False, priority=True),
    ]

    def __init__(self, report: Report, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.report = report
        self.trace = Trace()

    @property
    def transcript(self) -> Transcript:
        """The widget under test."""
        assert isinstance(self._lab, LabScreen)
        return self._lab.query_one(Transcript)

    async def action_open_long(self) -> None:
        """Open the stored chat and report what that took."""
        before, transcript = resident(), self.transcript
        assert isinstance(self.screen, LabScreen)
        bench = await self.screen._ready()
        began = time.perf_counter()
        await bench.open_chat("long")
        shown = time.perf_counter() - began

        def painted() -> None:
            self.report.tell(
                what="opened", show_ms=shown * 1e3, paint_ms=(time.perf_counter() - began) * 1e3, rss=before
            )
            self._when_measured(transcript)

        self.call_after_refresh(painted)

    def _when_measured(self, transcript: Transcript) -> None:
        if transcript.roll.measured:
            self.report.tell(what="measured", rss=resident(), rows=transcript.roll.height)
        else:
            self.set_timer(0.2, lambda: self._when_measured(transcript))

    def action_report(self) -> None:
        """Report the last answer, and the processor time used so far."""
        times = psutil.Process().cpu_times()
        transcript = self.transcript
        last = transcript.roll.entries[-1].message if transcript.roll.entries else None
        self.report.tell(
            what="now",
            cpu=times.user + times.system,
            wall=time.perf_counter(),
            painting=transcript.painting_s,
            ended=last is not None and last.state == "done",
            complete=last is not None and last.text == "".join(long_answer()),
            speed=last.origin.timing.tokens_per_s if last is not None and last.origin is not None else 0.0,
            reading=self._reading(),
            spans=self.trace.spans if not self._reading() and (last is None or last.state == "done") else [],
        )

    def _reading(self) -> bool:
        """A document is being read, indexed or counted."""
        assert isinstance(self._lab, LabScreen)
        return self._lab.bench is not None and self._lab.bench.documents.values.busy


def make_lab(report: Report) -> MeasuredLab:
    """The lab over a store that holds the long chat."""
    paths = find_paths()
    paths.ensure()
    messages = stored_messages(MESSAGES)
    store = ChatStore(paths.database)
    store.create(Chat(id="long", title="A long chat", created=0.0, updated=0.0, model="pocket-m"))
    for message in messages:
        store.save("long", message)
    store.close()
    # Everything else is as the lab opens it.
    patch.multiple(wiring, make_host=lambda _: EngineHost(FastEngine), open_shelf=lambda *_: OneModel()).start()
    open_services = make_app(paths, paths.data, Wish())._open_services
    lab = MeasuredLab(report, SettingsFile(paths.settings_file), open_services, Wish())
    if TRACE in sys.argv:
        lab.trace.install()
    return lab


if __name__ == "__main__":
    # What is larger than the window is read as passages, as it is with every model that there is.
    OneModel.window = 4_096 if sys.argv[1] == "novels" else OneModel.window
    choices: dict[str, Callable[[Report], App[None]]] = {
        "empty": lambda report: EmptyApp(),
        "lab": make_lab,
        "novels": make_lab,
    }
    choices[sys.argv[1]](Report(Path(sys.argv[2]))).run()
