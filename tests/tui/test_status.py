"""The status bar as text: what it tells, and what gives way when it is narrow."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from llmlab.domain.generation import Timing, Turn, Usage
from llmlab.domain.model import ModelCard
from llmlab.domain.pace import Pace
from llmlab.domain.sampling import Sampling
from llmlab.services.host import HostState
from llmlab.services.preview import Gauge
from llmlab.tui.meter import SPEED_WINDOW, Speed
from llmlab.tui.widgets.status import Status, status_line

CARD = ModelCard(
    name="pocket-m", path="/models/m.gguf", title="m", architecture="llama", quantisation="Q8_0", parameters=1,
    file_bytes=1, n_ctx=1024, n_ctx_train=1024, n_vocab=256, n_layer=1, n_gpu_layers=0, device="CPU", n_threads=1,
    build="", template_name="", can_think=False, sampling=Sampling(), load_s=0.0,
)  # fmt: skip
READY = HostState("ready", "pocket-m", 1.0)
DONE = Turn("done", "x", finish="stop", usage=Usage(31, 0, 38), timing=Timing(first_token_s=0.125, tokens_per_s=214.2))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status(), ["new chat", "no model yet"]),
        (Status(host=HostState("loading", "big", 0.43)), ["loading big 43%"]),
        (Status(host=HostState("dead", "big")), ["big cannot be loaded", "F5"]),
        (Status(host=replace(READY, phase="dead", card=CARD)), ["pocket-m stopped", "the next message starts it"]),
        (Status(title="Apples", host=READY), ["Apples", "pocket-m", "ready"]),
        (Status(host=replace(READY, card=replace(CARD, host="api.example.org"))), ["ready at api.example.org"]),
        (Status(host=READY, gauge=Gauge(412, 1024)), ["412/1,024", "████░░░░░░"]),
        (Status(host=READY, waiting=True, turn=Turn()), ["waiting"]),
        (Status(host=READY, turn=Turn("reading", read=1024, prompt=4096)), ["reading 1,024/4,096 25%"]),
        (Status(host=READY, turn=Turn("writing", "x"), speed=214.2), ["writing 214 tok/s"]),
        (
            Status(host=READY, turn=Turn("reading", read=600, prompt=1800), pace=Pace(((0.0, 0), (2.0, 600)))),
            ["reading 600/1,800 33%", "300 tok/s", "0:04 left"],
        ),
        (Status(host=READY, turn=DONE), ["214 tok/s", "first token 0.12 s"]),
        (Status(host=READY, turn=replace(DONE, state="failed")), ["the answer failed"]),
        (Status(host=READY, elsewhere=2), ["2 more running"]),
    ],
)
def test_the_bar_tells(status: Status, words: list[str]) -> None:
    line = status_line(status, 200).plain
    assert all(word in line for word in words), line


@pytest.mark.parametrize("width", [1, 5, 20, 40, 80, 200])
@pytest.mark.parametrize("title", ["Apples", "苹果和台阶" * 20, "\x1b[31m[bold]x"])
def test_the_bar_fits_and_keeps_the_engine(width: int, title: str) -> None:
    status = Status(title=title, host=READY, gauge=Gauge(9, 10), turn=DONE, elsewhere=1)
    line = status_line(status, width).plain
    assert cell_len(line) <= width
    assert "\x1b" not in line
    if width >= 20:
        assert "ready" in line


def test_speed_is_tokens_over_time_since_the_first_and_starts_anew_with_each_answer() -> None:
    now = 0.0
    speed = Speed(lambda: now)
    speed.note("a", Turn("writing", generated=1))
    now = 2 * SPEED_WINDOW
    speed.note("a", Turn("writing", generated=101))
    assert speed.value == pytest.approx(100 / (2 * SPEED_WINDOW))
    speed.note("b", Turn("reading"))
    assert speed.value == 0.0


def test_the_pace_of_a_reading_starts_anew_with_each_prompt() -> None:
    now = 0.0
    speed = Speed(lambda: now)
    speed.note("a", Turn("reading", read=0, prompt=1000))
    now = 2.0
    speed.note("a", Turn("reading", read=500, prompt=1000))
    assert speed.pace.speed == pytest.approx(250.0)
    speed.note("b", Turn("reading", read=0, prompt=1000))
    assert speed.pace.left(1000) is None
