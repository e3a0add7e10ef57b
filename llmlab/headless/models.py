"""`llmlab models`: what there is, and how each is doing."""

from __future__ import annotations

from dataclasses import asdict

from llmlab.domain.model import BadModel, ModelSpec
from llmlab.domain.terminal import visible_line
from llmlab.errors import LlmlabError
from llmlab.headless.diagnostics import Diagnostics, Exit
from llmlab.headless.output import Output, table
from llmlab.services.fit import fit_words
from llmlab.services.models import Health, ModelShelf
from llmlab.words import say


def list_models(shelf: ModelShelf, out: Output, err: Diagnostics, *, as_json: bool) -> Exit:
    """Print every model, the bad ones with their problem; problems of whole files go to standard error."""
    first = _default_name(shelf)
    if as_json:
        out.json({"models": [_entry(model, first) for model in shelf.models()], "problems": list(shelf.problems())})
        return Exit.ANSWERED
    rows = [
        ("*" if model.name == first else " ", model.name, model.path)
        if isinstance(model, ModelSpec)
        else ("!", model.name, say("cannot be used, see below"))
        for model in shelf.models()
    ]
    for line in table(rows):
        out.line(line)
    for problem in shelf.problems():
        err.note(problem)
    return Exit.ANSWERED


def check_models(shelf: ModelShelf, name: str | None, out: Output, err: Diagnostics, *, as_json: bool) -> Exit:
    """Print the health of one model or of all; the exit code is 1 when one cannot be used or a table is wrong.

    Raises:
        ConfigError: there is no model `name`.
    """
    models = shelf.models()
    if name is not None:
        models = tuple(model for model in models if model.name == name) or (shelf.find(name),)
    checked = [shelf.check(model) for model in models]
    problems = shelf.problems() if name is None else ()
    if as_json:
        out.json({"models": [health_record(health) for health in checked], "problems": list(problems)})
    else:
        for health in checked:
            for line in health_lines(health):
                out.line(line)
        for problem in problems:
            err.note(problem)
    sound = all(health.ok for health in checked) and not problems
    return Exit.ANSWERED if sound else Exit.FAILED


def health_record(health: Health) -> dict[str, object]:
    """What `--json` prints for one model."""
    return {
        "name": health.name,
        "ok": health.ok,
        "path": health.path,
        "source": health.source,
        "problem": _problem(health.problem),
        "facts": asdict(health.facts) if health.facts else None,
    }


def health_lines(health: Health) -> list[str]:
    """What a person reads about one model."""
    name = visible_line(health.name)
    if health.problem:
        return [f"{name}: {line}" if not index else line for index, line in enumerate(str(health.problem).split("\n"))]
    facts = health.facts
    if facts is None:
        return [f"{name}: {health.note or say('sound')}"]
    summary = say(
        "sound; {architecture}, {parameters} parameters, {quantisation}, window {n_ctx} of {trained}, "
        "vocabulary {vocabulary}, template {template}",
        architecture=visible_line(facts.architecture),
        parameters=short_number(facts.parameters),
        quantisation=facts.file_type or facts.quantisation,
        n_ctx=f"{facts.n_ctx:,}",
        trained=f"{facts.n_ctx_train:,}" if facts.n_ctx_train else "?",
        vocabulary=f"{facts.n_vocab:,}",
        template=facts.template_name,
    )
    fits = facts.fit is not None and facts.fit.verdict == "fits"
    notes = facts.notes if fits or facts.fit is None else (fit_words(facts.fit), *facts.notes)
    more = [say("licence {licence}", licence=visible_line(facts.licence))] if facts.licence else []
    if facts.fit is not None and fits:
        more.append(fit_words(facts.fit))
    return ["; ".join([f"{name}: {summary}", *more]), *(f"  {visible_line(note)}" for note in notes)]


def short_number(count: int) -> str:
    """`count` as people say it: 1.9M, 7.6B."""
    for size, letter in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.1f}{letter}"
    return str(count)


def short_bytes(count: int) -> str:
    """`count` bytes in the unit that suits it."""
    return f"{count / (1 << 30):,.1f} GB" if count >= 1 << 30 else f"{count / (1 << 20):,.0f} MB"


def _default_name(shelf: ModelShelf) -> str:
    try:
        return shelf.default().name
    except LlmlabError:
        return ""


def _entry(model: ModelSpec | BadModel, first: str) -> dict[str, object]:
    if isinstance(model, BadModel):
        return {"name": model.name, "ok": False, "default": False, "source": model.source, "problem": model.problem}
    return {
        "name": model.name,
        "ok": True,
        "default": model.name == first,
        "source": model.source,
        "path": model.path,
        "host": model.remote.host if model.remote else None,
        "n_ctx": model.n_ctx,
        "n_gpu_layers": model.n_gpu_layers,
        "chat_template": model.chat_template,
        "system": model.system,
        "thinking": model.thinking,
        "sampling": model.sampling.changed(),
    }


def _problem(error: LlmlabError | None) -> dict[str, str] | None:
    return {"what": error.what, "where": error.where, "hint": error.hint} if error else None
