"""What can be done about a prompt that does not fit: each way out as an act. Nothing is cut without being asked for."""

from __future__ import annotations

from dataclasses import replace

from llmlab.domain.budget import WayOut
from llmlab.domain.reading import WishedWay
from llmlab.errors import UsageError
from llmlab.tui.commands.lab import Lab
from llmlab.tui.panes.document_words import way_name
from llmlab.tui.panes.recipe_words import shots_in_words
from llmlab.tui.panes.ways_out import KINDS
from llmlab.words import say


async def fit(lab: Lab, argument: str) -> None:
    """Make the prompt fit in the way that is named, else in one that is picked.

    Raises:
        UsageError: no model is ready, no way suffices, or the one that is named does not.
    """
    if argument and argument not in KINDS:
        raise UsageError(say("/fit takes one of: {ways}.", ways=", ".join(KINDS)))
    prepared = await lab.desk.prepared(lab.draft)
    if prepared is None:
        raise UsageError(say("The model is not ready."))
    if not prepared.budget.over:
        lab.tell(say("The prompt fits: {left:,} tokens are left.", left=prepared.budget.left))
        return
    if not prepared.ways:
        raise UsageError(
            say("No single change makes this prompt fit."),
            hint=say("Shorten the message or start a new chat (ctrl+n)."),
        )
    if argument:
        way = next((way for way in prepared.ways if way.kind == KINDS[argument]), None)
        if way is None:
            ways = [name for name, kind in KINDS.items() if kind in [way.kind for way in prepared.ways]]
            raise UsageError(say("That does not suffice."), hint=say("These do: {ways}.", ways=", ".join(ways)))
    else:
        way = await lab.pick_way(prepared)
    if way is not None:
        take(lab, way)


def take(lab: Lab, way: WayOut) -> None:
    """Do what a way out says, and tell it; it holds from the next answer on."""
    match way.kind:
        case "drop_turns":
            lab.desk.overflow = "drop_turns"
            lab.tell(say("The oldest turns are left out where a prompt does not fit; /overflow ask takes that back."))
        case "fewer_examples":
            _show_examples(lab, way.amount)
        case "shorter_answer":
            lab.desk.sampling = replace(lab.desk.sampling, max_tokens=way.amount)
            lab.change_settings(sampling=lab.desk.sampling)
            lab.tell(say("{name} is {value}, from the next answer on.", name="max_tokens", value=way.amount))
        case "larger_window":
            _enlarge(lab, way.amount)
        case "passages":
            _read_by(lab, "passages")
        case "stretch":
            _read_by(lab, "stretched")
    lab.show_chat()


def _show_examples(lab: Lab, count: int) -> None:
    if lab.desk.shots is not None:
        lab.examples.change(replace(lab.desk.shots, k=count))
    words = shots_in_words(lab.desk.shots) or say("none")
    lab.tell(say("Examples: {words}, from the next answer on.", words=words))


def _enlarge(lab: Lab, tokens: int) -> None:
    if lab.desk.spec is not None:
        lab.load_model(replace(lab.desk.spec, n_ctx=tokens))
    lab.tell(say("The window has {tokens:,} tokens once the model is loaded; F5 takes it back.", tokens=tokens))


def _read_by(lab: Lab, way: WishedWay) -> None:
    lab.documents.values.read_by(way)
    lab.tell(say("Documents: {way}, from the next answer on.", way=way_name(way)))
