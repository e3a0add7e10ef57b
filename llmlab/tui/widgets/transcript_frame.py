"""What the transcript says around a message: who speaks, how the answer is coming along, and its figures."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from llmlab.domain.generation import Turn
from llmlab.domain.messages import Message, Thinking
from llmlab.domain.terminal import visible, visible_line
from llmlab.services.preview import left_out_in_words
from llmlab.tui.markup.lines import Line, Look, Span
from llmlab.tui.markup.wrapping import flow
from llmlab.words import say
from llmlab.words.counts import tokens_text

_MUTED = Look("muted")
_WARNING = Look("warning")
_ERROR = Look("error")
_BAR_CELLS = 20


def speaker(message: Message) -> str:
    """Who says it."""
    if message.role == "assistant":
        return visible_line(message.origin.model) if message.origin and message.origin.model else say("answer")
    return say("you") if message.role == "user" else say("system")


def header_line(message: Message, version: tuple[int, int], width: int) -> Line:
    """Who speaks, and at the right which version it is where there are several."""
    look = Look("you" if message.role == "user" else "model", bold=True)
    right = [say("edited")] if message.origin is not None and message.origin.edited else []
    index, count = version
    if count > 1:
        right.append(f"‹ {index}/{count} ›")
    counter = "  ".join(right)
    room = width - cell_len(counter) - 1
    name = speaker(message)
    if cell_len(name) > room:
        name = set_cell_size(name, max(room - 1, 1)) + "…"
    blanks = max(room + 1 - cell_len(name), 1) if counter else 0
    spans: list[Span] = [(name, look)]
    if counter:
        spans += [(" " * blanks, _MUTED), (counter, _MUTED)]
    return Line(tuple(spans), chrome=True)


def seconds(value: float) -> str:
    """A duration, short."""
    number = f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"
    return say("{number} s", number=number)


def thinking_line(message: Message, turn: Turn | None, *, shown: bool, width: int) -> list[Line]:
    """The one line that stands for the thinking; while it goes on, its last words as well."""
    parts = [part for part in message.parts if isinstance(part, Thinking)]
    tokens = sum(part.tokens for part in parts)
    took = sum(part.seconds for part in parts)
    live = is_thinking(message, turn)
    if live and turn is not None:
        tokens = tokens or turn.generated
    figures = [say("thinking…") if live else say("thinking")]
    if tokens:
        figures.append(tokens_text(tokens))
    if took:
        figures.append(seconds(took))
    look = Look("thinking")
    lines = [Line((("▾ " if shown else "▸ ", look), (say(", ").join(figures), look)), chrome=True)]
    if live and not shown:
        last = visible_line(message.thinking[-400:].rstrip().rpartition("\n")[2])
        if last:
            lines.append(Line((("  ", look), (_tail(last, width - 2), look._replace(italic=True))), chrome=True))
    return lines


def is_thinking(message: Message, turn: Turn | None) -> bool:
    """Whether the model is still at its thoughts."""
    if not message.thinking or message.text:
        return False
    return message.state == "writing" and (turn is None or not turn.ended)


def _tail(text: str, width: int) -> str:
    """The end of `text` that fits in `width` cells."""
    if cell_len(text) <= width:
        return text
    kept = text[-width:]
    while kept and cell_len(kept) > width - 1:
        kept = kept[1:]
    return "…" + kept


def status_lines(message: Message, turn: Turn | None, width: int) -> list[Line]:
    """How the answer stands, where that has to be said."""
    if message.role != "assistant":
        return []
    if is_thinking(message, turn):
        return []
    if turn is not None and not turn.ended:
        return _live_lines(turn, width)
    if turn is not None and turn.problem is not None:
        problem = turn.problem
        return _failure(problem.what, problem.where, problem.hint, width)
    origin = message.origin
    if message.state == "writing":
        return _notes(say("writing…"), "", _MUTED, width)
    if message.state == "failed":
        return _failure(origin.problem if origin else "", "", "", width)
    if message.state == "interrupted":
        return _notes(say("interrupted"), say("c continues from here, r answers again"), _WARNING, width)
    finish = origin.finish if origin else None
    if finish == "cancelled":
        return _notes(say("stopped"), say("c continues from here, r answers again"), _WARNING, width)
    if finish == "length":
        return _notes(say("cut off: no room for more"), say("c continues from here"), _WARNING, width)
    return []


def _live_lines(turn: Turn, width: int) -> list[Line]:
    if turn.state == "waiting":
        return _notes(say("waiting for the model…"), "", _MUTED, width)
    if turn.state == "writing":
        return _notes(say("writing…"), "", _MUTED, width)
    if not turn.prompt:
        return _notes(say("reading…"), "", _MUTED, width)
    share = min(turn.read / turn.prompt, 1.0)
    text = say(
        "reading {done:,} of {total:,} tokens, {percent} %",
        done=turn.read, total=turn.prompt, percent=int(share * 100),
    )  # fmt: skip
    lines = _notes(text, "", _MUTED, width)
    cells = min(_BAR_CELLS, width - cell_len(text) - 2)
    if len(lines) == 1 and cells >= 5:
        full = round(share * cells)
        bar: tuple[Span, ...] = (("  ", _MUTED), ("━" * full, Look("model")), ("╌" * (cells - full), _MUTED))
        lines = [Line(lines[0].spans + tuple(span for span in bar if span[0]), chrome=True)]
    return lines


def _notes(text: str, hint: str, look: Look, width: int) -> list[Line]:
    spans: list[Span] = [(text, look)]
    if hint:
        spans.append((f"  {hint}", _MUTED))
    return _chrome(flow(spans, width))


def _failure(what: str, where: str, hint: str, width: int) -> list[Line]:
    head = say("failed: {problem}", problem=visible(what)) if what else say("failed")
    spans: list[Span] = [("✗ ", _ERROR), (head, _ERROR)]
    if where:
        spans.append((f" ({visible(where)})", _MUTED))
    lines = flow(spans, width)
    if hint:
        lines += flow([(visible(hint), _MUTED)], width, first=(("  ", _MUTED),), rest=(("  ", _MUTED),))
    return _chrome(lines)


def footer_lines(message: Message, width: int) -> list[Line]:
    """The figures of a finished answer."""
    origin = message.origin
    if origin is None or message.state == "writing" or not origin.usage.generated:
        return []
    figures = [tokens_text(origin.usage.generated)]
    if origin.timing.tokens_per_s:
        figures.append(say("{speed} tok/s", speed=_speed(origin.timing.tokens_per_s)))
    if origin.timing.first_token_s:
        figures.append(say("first token after {time}", time=seconds(origin.timing.first_token_s)))
    if drafted := origin.timing.drafted:
        right = origin.timing.accepted
        figures.append(say("{accepted:,} of {drafted:,} guesses right", accepted=right, drafted=drafted))
    if left_out := left_out_in_words(origin.left_out):
        figures.append(left_out)
    return _chrome(flow([(" · ".join(figures), _MUTED)], width))


def _speed(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def _chrome(lines: list[Line]) -> list[Line]:
    return [Line(line.spans, line.glue, line.lead, line.ground, chrome=True) for line in lines]
