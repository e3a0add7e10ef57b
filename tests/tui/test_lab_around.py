"""Chats, models, settings and mishaps on the chat screen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Label, OptionList

from llmlab.domain.model import BadModel
from llmlab.engine.scripted import Die, Hold, Reply, Script
from llmlab.errors import StoreError
from llmlab.library.settings import SettingsFile
from llmlab.paths import Paths
from llmlab.tui.app import LabApp
from llmlab.tui.screens.help import HelpScreen
from llmlab.tui.screens.line import LineDialog, TextDialog
from llmlab.tui.screens.picker import ModelPicker
from llmlab.tui.screens.settings import SettingsScreen
from llmlab.tui.services import LabServices
from llmlab.tui.start import Wish
from llmlab.tui.widgets.chat_list import Chats
from llmlab.tui.widgets.composer import Composer
from llmlab.words import current_language
from tests.tui.laboratory import ShelfDouble, laboratory, spec


async def test_deleting_is_undone_by_one_key(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.ask("keep me")
        await lab.command("/delete")
        await lab.until(lambda: lab.texts == [] and lab.toasts)
        assert "ctrl+z" in lab.toasts[0]
        await lab.pilot.press("ctrl+z")
        await lab.until(lambda: lab.texts[:1] == ["keep me"])


async def test_what_was_deleted_before_a_restart_comes_back_the_last_one_first(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        for text in ("first", "second"):
            await lab.ask(text)
            await lab.command("/delete")
            await lab.until(lambda: lab.texts == [])
    async with laboratory(paths) as lab:
        for text in ("second", "first"):
            await lab.command("/undo")
            await lab.until(lambda text=text: lab.texts[:1] == [text])  # type: ignore[misc]
        await lab.command("/undo")
        await lab.until(lambda: any("There is no deleted chat" in toast for toast in lab.toasts))


async def test_chats_are_listed_searched_and_opened(paths: Paths) -> None:
    async with laboratory(paths, script=Script(replies=(Reply(("green pears",)), Reply(("blue plums",))))) as lab:
        await lab.ask("first chat")
        await lab.pilot.press("ctrl+n")
        await lab.until(lambda: lab.texts == [])
        await lab.ask("second chat")
        chats = lab.screen.query_one(Chats)
        await lab.until(lambda: chats.option_count == 2)
        await lab.pilot.press("ctrl+k", *"pears")
        await lab.until(lambda: chats.option_count == 1)
        await lab.pilot.press("enter", "enter")
        await lab.until(lambda: lab.texts == ["first chat", "green pears"])
        await lab.until(lambda: lab.composer.has_focus)


async def test_a_chat_is_renamed_from_the_list(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.ask("a")
        chats = lab.screen.query_one(Chats)
        await lab.until(lambda: chats.option_count == 1)
        chats.focus()
        await lab.pilot.press("down", "r")
        await lab.until(lambda: isinstance(lab.app.screen, LineDialog))
        await lab.pilot.press("!", "enter")
        await lab.until(lambda: lab.bench.desk.chat.title == "a!")


async def test_exports_say_where_they_went_and_never_overwrite(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.ask("Which fruit?")
        await lab.command("/export md")
        await lab.until(lambda: len(lab.toasts) == 1)
        await lab.command("/export md")
        await lab.until(lambda: len(lab.toasts) == 2)
        first, second = (Path(toast.split("|")[1]) for toast in lab.toasts)
        assert first.name == "Which-fruit.md"
        assert second.name == "Which-fruit-2.md"
        assert "Hello there." in first.read_text(encoding="utf-8")


async def test_an_export_that_cannot_be_written_says_so(paths: Paths) -> None:
    async with laboratory(paths, wish=Wish(export_folder=paths.cache / "missing")) as lab:
        await lab.ask("a")
        await lab.command("/export json")
        await lab.until(lambda: lab.toasts)
        assert "missing" in lab.toasts[0]


async def test_the_model_is_swapped_from_the_picker(paths: Paths) -> None:
    shelf = ShelfDouble([spec("one"), BadModel("bad", "models.toml", "unknown key n_ctxx"), spec("two")])
    async with laboratory(paths, shelf=shelf) as lab:
        await lab.pilot.press("f5")
        await lab.until(lambda: isinstance(lab.app.screen, ModelPicker))
        await lab.pilot.press("down", "enter")
        await lab.until(lambda: any("unknown key n_ctxx" in toast for toast in lab.toasts))
        await lab.pilot.press("f5")
        await lab.until(lambda: isinstance(lab.app.screen, ModelPicker))
        await lab.pilot.press("down", "down", "enter")
        await lab.until(lambda: lab.services.host.state.model == "two")
        await lab.until(lambda: lab.app.screen is lab.screen and "two" in lab.status)
        assert lab.engines[0].closed
        assert lab.bench.settings.current.last_model == "two"


async def test_what_is_typed_at_once_filters_the_models(paths: Paths) -> None:
    shelf = ShelfDouble([spec("one"), spec("three"), spec("two")])
    async with laboratory(paths, shelf=shelf) as lab:
        await lab.pilot.press("f5")
        await lab.until(lambda: isinstance(lab.app.screen, ModelPicker))
        await lab.pilot.press("t", "w", "enter")
        await lab.until(lambda: lab.services.host.state.model == "two")


async def test_an_engine_that_dies_while_idle_is_told_at_once_and_the_next_message_starts_it(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.ask("a")
        lab.engines[0].die()
        await lab.until(lambda: "one stopped: the next message starts it anew" in lab.status)
        assert len(lab.toasts) == 1
        await lab.ask("b")
        assert len(lab.engines) == 2
        assert lab.bench.desk.path[-1].state == "done"
        await lab.until(lambda: "ready" in lab.status)


async def test_an_engine_that_dies_in_an_answer_is_told_once(paths: Paths) -> None:
    async with laboratory(paths, Reply(("half", Die()))) as lab:
        await lab.ask("a")
        await lab.until(lambda: "stopped" in lab.status)
        assert len(lab.toasts) == 1


async def test_the_picker_tells_how_each_model_fits(paths: Paths) -> None:
    shelf = ShelfDouble([spec("one"), BadModel("bad", "models.toml", "unknown key n_ctxx"), spec("two")])
    async with laboratory(paths, shelf=shelf) as lab:
        await lab.pilot.press("f5")
        await lab.until(lambda: isinstance(lab.app.screen, ModelPicker))
        options = lab.app.screen.query_one(OptionList)

        def shown(index: int) -> str:
            return str(options.get_option_at_index(index).prompt)

        await lab.until(lambda: "fits: two" in shown(2))
        assert "fits: one" in shown(0)
        assert "fits" not in shown(1)
        await lab.pilot.press("shift+tab", "t", "w")
        await lab.until(lambda: options.option_count == 1)
        assert "fits: two" in shown(0), "what was found out stays while the list is filtered"


async def test_an_edit_of_models_toml_is_noticed(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        lab.shelf.wrong = ("models.toml, table [x]: unknown key",)
        lab.shelf.edited = True
        lab.bench.models.look()
        await lab.until(lambda: lab.toasts)
        assert lab.toasts == ["models.toml|models.toml, table [x]: unknown key"]


async def test_an_edit_of_the_models_table_holds_although_an_answer_was_being_written(paths: Paths) -> None:
    hold = Hold()
    async with laboratory(paths, Reply(("one", hold, " two"))) as lab:
        lab.composer.set_draft("a")
        await lab.pilot.press("enter")
        await lab.until(hold.reached.is_set)
        used = lab.bench.desk.spec
        assert used is not None
        lab.shelf.listed[0] = replace(used, n_ctx=512)
        lab.shelf.edited = True
        lab.bench.models.look()
        await lab.until(lambda: lab.toasts)
        assert "from the next answer on" in lab.toasts[0]
        hold.gate.set()
        await lab.until(lambda: lab.texts == ["a", "one two"] and not lab.bench.desk.answering)
        assert len(lab.engines) == 1, "the answer that ran was not disturbed"
        await lab.ask("b")
        assert [engine.spec and engine.spec.n_ctx for engine in lab.engines] == [None, 512]


async def test_settings_hold_at_once_and_are_kept(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.pilot.press("f2")
        await lab.until(lambda: isinstance(lab.app.screen, SettingsScreen))
        await lab.pilot.press("enter", "down", "enter")
        await lab.until(lambda: current_language() == "zh")
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.app.screen is lab.screen)
        assert 'language = "zh"' in paths.settings_file.read_text(encoding="utf-8")


async def test_a_sampler_setting_is_set_by_command(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.command("/set temperature 0.25")
        await lab.until(lambda: lab.bench.desk.sampling.temperature == 0.25)
        await lab.ask("a")
        assert lab.engines[0].requests[-1].sampling.temperature == 0.25
        await lab.command("/set temperature hot")
        await lab.until(lambda: any("takes a number" in toast for toast in lab.toasts))


async def test_the_keymap_rebinds_by_command_id_and_tells_unknown_ones(paths: Paths) -> None:
    settings = '[keymap]\n"chat.new" = "f9"\n"chat.nwe" = "f10"\n'
    async with laboratory(paths, settings=settings) as lab:
        await lab.until(lambda: lab.toasts)
        assert "chat.new" in lab.toasts[0]
        await lab.ask("a")
        await lab.pilot.press("f9")
        await lab.until(lambda: lab.texts == [])


async def test_help_lists_every_key(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.pilot.press("f1")
        await lab.until(lambda: isinstance(lab.app.screen, HelpScreen))
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.app.screen is lab.screen)


async def test_the_palette_runs_a_command(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.ask("a")
        await lab.pilot.press("ctrl+p", *"new chat")
        await lab.pilot.pause(0.3)
        await lab.pilot.press("enter", "enter")
        await lab.until(lambda: lab.texts == [])


async def test_the_gauge_counts_the_draft_in_the_models_own_tokens(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.until(lambda: "0/4,096" in lab.status)
        lab.composer.set_draft("three small words")
        await lab.until(lambda: "/4,096" in lab.status and "0/4,096" not in lab.status)


async def test_what_is_said_and_typed_is_never_markup(paths: Paths) -> None:
    async with laboratory(paths, Reply(("[red]x[/red] [@click=app.quit]q[/]",))) as lab:
        await lab.ask("[bold]title[/bold] [/]")
        chats = lab.screen.query_one(Chats)
        await lab.until(lambda: chats.option_count == 1)
        assert "[bold]title[/bold] [/]" in str(chats.get_option_at_index(0).prompt)
        await lab.command("/delete")
        await lab.until(lambda: any("[bold]title" in toast for toast in lab.toasts))


async def test_twenty_columns_are_enough_to_chat(paths: Paths) -> None:
    async with laboratory(paths, size=(20, 12)) as lab:
        await lab.ask("hi")
        for key in ("f1", "f2", "f5", "ctrl+k", "ctrl+l", "ctrl+p"):
            await lab.pilot.press(key)
            await lab.pilot.pause()
            await lab.pilot.press("escape")
            await lab.pilot.pause()
        assert lab.texts == ["hi", "Hello there."]


async def test_an_answer_goes_on_while_another_chat_is_open(paths: Paths) -> None:
    hold = Hold()
    async with laboratory(paths, Reply(("So", hold, " done"))) as lab:
        await lab.pilot.press("a", "enter")
        await lab.until(lambda: lab.texts[-1:] == ["So"])
        first = lab.bench.desk.chat.id
        await lab.pilot.press("ctrl+n")
        await lab.until(lambda: lab.texts == [])
        assert "1 more running" in lab.status
        hold.gate.set()
        await lab.until(lambda: not lab.bench.desk.answers[first].running)
        await lab.bench.open_chat(first)
        assert lab.texts == ["a", "So done"]


async def test_a_wrong_setting_is_told_where_it_was_typed_and_keeps_the_form_open(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.pilot.press("f2")
        await lab.until(lambda: isinstance(lab.app.screen, SettingsScreen))
        lab.app.screen.query_one("#top_k").focus()
        await lab.pilot.press("9", "x", "tab")
        problem = lab.app.screen.query_one("#problem", Label)
        await lab.until(lambda: "top_k" in str(problem.render()))
        await lab.pilot.press("escape")
        assert isinstance(lab.app.screen, SettingsScreen)
        await lab.pilot.press("backspace", "backspace", "4", "escape")
        await lab.until(lambda: lab.app.screen is lab.screen)
        assert lab.bench.desk.sampling.top_k == 4


async def test_a_system_prompt_is_asked_for_and_given_to_the_model(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.command("/system")
        await lab.until(lambda: isinstance(lab.app.screen, TextDialog))
        await lab.pilot.press(*"Be brief", "enter", "!", "ctrl+s")
        await lab.until(lambda: lab.bench.desk.chat.system == "Be brief\n!")
        await lab.ask("a")
        assert lab.engines[0].prompts[-1][0].text == "Be brief\n!"


async def test_the_list_takes_the_place_of_the_chat_where_there_is_no_room_beside_it(paths: Paths) -> None:
    async with laboratory(paths, size=(80, 24)) as lab:
        await lab.ask("a")
        chats = lab.screen.query_one(Chats)
        assert not lab.screen.query_one("#list").display
        await lab.pilot.press("ctrl+l")
        await lab.until(lambda: chats.has_focus and chats.option_count == 1)
        await lab.pilot.press("down", "enter")
        await lab.until(lambda: lab.composer.has_focus and not lab.screen.query_one("#list").display)


async def test_with_no_model_at_all_the_lab_opens_and_says_what_to_do(paths: Paths) -> None:
    async with laboratory(paths, shelf=ShelfDouble([]), ready=False) as lab:
        await lab.until(lambda: lab.toasts)
        assert "No model can be used." in lab.toasts[0]
        await lab.pilot.press("h", "i", "enter")
        await lab.until(lambda: any("F5" in toast for toast in lab.toasts))
        assert lab.composer.text == "hi"
        lab.shelf.listed = [spec("one")]
        lab.shelf.edited = True
        lab.bench.models.look()
        await lab.until(lambda: lab.services.host.state.phase == "ready")


async def test_thinking_unfolds_and_folds(paths: Paths) -> None:
    async with laboratory(paths, Reply(("<think>", "hm", "</think>", "yes"))) as lab:
        await lab.ask("a")
        assert lab.bench.desk.path[1].thinking == "hm"
        await lab.pilot.press("ctrl+t")
        assert lab.transcript.thinking_shown
        await lab.pilot.press("ctrl+t")
        assert not lab.transcript.thinking_shown


async def test_a_fault_of_the_lab_itself_is_told_and_logged_and_the_lab_goes_on(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with laboratory(paths) as lab:

        def broken(search: str = "") -> None:
            raise ZeroDivisionError("by test")

        monkeypatch.setattr(lab.services.chats, "list", broken)
        lab.bench.refresh_list()
        await lab.until(lambda: lab.toasts)
        assert "ZeroDivisionError" in lab.toasts[0]
        assert "by test" in (paths.logs / "llmlab.log").read_text(encoding="utf-8")
        monkeypatch.undo()
        await lab.ask("a")
        assert lab.texts == ["a", "Hello there."]


async def test_a_store_that_cannot_be_opened_is_told_and_nothing_typed_is_lost(paths: Paths) -> None:
    async def open_services() -> LabServices:
        raise StoreError("The chats are from a newer llmlab.", where="llmlab.db", hint="Use that version.")

    app = LabApp(SettingsFile(paths.settings_file), open_services)
    async with app.run_test(notifications=True) as pilot:
        toasts = app._notifications
        while not len(toasts):
            await pilot.pause()
        await pilot.press("h", "i", "enter")
        while len(toasts) < 2:
            await pilot.pause()
        assert {toast.title for toast in toasts} == {"The chats are from a newer llmlab."}
        assert app.screen.query_one(Composer).text == "hi"
