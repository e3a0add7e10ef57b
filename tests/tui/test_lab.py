"""The chat screen, habit by habit: what people do with keys and what becomes of their chat."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.widgets import Label

from llmlab.domain.model import BadModel
from llmlab.engine.scripted import Die, Fail, Hold, Reply, Script
from llmlab.errors import ModelError, StoreError
from llmlab.library.settings import SettingsFile
from llmlab.paths import Paths
from llmlab.tui.app import LabApp
from llmlab.tui.screens.help import HelpScreen
from llmlab.tui.screens.line import LineDialog, TextDialog
from llmlab.tui.screens.picker import ModelPicker
from llmlab.tui.screens.settings import SettingsScreen
from llmlab.tui.services import LabServices, Wish
from llmlab.tui.widgets.chat_list import Chats
from llmlab.tui.widgets.composer import Composer
from llmlab.words import current_language
from tests.tui.laboratory import ShelfDouble, laboratory, spec


async def test_a_sent_question_is_answered(paths: Paths) -> None:
    async with laboratory(paths, Reply(("Hello", " you"))) as lab:
        await lab.pilot.press("h", "i", "enter")
        await lab.until(lambda: lab.texts == ["hi", "Hello you"])
        assert lab.composer.text == ""
        assert lab.bench.desk.chat.title == "hi"
        assert "hi" in lab.status


async def test_a_question_typed_before_anything_is_open_is_answered_once_it_is(paths: Paths) -> None:
    hold = Hold()
    async with laboratory(paths, script=Script(load_hold=hold), ready=False) as lab:
        await lab.pilot.press("h", "i", "enter")
        await lab.until(lambda: "loading one 50%" in lab.status)
        hold.gate.set()
        await lab.until(lambda: lab.texts == ["hi", "Hello there."])


async def test_ctrl_j_begins_a_new_line(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.pilot.press("a", "ctrl+j", "b", "shift+enter", "c")
        assert lab.composer.text == "a\nb\nc"
        await lab.pilot.press("enter")
        await lab.until(lambda: lab.texts[:1] == ["a\nb\nc"])


async def test_escape_stops_the_answer_and_keeps_what_was_said(paths: Paths) -> None:
    hold = Hold()
    async with laboratory(paths, Reply(("So", " far", hold, " never"))) as lab:
        await lab.pilot.press("h", "i", "enter")
        await lab.until(lambda: lab.texts[-1:] == ["So far"])
        assert lab.bench.desk.answering
        await lab.pilot.press("escape")
        await lab.until(lambda: not lab.bench.desk.answering)
        assert lab.texts == ["hi", "So far"]
        assert not lab.toasts


async def test_escape_stops_from_the_list_as_well(paths: Paths) -> None:
    async with laboratory(paths, Reply(("So", Hold()))) as lab:
        await lab.pilot.press("h", "i", "enter")
        await lab.until(lambda: lab.texts[-1:] == ["So"])
        await lab.pilot.press("ctrl+k", "escape")
        await lab.until(lambda: not lab.bench.desk.answering)


async def test_a_second_question_waits_in_the_composer_while_an_answer_runs(paths: Paths) -> None:
    hold = Hold()
    async with laboratory(paths, Reply(("So", hold))) as lab:
        await lab.pilot.press("a", "enter")
        await lab.until(lambda: lab.texts[-1:] == ["So"])
        await lab.pilot.press("b", "enter")
        await lab.until(lambda: lab.toasts)
        assert lab.composer.text == "b"
        assert "esc" in lab.toasts[0]
        hold.gate.set()
        await lab.until(lambda: not lab.bench.desk.answering)


async def test_a_question_that_cannot_be_sent_returns_to_the_composer(paths: Paths) -> None:
    script = Script(load_error=ModelError("The file is cut off.", where="/models/one.gguf", hint="Fetch it again."))
    async with laboratory(paths, script=script, ready=False) as lab:
        await lab.until(lambda: lab.toasts)
        assert lab.toasts[0] == "The file is cut off.|/models/one.gguf\nFetch it again."
        await lab.pilot.press("h", "i", "enter")
        await lab.until(lambda: lab.composer.text == "hi")
        await lab.until(lambda: not lab.bench.desk.answering)
        assert lab.texts == []
        assert "stopped" in lab.status


async def test_a_dead_engine_is_told_and_the_next_question_starts_it_again(paths: Paths) -> None:
    async with laboratory(paths, Reply(("Half", Die()))) as lab:
        await lab.pilot.press("a", "enter")
        await lab.until(lambda: lab.toasts and not lab.bench.desk.answering)
        assert lab.texts == ["a", "Half"]
        assert "stopped" in lab.status
        await lab.pilot.press("b", "enter")
        await lab.until(lambda: len(lab.engines) == 2 and not lab.bench.desk.answering)
        assert lab.texts[2] == "b"


async def test_a_failed_answer_is_told_once_with_where_and_what_next(paths: Paths) -> None:
    async with laboratory(paths, Reply(("Half", Fail("It broke.", where="decode", hint="Try again.")))) as lab:
        await lab.pilot.press("a", "enter")
        await lab.until(lambda: lab.toasts and not lab.bench.desk.answering)
        assert lab.toasts == ["It broke.|decode\nTry again."]


async def test_answering_again_keeps_the_versions(paths: Paths) -> None:
    async with laboratory(paths, script=Script(replies=(Reply(("first",)), Reply(("second",))))) as lab:
        await lab.ask("a")
        await lab.pilot.press("alt+up", "r")
        await lab.until(lambda: lab.texts == ["a", "second"] and not lab.bench.desk.answering)
        await lab.pilot.press("left")
        await lab.until(lambda: lab.texts == ["a", "first"])
        assert lab.bench.desk.versions()[lab.bench.desk.path[1].id] == (1, 2)
        assert lab.transcript.selected_message == lab.bench.desk.path[1].id
        await lab.pilot.press("right", "right")
        await lab.until(lambda: lab.texts == ["a", "second"])


async def test_messages_are_walked_and_the_way_back_is_the_composer(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.ask("a")
        ids = [message.id for message in lab.bench.desk.path]
        await lab.pilot.press("alt+up")
        await lab.until(lambda: lab.transcript.selected_message == ids[1])
        await lab.pilot.press("alt+up", "alt+up")
        await lab.until(lambda: lab.transcript.selected_message == ids[0])
        await lab.pilot.press("alt+down", "alt+down")
        await lab.until(lambda: lab.transcript.selected_message is None and lab.composer.has_focus)


async def test_a_changed_question_is_asked_on_a_branch(paths: Paths) -> None:
    async with laboratory(paths, script=Script(replies=(Reply(("one",)), Reply(("two",))))) as lab:
        await lab.ask("a")
        lab.composer.set_draft("half written")
        await lab.pilot.press("alt+up", "alt+up", "e")
        await lab.until(lambda: lab.composer.text == "a")
        assert lab.banner
        await lab.pilot.press("b", "enter")
        await lab.until(lambda: lab.texts == ["ab", "two"] and not lab.bench.desk.answering)
        assert lab.composer.text == "half written"
        assert len(lab.bench.desk.chat.conversation.children(None)) == 2


async def test_leaving_an_edit_brings_the_draft_back(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.ask("a")
        lab.composer.set_draft("half written")
        await lab.pilot.press("alt+up", "e")
        await lab.until(lambda: lab.composer.text == "Hello there.")
        await lab.pilot.press("escape")
        await lab.until(lambda: lab.composer.text == "half written")


async def test_a_changed_answer_is_a_version_that_can_be_continued(paths: Paths) -> None:
    async with laboratory(paths, script=Script(replies=(Reply(("one",)), Reply((" more",))))) as lab:
        await lab.ask("a")
        await lab.pilot.press("alt+up", "e")
        await lab.until(lambda: lab.composer.text == "one")
        await lab.pilot.press("!", "enter")
        await lab.until(lambda: lab.texts == ["a", "one!"] and lab.transcript.has_focus)
        await lab.pilot.press("c")
        await lab.until(lambda: lab.texts == ["a", "one! more"] and not lab.bench.desk.answering)


async def test_a_message_is_copied(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.ask("a")
        await lab.pilot.press("alt+up", "y")
        await lab.until(lambda: lab.app.clipboard == "Hello there.")


async def test_the_composer_remembers_what_was_sent(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.ask("first")
        await lab.ask("second")
        await lab.pilot.press("up", "up")
        assert lab.composer.text == "first"
        await lab.pilot.press("down", "down")
        assert lab.composer.text == ""


async def test_a_large_paste_is_folded_and_sent_whole_without_what_steers_terminals(paths: Paths) -> None:
    async with laboratory(paths, script=Script(n_ctx=1_000_000)) as lab:
        pasted = "line \x1b[31m\r\n" * 50_000
        lab.composer.post_message(events.Paste(pasted))
        await lab.until(lambda: lab.composer.text)
        assert len(lab.composer.text) < 80
        await lab.pilot.press("enter")
        await lab.until(lambda: lab.texts)
        assert lab.texts[0] == "line ␛[31m\n" * 50_000


async def test_the_mark_of_a_paste_is_deleted_as_one(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        lab.composer.post_message(events.Paste("word\n" * 1000))
        await lab.until(lambda: lab.composer.text)
        await lab.pilot.press("backspace")
        assert lab.composer.text == ""


async def test_slash_commands_are_offered_completed_and_run(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.ask("a")
        await lab.pilot.press("/", "n", "e")
        await lab.until(lambda: lab.composer._completion.open)
        await lab.pilot.press("tab")
        assert lab.composer.text == "/new"
        await lab.pilot.press("enter")
        await lab.until(lambda: lab.texts == [])


async def test_an_unknown_command_names_the_near_one_and_stays(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.command("/exprot md")
        await lab.until(lambda: lab.toasts)
        assert "/export" in lab.toasts[0]
        assert lab.composer.text == "/exprot md"


async def test_a_path_is_a_question_not_a_command(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.ask("/usr/bin/env what is this?")
        assert lab.texts[0].startswith("/usr")


async def test_deleting_is_undone_by_one_key(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.ask("keep me")
        await lab.command("/delete")
        await lab.until(lambda: lab.texts == [] and lab.toasts)
        assert "ctrl+z" in lab.toasts[0]
        await lab.pilot.press("ctrl+z")
        await lab.until(lambda: lab.texts[:1] == ["keep me"])


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


async def test_an_edit_of_models_toml_is_noticed(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        lab.shelf.wrong = ("models.toml, table [x]: unknown key",)
        lab.shelf.edited = True
        lab.bench.models.look()
        await lab.until(lambda: lab.toasts)
        assert lab.toasts == ["models.toml|models.toml, table [x]: unknown key"]


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
