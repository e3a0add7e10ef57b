"""Writing, answers and messages on the chat screen: what people do with keys and what becomes of their chat."""

from __future__ import annotations

from textual import events

from llmlab.engine.scripted import Die, Fail, Hold, Reply, Script
from llmlab.errors import ModelError
from llmlab.paths import Paths
from tests.tui.laboratory import laboratory


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
        assert "one cannot be loaded" in lab.status


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


async def test_a_command_typed_faster_than_the_list_follows_is_sent_as_it_was_typed(paths: Paths) -> None:
    async with laboratory(paths) as lab:
        await lab.pilot.press("/", "s")
        await lab.until(lambda: lab.composer._completion.open)
        # What is typed and the enter behind it come before the list has heard of either.
        lab.composer.load_text("/set temperature 0")
        lab.composer.action_send()
        assert lab.composer.text == ""
        await lab.until(lambda: lab.bench.desk.sampling.temperature == 0)
