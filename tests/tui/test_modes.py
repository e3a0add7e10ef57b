"""Reasoning modes in the lab: files that change while they are in use, and what of a mode has no effect."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Label, OptionList, Static

from llmlab.domain.model import ModelCard
from llmlab.domain.modes import ReasoningMode, ReasoningUse
from llmlab.domain.sampling import Sampling
from llmlab.domain.shots import Shot, ShotSet, ShotUse
from llmlab.engine.scripted import Script
from llmlab.paths import Paths
from llmlab.tui.modes import idle_parts
from llmlab.tui.panes.reasoning import ReasoningPane
from tests.tui.laboratory import Laboratory, laboratory

CARD = ModelCard(
    name="m", path="/m.gguf", title="m", architecture="llama", quantisation="Q8_0", parameters=1, file_bytes=1,
    n_ctx=1024, n_ctx_train=1024, n_vocab=256, n_layer=1, n_gpu_layers=0, device="CPU", n_threads=1, build="",
    template_name="", can_think=False, sampling=Sampling(), load_s=0.0,
)  # fmt: skip
PLAIN = ReasoningMode(name="p", language="en", title="P")
STEPS = replace(PLAIN, shot_reasoning=True)
BARE = ShotSet(name="s", language="en", title="Bare", rows=(Shot("1", "2"), Shot("2", "3", "because")))


def own_file(paths: Paths, text: str, name: str = "mine") -> Path:
    path = paths.config / "prompts" / "reasoning" / f"{name}.en.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text, encoding="utf-8")
    if path.stat().st_mtime_ns <= before:
        os.utime(path, ns=(before + 1, before + 1))
    return path


def mode(lab: Laboratory) -> ReasoningMode:
    use = lab.bench.desk.reasoning
    assert use is not None
    return use.mode


async def used(lab: Laboratory, words: str) -> None:
    await lab.command(f"/reason {words}")
    await lab.until(lambda: lab.bench.desk.reasoning)


async def pane(lab: Laboratory) -> ReasoningPane:
    await lab.pilot.press("f8")
    await lab.until(lambda: isinstance(lab.app.screen, ReasoningPane))
    await lab.pilot.pause()
    shown = lab.app.screen
    assert isinstance(shown, ReasoningPane)
    return shown


async def highlight(lab: Laboratory, shown: ReasoningPane, title: str) -> str:
    """The line of a mode, once it is highlighted."""
    options = shown.query_one(OptionList)
    lines = [str(options.get_option_at_index(place).prompt) for place in range(options.option_count)]
    place = next(place for place, line in enumerate(lines) if title in line)
    options.highlighted = place
    await lab.pilot.pause()
    return lines[place]


def does(shown: ReasoningPane) -> str:
    return str(shown.query_one("#does", Static).render())


# Files


async def test_the_mode_in_use_follows_its_file_and_survives_nonsense(paths: Paths) -> None:
    own_file(paths, 'title = "Mine"\nquestion = "Be quick."\n')
    async with laboratory(paths) as lab:
        await used(lab, "mine 3")
        own_file(paths, 'title = "Mine"\nquestion = "Be slow."\n')
        await lab.until(lambda: mode(lab).question == "Be slow.")
        assert lab.bench.desk.reasoning is not None
        assert lab.bench.desk.reasoning.votes == 3
        told = len(lab.toasts)
        path = own_file(paths, "title = 'Mine'\nquestoin = 'x'\n")
        await lab.until(lambda: len(lab.toasts) > told)
        assert str(path) in lab.toasts[-1]
        assert "question" in lab.toasts[-1]
        assert mode(lab).question == "Be slow."
        await lab.ask("How many?")
        assert "How many?\n\nBe slow." in [prompt[-1].text for prompt in lab.engines[0].prompts]
        # Nonsense is told once.
        assert sum(str(path) in toast for toast in lab.toasts) == 1


async def test_a_file_that_takes_the_place_of_the_shipped_one_in_use_holds_at_once(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await used(lab, "steps")
        own_file(paths, 'title = "Mine"\nquestion = "My own way."\n', "steps")
        await lab.until(lambda: mode(lab).question == "My own way.")


async def test_a_mode_from_a_place_of_its_own_stays_what_it_is(paths: Paths, tmp_path: Path) -> None:
    path = tmp_path / "steps.en.toml"
    path.write_text('title = "Elsewhere"\nquestion = "Elsewhere."\n', encoding="utf-8")
    async with laboratory(paths) as lab:
        await used(lab, str(path))
        assert mode(lab).question == "Elsewhere."


async def test_what_is_chosen_in_the_pane_is_as_its_file_is_by_then(paths: Paths) -> None:
    own_file(paths, 'title = "Mine"\nquestion = "Be quick."\n')
    async with laboratory(paths) as lab:
        shown = await pane(lab)
        await highlight(lab, shown, "Mine")
        own_file(paths, 'title = "Mine"\nquestion = "Be slow."\n')
        await lab.until(lambda: any(one.question == "Be slow." for one in lab.services.reasoning.good()))
        await lab.pilot.press("enter")
        await lab.until(lambda: lab.bench.desk.reasoning)
        assert mode(lab).question == "Be slow."


# What has no effect


@pytest.mark.parametrize(
    ("use", "card", "shots", "told"),
    [
        (ReasoningUse(PLAIN), CARD, None, []),
        (ReasoningUse(replace(PLAIN, thinking=True)), CARD, None, ["no effect"]),
        (ReasoningUse(replace(PLAIN, thinking=False)), CARD, None, ["no effect"]),
        (ReasoningUse(PLAIN, budget=0), CARD, None, ["no effect"]),
        (ReasoningUse(PLAIN, budget=64), CARD, None, ["budget"]),
        (ReasoningUse(replace(PLAIN, thinking=True), budget=64), CARD, None, ["no effect", "budget"]),
        (ReasoningUse(replace(PLAIN, thinking=True), budget=64), replace(CARD, can_think=True), None, []),
        (ReasoningUse(replace(PLAIN, thinking=True), budget=64), None, None, []),
        (ReasoningUse(replace(PLAIN, thinking=True)), replace(CARD, host="api.example.org"), None, []),
        (ReasoningUse(STEPS), CARD, None, ["No examples"]),
        (ReasoningUse(STEPS), CARD, ShotUse(BARE, 0), ["No examples"]),
        (ReasoningUse(STEPS), CARD, ShotUse(BARE, 1), ["Bare"]),
        (ReasoningUse(STEPS), CARD, ShotUse(BARE, 2), []),
        (ReasoningUse(STEPS), CARD, ShotUse(BARE, 1, choice="random"), []),
    ],
)
def test_what_has_no_effect_is_told(
    use: ReasoningUse, card: ModelCard | None, shots: ShotUse | None, told: list[str]
) -> None:
    remarks = list(idle_parts(use, card, shots))
    assert len(remarks) == len(told)
    assert all(words in remark for words, remark in zip(told, remarks, strict=True))


async def test_thinking_modes_are_marked_for_a_model_that_cannot_think(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        shown = await pane(lab)
        assert "!" in await highlight(lab, shown, "Thinking on")
        assert "has no effect" in does(shown)
        assert "cannot think" in str(shown.query_one("#budget-remark", Label).render())
        assert "!" not in await highlight(lab, shown, "Step by step")
        assert "has no effect" not in does(shown)
        await lab.pilot.press("escape")
        await used(lab, "thinking-on")
        await lab.until(lambda: any("has no effect" in toast for toast in lab.toasts))


async def test_nothing_is_marked_for_a_model_that_can(paths: Paths) -> None:
    async with laboratory(paths, script=Script(opens_thinking=True)) as lab:
        shown = await pane(lab)
        assert "!" not in await highlight(lab, shown, "Thinking on")
        assert "cannot think" not in str(shown.query_one("#budget-remark", Label).render())
        await lab.pilot.press("escape")
        await used(lab, "thinking-on")
        await lab.until(lambda: any("from the next answer on" in toast for toast in lab.toasts))
        assert not any("no effect" in toast for toast in lab.toasts)


async def test_the_switch_of_thinking_tells_that_it_does_nothing(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.command("/think on")
        await lab.until(lambda: any("has no effect" in toast for toast in lab.toasts))


@pytest.mark.parametrize(("shots", "told"), [("", "No examples"), ("antonyms:2", "no steps"), ("arithmetic:2", "")])
async def test_examples_with_steps_need_examples_that_have_some(paths: Paths, shots: str, told: str) -> None:
    async with laboratory(paths) as lab:
        if shots:
            await lab.command(f"/shots {shots}")
            await lab.until(lambda: lab.bench.desk.shots)
        shown = await pane(lab)
        assert ("!" in await highlight(lab, shown, "Examples with steps")) == bool(told)
        assert told in does(shown)
        await lab.pilot.press("escape")
        await used(lab, "few-shot-steps")
        await lab.until(lambda: any("Examples with steps" in toast for toast in lab.toasts))
        assert any("steps" in toast and told in toast for toast in lab.toasts)
