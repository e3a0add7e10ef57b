"""An app around a transcript, and chats to show in it; run as a module to look at it."""

from __future__ import annotations

import sys
from dataclasses import replace

from textual.app import App, ComposeResult
from textual.widgets import Input

from llmlab.domain.generation import Timing, Turn, Usage
from llmlab.domain.messages import Message, Origin, Text, Thinking
from llmlab.tui.widgets.transcript import Transcript

WELCOME = (
    "# Welcome to llmlab",
    "",
    "Write something below and press **enter**.",
    "",
    "- `ctrl+n` new chat",
    "- `f5` models",
)

ANSWER = """# A title

Some *text* with `code`, **bold words**, ~~gone~~, [bold]literal[/bold], a [link](https://example.org/a?b=c) and
a second line.

1. one
2. two
   - nested with `code`
   - [x] done
   - [ ] open
3. three

> A quote that is long enough to be wrapped when the pane is narrow, as it is here.
> > and deeper

| name | 说明 | number |
|:-----|:----:|-------:|
| alpha | 这是一个单元格，里面的文字比较长，应当换行 | 1 |
| b | short | 23,456 |

```python
def greet(name: str) -> str:
    # a comment
    return f"hello {name}" * 2
```

---

Done."""

CHINESE = (
    "这是一个很长的句子，包含各种标点符号。我们希望换行时，句号和逗号不会出现在行首（括号也是如此），"
    "而且每个汉字都占两个单元格，不会被切成两半。English words 混在中文里面也应该 wrap 得很好！"
)


def question(number: int, text: str, parent: str | None = None) -> Message:
    return Message(id=f"q{number}", parent=parent, role="user", parts=(Text(text),), created=float(number))


def answer(number: int, text: str, *, thinking: str = "", origin: Origin | None = None) -> Message:
    parts = ((Thinking(thinking, seconds=1.24, tokens=38),) if thinking else ()) + (Text(text),)
    figures = Origin(
        model="pocket-m",
        finish="stop",
        usage=Usage(prompt=212, generated=len(text) // 4),
        timing=Timing(first_token_s=0.052, tokens_per_s=214.3),
    )
    return Message(
        id=f"a{number}",
        parent=f"q{number}",
        role="assistant",
        parts=parts,
        created=number + 0.5,
        origin=origin or figures,
    )


def small_chat() -> tuple[Message, ...]:
    cut = replace(answer(0, "").origin or Origin(model=""), finish="length", edited=True)
    return (
        question(1, "Ann has 12 apples, gets 5, and gives 4 away.\nHow many are left?"),
        answer(1, "The answer is **13**.", thinking="First 12 + 5 = 17.\nThen 17 - 4 = 13.\nSo 13."),
        question(2, "Show me all you can draw."),
        answer(2, ANSWER),
        question(3, CHINESE),
        answer(3, CHINESE, origin=cut),
    )


def long_chat(pairs: int) -> tuple[Message, ...]:
    messages: list[Message] = []
    for number in range(pairs):
        messages.append(question(number, f"Question {number}: " + CHINESE[: 20 + number % 60]))
        messages.append(answer(number, f"Answer {number}.\n\n" + (ANSWER if number % 3 else CHINESE * 2)))
    return tuple(messages)


class Host(App[None]):
    """A transcript above an input."""

    CSS = "Transcript { height: 1fr; } Input { height: 3; }"

    def __init__(self, path: tuple[Message, ...] = (), versions: dict[str, tuple[int, int]] | None = None) -> None:
        super().__init__()
        self.path = path
        self.versions = versions or {}
        self.selected: list[str | None] = []
        self.transcript = Transcript(WELCOME)

    def compose(self) -> ComposeResult:
        yield self.transcript
        yield Input(placeholder="ask something")

    def on_mount(self) -> None:
        self.transcript.show(self.path, self.versions)

    def on_transcript_message_selected(self, event: Transcript.MessageSelected) -> None:
        self.selected.append(event.message_id)


def live(text: str, thinking: str = "") -> Message:
    parts = ((Thinking(thinking),) if thinking else ()) + ((Text(text),) if text else ())
    return Message(
        id="live",
        parent="q3",
        role="assistant",
        parts=parts,
        created=9.0,
        state="writing",
        origin=Origin(model="pocket-m"),
    )


if __name__ == "__main__":
    kind = sys.argv[1] if len(sys.argv) > 1 else "small"
    host = Host(long_chat(500) if kind == "long" else () if kind == "empty" else small_chat(), {"a1": (2, 3)})
    if len(sys.argv) > 2:
        host.theme = sys.argv[2]
    host.run()


READING = Turn(state="reading", read=512, prompt=2048)
