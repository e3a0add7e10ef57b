from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.selection import Selection

from llmlab.domain.generation import Failed, Timing, Turn, Usage
from llmlab.domain.messages import Message, Origin, Text
from llmlab.tui.widgets.transcript import Transcript
from llmlab.words import use_language
from tests.tui.transcript_host import ANSWER, CHINESE, Host, answer, live, long_chat, question, small_chat

SIZE = (60, 30)


def screen(transcript: Transcript) -> list[str]:
    """The rows in view."""
    return [transcript.render_line(y).text.rstrip() for y in range(transcript.size.height)]


def everything(transcript: Transcript) -> list[str]:
    """All rows."""
    roll = transcript.roll
    while not roll.measure(lambda: False):
        pass
    return [found.line.text.rstrip() for y in range(roll.height) if (found := roll.find(y)) is not None]


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Let the app work until `condition` holds."""

    async def poll() -> None:
        while not condition():
            await pilot.pause()

    await asyncio.wait_for(poll(), 20)


async def test_messages_are_told_apart_by_name_and_bar_and_versions_are_counted() -> None:
    host = Host(small_chat()[:2], {"a1": (2, 3)})
    async with host.run_test(size=SIZE):
        rows = screen(host.transcript)
    assert rows[:3] == ["▌ you", "▌ Ann has 12 apples, gets 5, and gives 4 away.", "▌ How many are left?"]
    assert rows[4].split() == ["pocket-m", "‹", "2/3", "›"]
    assert rows[5:8] == [
        "  ▸ thinking, 38 tokens, 1.2 s",
        "  The answer is 13.",
        "  5 tokens · 214 tok/s · first token after 0.05 s",
    ]


async def test_the_interface_speaks_chinese() -> None:
    use_language("zh")
    host = Host(small_chat()[:2])
    async with host.run_test(size=SIZE):
        rows = screen(host.transcript)
    assert rows[0] == "▌ 你"
    assert rows[5] == "  ▸ 思考，38 个词元，1.2 秒"


async def test_what_is_shown_is_told_again_in_another_language() -> None:
    host = Host(small_chat()[:2])
    async with host.run_test(size=SIZE):
        use_language("zh")
        host.transcript.retell()
        rows = screen(host.transcript)
    assert rows[0] == "▌ 你"
    assert rows[7] == "  5 个词元 · 214 词元/秒 · 首词元 0.05 秒"


FAILURE = Failed("The engine died.", "pocket-m.gguf", "Press r to try again.")


@pytest.mark.parametrize(
    ("message", "turn", "expected"),
    [
        (live(""), Turn(), ["waiting for the model…"]),
        (live(""), Turn(state="reading"), ["reading…"]),
        (live(""), Turn(state="reading", read=512, prompt=2_048), ["reading 512 of 2,048 tokens, 25 %"]),
        (live("hello"), Turn(state="writing"), ["hello", "writing…"]),
        (live("", "one\ntwo"), Turn(state="writing", generated=7), ["▸ thinking…, 7 tokens", "two"]),
        (live("hello", "one\ntwo"), Turn(state="writing"), ["▸ thinking", "hello", "writing…"]),
        (live("so"), Turn(state="failed", problem=FAILURE),
         ["so", "✗ failed: The engine died. (pocket-m.gguf)", "Press r to try again."]),
        (replace(live("so"), state="interrupted"), None,
         ["so", "interrupted  c continues from here, r answers again"]),
        (replace(live("so"), state="failed", origin=Origin(model="m", problem="No memory.")), None,
         ["so", "✗ failed: No memory."]),
        (replace(live("so"), state="done", origin=Origin(model="m", finish="cancelled")), None,
         ["so", "stopped  c continues from here, r answers again"]),
        (replace(live("so"), state="done", origin=Origin(model="m", finish="length")), None,
         ["so", "cut off: no room for more  c continues from here"]),
        (replace(live("so"), state="done", origin=Origin(model="m", finish="stop", usage=Usage(generated=2),
                                                         timing=Timing(tokens_per_s=9.87))), None,
         ["so", "2 tokens · 9.9 tok/s"]),
    ],
)  # fmt: skip
async def test_an_answer_says_how_it_stands(message: Message, turn: Turn | None, expected: list[str]) -> None:
    host = Host(())
    async with host.run_test(size=SIZE):
        host.transcript.update_message(message, turn)
        rows = [row.strip() for row in everything(host.transcript)]
    assert [row.split("  ━")[0] for row in rows[1:] if row] == expected


async def test_thinking_is_unfolded_for_all_or_for_the_selected_message() -> None:
    chat = (*small_chat()[:2], question(7, "Again?"), answer(7, "Yes.", thinking="Hm.\nYes."))
    host = Host(chat)
    async with host.run_test(size=SIZE) as pilot:
        transcript = host.transcript
        folded = everything(transcript)
        transcript.select_message("a1")
        transcript.focus()
        await pilot.press("enter")
        assert "┊ First 12 + 5 = 17." in everything(transcript)
        assert "┊ Hm." not in everything(transcript)
        await pilot.press("space")
        assert everything(transcript) == folded
        transcript.thinking_shown = True
        assert {"┊ First 12 + 5 = 17.", "┊ Hm."} <= set(everything(transcript))
        transcript.thinking_shown = False
        assert everything(transcript) == folded


async def test_an_empty_chat_greets() -> None:
    host = Host(())
    async with host.run_test(size=SIZE) as pilot:
        assert "  Welcome to llmlab" in screen(host.transcript)
        host.transcript.show(small_chat(), {})
        await pilot.pause()
        assert "  Welcome to llmlab" not in screen(host.transcript)


async def test_a_growing_answer_ends_as_one_that_was_stored() -> None:
    text = ANSWER + "\n\n" + CHINESE
    host = Host(small_chat())
    async with host.run_test(size=SIZE) as pilot:
        transcript = host.transcript
        for end in range(0, len(text), 7):
            transcript.update_message(live(text[:end]), Turn(state="writing", generated=end))
            if end % 70 == 0:
                await pilot.pause()
        done = replace(answer(9, text), id="live", parent="a3")
        transcript.update_message(done)
        transcript.show((*small_chat(), done), {})
        await until(pilot, lambda: "Done." in everything(transcript))
        streamed = everything(transcript)
        assert transcript.scroll_y == transcript.max_scroll_y
    fresh = Host((*small_chat(), done))
    async with fresh.run_test(size=SIZE):
        assert everything(fresh.transcript) == streamed


async def test_the_last_words_are_shown_although_they_came_within_one_frame() -> None:
    host = Host(())
    async with host.run_test(size=SIZE) as pilot:
        for count in range(1, 200):
            host.transcript.update_message(live(f"{count} words"), Turn(state="writing"))
        await until(pilot, lambda: "  199 words" in screen(host.transcript))


async def test_the_view_follows_only_near_the_end() -> None:
    host = Host(small_chat())
    async with host.run_test(size=SIZE) as pilot:
        transcript = host.transcript
        transcript.update_message(live("word\n" * 50), Turn(state="writing"))
        await until(pilot, lambda: "  writing…" in screen(transcript))
        transcript.scroll_to(y=transcript.max_scroll_y - 10)
        await pilot.pause()
        before = screen(transcript)
        height = transcript.roll.height
        transcript.update_message(live("word\n" * 80), Turn(state="writing"))
        await until(pilot, lambda: transcript.roll.height > height)
        assert screen(transcript) == before
        transcript.action_scroll_end()
        assert "  writing…" in screen(transcript)


async def test_what_is_measured_above_does_not_move_the_view() -> None:
    host = Host(long_chat(60))
    async with host.run_test(size=SIZE) as pilot:
        transcript = host.transcript
        transcript.scroll_to(y=transcript.max_scroll_y - 200)
        await pilot.pause()
        before, row, guessed = screen(transcript), transcript.scroll_y, transcript.roll.height
        await until(pilot, lambda: transcript.roll.measured)
        assert transcript.virtual_size.height == transcript.roll.height
        assert transcript.roll.height != guessed
        assert transcript.scroll_y != row
        assert screen(transcript) == before


async def test_every_row_is_met_when_paging_through_a_long_chat() -> None:
    host = Host(long_chat(40))
    async with host.run_test(size=SIZE) as pilot:
        transcript = host.transcript
        transcript.focus()
        await pilot.press("home")
        seen: list[str] = screen(transcript)
        for _ in range(300):
            if transcript.scroll_y >= transcript.max_scroll_y:
                break
            top = transcript.scroll_y
            await pilot.press("pagedown")
            seen += screen(transcript)[-int(transcript.scroll_y - top) :]
        rows = [found for y in range(transcript.roll.height) if (found := transcript.roll.find(y))]
        assert [row[2:] for row in seen] == [found.line.text.rstrip() for found in rows]


async def test_resizing_keeps_the_row_at_the_top() -> None:
    host = Host(long_chat(40))
    async with host.run_test(size=(80, 30)) as pilot:
        transcript = host.transcript
        transcript.scroll_to(y=300)
        place = transcript.top_place
        await pilot.resize_terminal(40, 30)
        await until(pilot, lambda: transcript.roll.width < 40)
        assert transcript.top_place[:2] == place[:2]
        await pilot.resize_terminal(20, 24)
        await until(pilot, lambda: transcript.roll.width < 20)
        assert all(len(row) <= 20 for row in screen(transcript))


async def test_a_message_is_selected_brought_into_view_and_told() -> None:
    host = Host(long_chat(40))
    async with host.run_test(size=SIZE) as pilot:
        transcript = host.transcript
        transcript.select_message("q3")
        await pilot.pause()
        assert transcript.selected_message == "q3"
        assert any(row.startswith("█ Question 3:") for row in screen(transcript))
        transcript.select_message("no such message")
        await pilot.pause()
        assert transcript.selected_message is None
        assert host.selected == ["q3", None]


async def test_a_click_selects_a_message_and_folds_its_thinking() -> None:
    host = Host(small_chat()[:2])
    async with host.run_test(size=SIZE) as pilot:
        await pilot.click(Transcript, offset=(6, 5))
        assert host.transcript.selected_message == "a1"
        assert "┊ First 12 + 5 = 17." in everything(host.transcript)


async def drag(pilot: Pilot[None], start: tuple[int, int], end: tuple[int, int]) -> None:
    await pilot.mouse_down(Transcript, offset=start)
    await pilot.hover(Transcript, offset=end)
    await pilot.mouse_up(Transcript, offset=end)


async def test_the_mouse_copies_clean_text() -> None:
    chat = (
        question(1, "中文 question"),
        answer(1, "The answer is a line that has to be wrapped here.\n\n> quoted\n\n- item"),
    )
    host = Host(chat)
    async with host.run_test(size=(30, 30)) as pilot:
        await drag(pilot, (0, 1), (28, 12))
        copied = host.screen.get_selected_text()
    assert copied == "中文 question\n\nThe answer is a line that has to be wrapped here.\n\nquoted\n\n• item"


async def test_the_mouse_selects_characters_and_counts_wide_ones_right() -> None:
    host = Host((question(1, "中文字符 abc"),))
    async with host.run_test(size=(30, 10)) as pilot:
        await drag(pilot, (4, 1), (6, 1))
        assert host.screen.get_selected_text() == "文字"
        strip = host.transcript.render_line(1)
        chosen = [
            segment.text
            for segment in strip
            if segment.style
            and segment.style.bgcolor == host.screen.get_component_rich_style("screen--selection").bgcolor
        ]
        assert chosen == ["文字"]


async def test_a_selection_stays_on_its_text_while_an_answer_grows() -> None:
    host = Host(small_chat()[:1])
    async with host.run_test(size=(40, 12)) as pilot:
        transcript = host.transcript
        await drag(pilot, (2, 1), (4, 1))
        assert host.screen.get_selected_text() == "Ann"
        transcript.update_message(live("line\n" * 30), Turn(state="writing"))
        await until(pilot, lambda: transcript.scroll_y > 5)
        assert host.screen.get_selected_text() == "Ann"


async def test_all_of_a_chat_can_be_copied() -> None:
    host = Host(small_chat()[:2])
    async with host.run_test(size=SIZE):
        assert host.transcript.get_selection(Selection(None, None)) == (
            "Ann has 12 apples, gets 5, and gives 4 away.\nHow many are left?\n\nThe answer is 13.\n",
            "\n",
        )
        assert host.transcript.get_selection(Selection(Offset(0, 1 << 90), None)) is None


async def test_a_copied_message_is_its_source_without_blanks_at_line_ends() -> None:
    host = Host((question(1, "a  \nb\x1b[31m\n\n"),))
    async with host.run_test(size=SIZE):
        assert host.transcript.copy_text("q1") == "a\nb␛[31m"
        with pytest.raises(KeyError):
            host.transcript.copy_text("none")


async def test_nothing_hostile_in_names_problems_and_thoughts_is_drawn() -> None:
    evil = "\x1b]0;x\x07[@click=app.exit]\u202e\r\n\x9b31m"
    message = replace(live(evil, evil), state="failed", origin=Origin(model=evil, problem=evil), id="evil")
    host = Host((replace(question(1, evil), parts=(Text(evil),)), message))
    async with host.run_test(size=SIZE):
        host.transcript.thinking_shown = True
        for y in range(host.transcript.size.height):
            strip = host.transcript.render_line(y)
            assert not set(strip.text) & set("\x1b\x07\u202e\r\n\x9b")
            assert not [s for s in strip if s.style and (s.style.link or "@click" in s.style.meta)]


async def test_the_theme_recolours_what_is_shown() -> None:
    host = Host(small_chat())
    async with host.run_test(size=SIZE) as pilot:
        before = host.transcript.render_line(3)
        host.theme = "textual-light"
        await until(pilot, lambda: host.transcript.render_line(3) != before)
        assert host.transcript.render_line(3).text == before.text


async def test_a_pasted_megabyte_is_cut_into_blocks_that_are_laid_out_when_seen() -> None:
    paste = ("words 中文 and more of them " * 3 + "\n") * 12_000
    host = Host((question(1, paste), answer(1, "Fine.")))
    async with host.run_test(size=SIZE) as pilot:
        transcript = host.transcript
        assert "  Fine." in screen(transcript)
        sections = transcript.roll.entries[0].sections()
        assert sum(section.exact for section in sections) < len(sections) // 4
        transcript.focus()
        await pilot.press("home")
        assert screen(transcript)[1].startswith("▌ words 中文")


async def test_code_gets_its_colours_after_its_fence_closes() -> None:
    host = Host((question(1, "code?"),))
    async with host.run_test(size=SIZE) as pilot:
        transcript = host.transcript
        transcript.update_message(live("```python\nreturn 1\n"), Turn(state="writing"))
        transcript.update_message(replace(live("```python\nreturn 1\n```"), state="done"))

        def coloured() -> bool:
            rows = [found.line for y in range(transcript.roll.height) if (found := transcript.roll.find(y))]
            return any(look.role == "keyword" for line in rows for _, look in line.spans)

        await until(pilot, coloured)


async def test_another_chat_is_shown_from_its_end() -> None:
    host = Host(long_chat(40))
    async with host.run_test(size=SIZE) as pilot:
        transcript = host.transcript
        transcript.scroll_to(y=0)
        await pilot.pause()
        other = tuple(replace(message, id="x" + message.id) for message in long_chat(30))
        transcript.show(other, {})
        await pilot.pause()
        assert transcript.scroll_y == transcript.max_scroll_y
        transcript.scroll_to(y=100)
        await pilot.pause()
        before = screen(transcript)
        transcript.show(other, {})
        assert screen(transcript) == before
