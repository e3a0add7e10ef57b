"""`llmlab models info`: one model in full, by its file, its settings and, if llmlab carries it, its card."""

from __future__ import annotations

from dataclasses import asdict, fields, is_dataclass
from typing import Final

from llmlab.domain.model import ModelFacts, ModelSpec
from llmlab.domain.terminal import visible_line
from llmlab.headless.diagnostics import Diagnostics, Exit
from llmlab.headless.models import health_record, short_bytes, short_number
from llmlab.headless.output import Output, table
from llmlab.library.pocket_card import PocketCard, PocketScore, read_pocket_card
from llmlab.services.fit import fit_words
from llmlab.services.models import Health, ModelShelf
from llmlab.words import current_language, say

_ASIDE: Final = frozenset({"name", "path", "source", "sampling"})
"""Fields of a spec that are no settings of their own."""


def show_model(shelf: ModelShelf, name: str | None, out: Output, err: Diagnostics, *, as_json: bool) -> Exit:
    """Print what is known about one model, the default one without `name`; 1 when it cannot be used.

    Raises:
        ConfigError: there is no model `name`, or its table is wrong.
    """
    spec = shelf.find(name) if name is not None else shelf.default()
    health, card = shelf.check(spec), read_pocket_card(spec.path)
    if as_json:
        record = {**health_record(health), "settings": _settings(spec), "card": asdict(card) if card else None}
        out.json(record)
        return Exit.ANSWERED if health.ok else Exit.FAILED
    out.line(visible_line(spec.name))
    if health.facts is not None:
        for line in _lines([*_facts(health.facts), *_rows(spec, health)]):
            out.line(line)
        for note in health.facts.notes:
            out.line(f"  {visible_line(note)}")
    elif spec.remote is not None:
        for line in _lines([(say("Server"), health.note), *_rows(spec, health)]):
            out.line(line)
    if card is not None:
        for line in _card_lines(card):
            out.line(line)
    if health.problem is not None:
        err.problem(health.problem)
    return Exit.ANSWERED if health.ok else Exit.FAILED


def _facts(facts: ModelFacts) -> list[tuple[str, str]]:
    """What the header of the file says."""
    window = say(
        "{n_ctx} tokens, trained on {trained}",
        n_ctx=f"{facts.n_ctx:,}",
        trained=f"{facts.n_ctx_train:,}" if facts.n_ctx_train else "?",
    )
    thinking = say("can think first") if facts.can_think else say("does not think first")
    return [
        (say("Title"), facts.title),
        (say("Says of itself"), facts.description),
        (say("Architecture"), facts.architecture),
        (say("Parameters"), f"{short_number(facts.parameters)} ({facts.parameters:,})"),
        (say("Layers"), f"{facts.n_layer:,}"),
        (say("Vocabulary"), f"{facts.n_vocab:,}"),
        (say("Quantisation"), facts.file_type or facts.quantisation),
        (say("File size"), _size(facts.file_bytes)),
        (say("Window"), window),
        (say("Chat template"), f"{facts.template_name}; {thinking}"),
        (say("Licence"), facts.licence),
        (say("Memory"), fit_words(facts.fit) if facts.fit is not None else ""),
    ]


def _rows(spec: ModelSpec, health: Health) -> list[tuple[str, str]]:
    """Where the model comes from, and what was set for it."""
    hints = health.facts.sampling.changed() if health.facts else {}
    table_ = {**_settings(spec), **{f"sampling.{name}": value for name, value in spec.sampling.changed().items()}}
    return [
        (say("File"), spec.path),
        (say("Declared in"), spec.source),
        (say("Suggests"), _pairs(hints)),
        (say("Set for it"), _pairs(table_)),
    ]


def _settings(spec: ModelSpec) -> dict[str, object]:
    """What a table of models.toml set, by key."""
    plain = ModelSpec(name="", path="")
    return {
        item.name: _plain(getattr(spec, item.name))
        for item in fields(ModelSpec)
        if item.name not in _ASIDE and getattr(spec, item.name) != getattr(plain, item.name)
    }


def _plain(value: object) -> object:
    """`value` as JSON has it, with what was set alone."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(inner) for name, inner in asdict(value).items() if inner not in (None, "", ())}
    return [_plain(inner) for inner in value] if isinstance(value, tuple) else value


def _pairs(values: dict[str, object]) -> str:
    values = {
        ".".join(filter(None, (name, key))): inner
        for name, value in values.items()
        for key, inner in (value.items() if isinstance(value, dict) else [("", value)])
    }
    # A hint is a float of 32 bits: 0.2 of a file is 0.20000000298.
    said = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in values.items()}
    return ", ".join(f"{name} {value}" for name, value in said.items())


def _lines(rows: list[tuple[str, str]]) -> list[str]:
    """The rows that say something, aligned."""
    return [f"  {line}" for line in table([(name, visible_line(value)) for name, value in rows if value])]


def _card_lines(card: PocketCard) -> list[str]:
    """How a model that llmlab carries was trained, what it scored, and what it cannot do."""
    chinese = current_language() == "zh"
    training = say(
        "Trained from scratch on {tokens} tokens of generated English and Chinese text, in {minutes} minutes on "
        "{hardware}; no text was scraped. Seed {seed}.",
        tokens=short_number(card.tokens),
        minutes=f"{card.minutes:,.0f}",
        hardware=card.hardware,
        seed=card.seed,
    )
    heading = say("Right answers to held-out questions, with the 95 % interval (seed {seed})", seed=card.score_seed)
    limits = card.limits_zh if chinese else card.limits
    return [
        "",
        visible_line(training),
        "",
        heading,
        *(f"  {line}" for line in table([_score_row(score, chinese=chinese) for score in card.scores])),
        "",
        say("Limits"),
        *(f"  - {visible_line(limit)}" for limit in limits),
    ]


def _score_row(score: PocketScore, *, chinese: bool) -> tuple[str, str, str, str]:
    return (
        visible_line(score.task_zh if chinese else score.task),
        f"{100 * score.right / score.items:.1f} %",
        f"{100 * score.low:.1f} - {100 * score.high:.1f}",
        say("{items} items", items=f"{score.items:,}"),
    )


def _size(count: int) -> str:
    return short_bytes(count) if count >= 10 << 20 else f"{count / (1 << 20):,.1f} MB"
