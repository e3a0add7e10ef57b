"""Every sampler, presets and the shape of answers, by keys alone."""

from __future__ import annotations

import pytest
from textual.widgets import Input, Label, Select, TextArea

from llmlab.domain.sampling import PRESETS, SETTINGS, Sampling, with_preset
from llmlab.engine.scripted import Fail, Reply, Script
from llmlab.paths import Paths
from llmlab.tui.panes.sampling import SamplingPane
from tests.tui.laboratory import Laboratory, laboratory


def test_a_preset_leaves_seed_length_and_stops() -> None:
    mine = Sampling(seed=3, max_tokens=9, stop=("x",), temperature=2.0, top_k=7)
    assert with_preset(mine, PRESETS[1]) == Sampling(seed=3, max_tokens=9, stop=("x",), temperature=0.0)
    assert with_preset(mine, PRESETS[0]) == Sampling(seed=3, max_tokens=9, stop=("x",))


async def opened(lab: Laboratory) -> SamplingPane:
    await lab.pilot.press("f10")
    await lab.until(lambda: isinstance(lab.app.screen, SamplingPane))
    pane = lab.app.screen
    assert isinstance(pane, SamplingPane)
    return pane


def problem(pane: SamplingPane) -> str:
    return str(pane.query_one("#problem", Label).content)


async def test_every_setting_has_its_field_and_a_preset_fills_them(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        pane = await opened(lab)
        assert {field.id for field in pane.query(Input)} == {setting.name for setting in SETTINGS}
        pane.query_one("#preset", Select).value = "creative"
        await lab.until(lambda: pane.query_one("#temperature", Input).value == "1.1")
        pane.query_one("#stop", Input).value = "END|\\n\\n"
        await lab.pilot.press("ctrl+s")
        await lab.until(lambda: not isinstance(lab.app.screen, SamplingPane))
        assert lab.bench.desk.sampling.stop == ("END", "\n\n")
        assert lab.bench.desk.sampling.dry_multiplier == 0.8


@pytest.mark.parametrize(("name", "value"), [("temperature", "hot"), ("top_p", "7"), ("seed", "-1")])
async def test_a_value_that_cannot_be_is_told_at_its_field(paths: Paths, name: str, value: str) -> None:
    async with laboratory(paths) as lab:
        pane = await opened(lab)
        pane.query_one(f"#{name}", Input).value = value
        await lab.pilot.press("ctrl+s")
        await lab.until(lambda: name in problem(pane))
        assert pane.focused is pane.query_one(f"#{name}")


async def test_biases_are_told_in_their_notation_and_survive_a_preset(paths: Paths) -> None:
    async with laboratory(paths, Reply(("yes",))) as lab:
        pane = await opened(lab)
        field = pane.query_one("#logit_bias", Input)
        field.value = "yes=-5"
        await lab.pilot.press("ctrl+s")
        await lab.until(lambda: 'as in " yes"=-5' in problem(pane))
        assert pane.focused is field
        asked = len(lab.engines[0].requests)
        field.value = '" yes" = -5.0'
        pane.query_one("#preset", Select).value = "precise"
        await lab.until(lambda: pane.query_one("#temperature", Input).value == "0")
        await lab.pilot.press("ctrl+s")
        await lab.until(lambda: not isinstance(lab.app.screen, SamplingPane))
        assert lab.bench.desk.sampling == Sampling(temperature=0.0, logit_bias='" yes"=-5')
        # Any model has tokens for a text: nothing is asked of it.
        assert len(lab.engines[0].requests) == asked
        await lab.ask("Is it so?")
        assert lab.engines[0].requests[-1].sampling.logit_bias == '" yes"=-5'
        pane = await opened(lab)
        assert pane.query_one("#logit_bias", Input).value == '" yes"=-5'


async def test_ids_that_are_biased_are_checked_by_the_engine(paths: Paths) -> None:
    refused = Fail("logit_bias: there is no token 999")
    async with laboratory(paths, script=Script(replies=(Reply((refused,)), Reply(("ok",))))) as lab:
        pane = await opened(lab)
        pane.query_one("#logit_bias", Input).value = '" yes"=-5, 999=1'
        await lab.pilot.press("ctrl+s")
        await lab.until(lambda: "no token 999" in problem(pane))
        await lab.pilot.press("ctrl+s")
        await lab.until(lambda: not isinstance(lab.app.screen, SamplingPane))
        assert lab.engines[0].requests[-1].sampling.logit_bias == '" yes"=-5, 999=1'


async def test_a_schema_is_checked_before_it_is_taken(paths: Paths) -> None:
    refused = Fail("The schema cannot be followed.")
    async with laboratory(paths, script=Script(replies=(Reply((refused,)), Reply(("{",))))) as lab:
        pane = await opened(lab)
        pane.query_one("#shape", Select).value = "schema"
        area = pane.query_one("#shape-text", TextArea)
        await lab.until(lambda: area.display)
        area.text = '{\n "type": }'
        await lab.pilot.press("ctrl+s")
        await lab.until(lambda: "line 2, column 10" in problem(pane))
        area.text = '{"type": "object"}'
        await lab.pilot.press("ctrl+s")
        await lab.until(lambda: "cannot be followed" in problem(pane))
        await lab.pilot.press("ctrl+s")
        await lab.until(lambda: not isinstance(lab.app.screen, SamplingPane))
        assert lab.bench.desk.recipe().schema == '{"type": "object"}'
