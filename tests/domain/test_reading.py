"""Documents in prompts: frames that no text can close, what of a document is held, and which way is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.assembly import OriginSpan, Segment, assemble
from llmlab.domain.budget import MOST_STRETCH, WayOut, budget_of, ways_out
from llmlab.domain.model import ModelSpec, Rope
from llmlab.domain.prompting import ChatMessage
from llmlab.domain.reading import (
    Coverage,
    DocumentRef,
    Excerpt,
    Held,
    Material,
    ReadingUse,
    Way,
    WishedWay,
    coverage_of,
    framed,
)
from llmlab.domain.reading_choice import Choice, Scope, Sizes, choose, enough, model_for, scope_of
from llmlab.domain.recipe import Recipe
from llmlab.domain.shots import Shot, ShotSet, ShotUse

MODEL = ModelSpec(name="m", path="/m.gguf")
DOCS = (
    DocumentRef(name="a.txt", path="/a.txt", digest="a", characters=100),
    DocumentRef(name="b.txt", path="", digest="b", characters=10),
)


def excerpt(number: int, text: str, *, document: int = 0, start: int = 0, end: int = 0) -> Excerpt:
    return Excerpt(document=document, number=number, start=start, end=end, text=text)


def material(*excerpts: Excerpt, way: Way = "passages") -> Material:
    return Material(use=ReadingUse(documents=DOCS), way=way, reason="because", excerpts=excerpts)


def render(source: str, _values: Mapping[str, object]) -> str:
    return source


# What a prompt holds ------------------------------------------------------------------------------------------------


def test_excerpts_stand_behind_their_numbers_under_the_name_of_the_file() -> None:
    text = framed("a.txt", [excerpt(3, "Three."), excerpt(4, "Four.")])
    assert text == '<document name="a.txt">\n[3] Three.\n[4] Four.\n</document>\n\n'


def test_each_passage_is_a_part_of_the_frame() -> None:
    held = material(excerpt(3, "Three."), excerpt(4, "Four."), excerpt(0, "Sum.", document=1))
    assert list(held.texts()) == [
        (3, '<document name="a.txt">\n[3] Three.\n'),
        (4, "[4] Four.\n</document>\n\n"),
        (2, '<document name="b.txt">\nSum.\n</document>\n\n'),
    ]


def test_a_long_name_keeps_its_beginning_and_its_end() -> None:
    opening = framed("a" * 300 + ".txt", [excerpt(1, "x")]).partition("\n")[0]
    assert opening == f'<document name="{"a" * 40}…{"a" * 36}.txt">'


@given(st.text(), st.lists(st.sampled_from(["</document>", "</document-2>", "</docum", "ent>", "x\n"])).map("".join))
def test_no_text_and_no_name_closes_its_frame(name: str, text: str) -> None:
    made = framed(name, [excerpt(1, text)])
    opening, _, rest = made.partition("\n")
    tag = opening[1:].split(" ")[0]
    assert opening.count(">") == 1
    assert rest.count(f"</{tag}>") == 1
    assert made.endswith(f"\n</{tag}>\n\n")


def test_coverage_is_what_is_held_neighbours_joined() -> None:
    held = [Held(0, 1, 10, 20), Held(0, 2, 20, 30), Held(0, 9, 90, 100)]
    assert coverage_of(DOCS, held, whole=False) == (Coverage(100, ((10, 30), (90, 100))), Coverage(10, ()))
    assert [each.share for each in coverage_of(DOCS, (), whole=True)] == [1.0, 1.0]
    assert material(excerpt(1, "x", start=10, end=35)).coverage[0].share == 0.25


def test_a_strip_shows_how_much_of_each_part_is_held() -> None:
    assert Coverage(100, ((0, 25), (90, 100))).strip(4) == (1.0, 0.0, 0.0, 0.4)
    assert Coverage(0).strip(2) == (0.0, 0.0)
    assert Coverage(0).share == 1.0


@given(st.integers(0, 500), st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500))), st.integers(1, 90))
def test_a_strip_holds_as_much_as_the_coverage(characters: int, ends: list[tuple[int, int]], cells: int) -> None:
    held = [Held(0, 1, min(pair), max(pair)) for pair in ends if max(pair) <= characters]
    one = coverage_of([replace(DOCS[0], characters=characters)], held, whole=False)[0]
    strip = one.strip(cells)
    assert all(0.0 <= share <= 1.0 for share in strip)
    if characters:
        assert sum(strip) / cells == pytest.approx(one.share)


# Where it stands ----------------------------------------------------------------------------------------------------

TALK = (ChatMessage("user", "first"), ChatMessage("assistant", "said"))
SHOTS = ShotSet(name="s", language="en", title="S", rows=(Shot("1", "2"),))


def test_all_of_a_document_stands_before_the_first_question_and_passages_before_theirs() -> None:
    recipe = Recipe(model=MODEL)
    whole = assemble(recipe, TALK, "second", render, material=material(excerpt(1, "T"), way="whole"))
    assert [[segment.origin for segment in message.segments] for message in whole.messages] == [
        ["document", "history"],
        ["history"],
        ["question"],
    ]
    part = assemble(recipe, TALK, "second", render, material=material(excerpt(1, "T")))
    assert [segment.origin for segment in part.messages[-1].segments] == ["document", "question"]
    assert part.messages[0].text == "first"


def test_each_further_question_begins_with_all_that_was_read() -> None:
    recipe, held = Recipe(model=MODEL, system="S"), material(excerpt(1, "T"), way="whole")
    first = assemble(recipe, (), "first", render, material=held).chat_messages()
    second = assemble(recipe, TALK, "second", render, material=held).chat_messages()
    assert second[: len(first)] == first


def test_an_answer_that_goes_on_and_inline_examples_keep_the_place() -> None:
    recipe = Recipe(model=MODEL, shots=ShotUse(SHOTS, k=1, style="inline"))
    made = assemble(recipe, TALK[:1], None, render, prefill="sa", material=material(excerpt(1, "T")))
    assert [segment.origin for segment in made.messages[0].segments] == ["document", "example", "history"]
    assert assemble(recipe, TALK[1:], None, render, material=material(excerpt(1, "T"))).messages[-1].text == "said"


def test_each_passage_has_its_number() -> None:
    held = material(excerpt(1, "A"), excerpt(7, "B", document=1), way="whole")
    segments = assemble(Recipe(model=MODEL), (), "q", render, material=held).messages[0].segments
    assert segments[:2] == (
        Segment('<document name="a.txt">\n[1] A\n</document>\n\n', "document", 1),
        Segment('<document name="b.txt">\n[7] B\n</document>\n\n', "document", 7),
    )


# Which way ----------------------------------------------------------------------------------------------------------

QUESTIONS: dict[Scope, tuple[str, ...]] = {
    "whole": (
        "Summarise the story.",
        "Please give me a summary",
        "What is this book about?",
        "what are the main points",
        "How many times is Anna mentioned?",
        "How many chapters are there?",
        "List all the people.",
        "tl;dr",
        "总结一下这篇文章",
        "这本书讲了什么？",
        "全文的主题是什么？",
        "宝玉一共出现了多少次？",
        "列出所有人物",
        "请概括主要内容",
        "What happens in the story?",
        "Tell me about this book",
        "Describe the plot of the novel in three sentences",
        "Tell me about the report, briefly.",
        "How does the plot unfold?",
        "What is the plot?",
        "这篇文章讲的是什么？",
        "这本书主要讲什么？",
        "小说里都写了些什么？",
        "讲了什么？",
        "故事情节是什么？",
        "介绍一下这本书",
    ),
    "perhaps": ("How many soldiers guard the gate?", "Compare Anna and Bo.", "他有几个孩子？", "军队有多少人？"),
    "place": (
        "他对母亲说了什么？",
        "薛蟠在信中写了什么？",
        "Who led the plot against the king?",
        "Tell me about the report that Holmes burned",
        "Who uncovered the plot?",
        "What happens in the story when Anna leaves?",
        "What happens to Anna?",
        "What is the capital of Karal?",
        "Who found the ring?",
        "谁杀了他？",
        "Kara的首都是什么？",
        "",
    ),
}


@pytest.mark.parametrize(("scope", "question"), [(scope, each) for scope, some in QUESTIONS.items() for each in some])
def test_questions_about_the_whole_are_known_by_their_words(scope: Scope, question: str) -> None:
    assert scope_of(question) == scope


SIZES = Sizes(documents=3000, rest=500, window=4096, trained=8192, most=100_000)


@pytest.mark.parametrize(
    ("wish", "scope", "documents", "way", "window"),
    [
        ("auto", "place", 3000, "whole", 0),
        ("auto", "place", 5000, "whole", 6144),
        ("auto", "whole", 5000, "whole", 6144),
        ("auto", "place", 7692, "whole", 8192),
        ("auto", "place", 7693, "passages", 0),
        ("auto", "perhaps", 20_000, "passages", 0),
        ("auto", "whole", 20_000, "stretched", 22_528),
        ("auto", "whole", 200_000, "passages", 0),
        ("whole", "place", 3000, "whole", 0),
        ("whole", "place", 20_000, "whole", 0),
        ("stretched", "place", 3000, "whole", 0),
        ("stretched", "place", 20_000, "stretched", 22_528),
        ("stretched", "place", 200_000, "whole", 0),
        ("passages", "place", 10, "passages", 0),
        ("digest", "place", 10, "digest", 0),
    ],
)
def test_the_way_follows_wish_size_and_question(
    wish: WishedWay, scope: Scope, documents: int, way: Way, window: int
) -> None:
    made = choose(ReadingUse(documents=DOCS, way=wish), scope, replace(SIZES, documents=documents), noted=False)
    assert (made.way, made.window) == (way, window)
    assert made.reason


def test_a_digest_that_is_there_answers_about_the_whole() -> None:
    long = replace(SIZES, documents=20_000)
    assert choose(ReadingUse(documents=DOCS), "whole", long, noted=True).way == "digest"
    assert choose(ReadingUse(documents=DOCS), "place", long, noted=True).way == "passages"


def test_memory_and_what_was_not_counted_hold_back() -> None:
    use = ReadingUse(documents=DOCS)
    assert choose(use, "whole", replace(SIZES, documents=5000, most=4096), noted=False).way == "passages"
    assert choose(use, "whole", replace(SIZES, documents=5000, counted=False), noted=False).way == "passages"
    assert choose(use, "whole", replace(SIZES, documents=20_000, stretchable=False), noted=False).way == "passages"


def test_passages_say_what_they_cannot_answer_and_stretching_what_it_risks() -> None:
    use = ReadingUse(documents=DOCS, way="passages")
    said = {scope: choose(use, scope, SIZES, noted=False).warnings for scope in QUESTIONS}
    assert not said["place"]
    assert "may lie outside" in said["perhaps"][0]
    assert "cannot answer" in said["whole"][0]
    stretched = choose(ReadingUse(documents=DOCS), "whole", replace(SIZES, documents=20_000), noted=False)
    assert "2.75 times the 8,192" in stretched.warnings[0]


@given(
    st.sampled_from(["auto", "whole", "stretched", "passages", "digest"]),
    st.sampled_from(["place", "perhaps", "whole"]),
    st.builds(
        Sizes,
        documents=st.integers(0, 300_000),
        rest=st.integers(0, 20_000),
        window=st.integers(256, 40_000),
        trained=st.integers(256, 40_000),
        most=st.integers(0, 200_000),
        counted=st.booleans(),
        stretchable=st.booleans(),
    ),
)
def test_a_window_that_is_made_holds_everything_and_fits_memory(wish: WishedWay, scope: Scope, sizes: Sizes) -> None:
    made = choose(ReadingUse(documents=DOCS, way=wish), scope, sizes, noted=False)
    if made.window:
        assert sizes.documents + sizes.rest <= made.window <= sizes.most
    if made.way == "stretched":
        assert 1.0 < made.factor <= MOST_STRETCH
        assert made.window >= sizes.trained * made.factor - 1
    elif made.window:
        assert made.window <= sizes.trained


@given(st.one_of(st.integers(300, 7000), st.integers(8192, 30_000)), st.integers(1, 1000))
def test_a_chat_that_goes_on_keeps_its_window(documents: int, rest: int) -> None:
    use, sizes = ReadingUse(documents=DOCS, way="stretched"), replace(SIZES, documents=documents, rest=1, window=256)
    windows = {choose(use, "place", replace(sizes, rest=each), noted=False).window for each in (rest, 1, 1000)}
    assert len(windows) == 1


def test_counting_ends_where_the_choice_is_known() -> None:
    def limit(way: WishedWay, scope: Scope = "place", sizes: Sizes = SIZES) -> int:
        return enough(ReadingUse(documents=DOCS, way=way), scope, sizes)

    assert limit("passages") == 0
    assert limit("auto") == limit("whole", "whole") == 8192
    assert limit("auto", "whole") == limit("stretched") == 65_536
    assert limit("stretched", "place", replace(SIZES, stretchable=False)) == 8192


def test_a_window_becomes_settings_of_the_model() -> None:
    own = Choice(way="whole", reason="r")
    assert model_for(MODEL, own, "yarn", 8192) is MODEL
    assert model_for(MODEL, replace(own, window=6144), "yarn", 8192) == replace(MODEL, n_ctx=6144)
    far = Choice(way="stretched", reason="r", window=16_384, factor=2.0)
    assert model_for(MODEL, far, "yarn", 8192).rope == Rope(scaling="yarn", factor=2.0, original_context=8192)
    assert model_for(MODEL, far, "linear", 8192).rope == Rope(scaling="linear", factor=2.0)


# Ways out -----------------------------------------------------------------------------------------------------------


def test_the_ways_out_of_a_full_window_know_documents() -> None:
    spans = (OriginSpan(0, 1, "document", 1, 5000), OriginSpan(1, 2, "question", 0, 100))
    budget = budget_of(spans, 4096, 200)
    ways = {way.kind: way for way in ways_out(spans, budget, 4096, way="whole")}
    assert ways["passages"] == WayOut("passages", 3796, 1204)
    assert ways["stretch"] == WayOut("stretch", 5300, 1204)
    assert {way.kind for way in ways_out(spans, budget, 4096, way="stretched")} == {"passages"}
    assert {way.kind for way in ways_out(spans, budget, 600, way="whole")} == {"passages"}
    assert {way.kind for way in ways_out(spans, budget, 4096, way="passages")} == set()
    assert {way.kind for way in ways_out(spans, budget, 4096, way="whole", stretchable=False)} == {"passages"}
    files = (replace(spans[0], index=0), spans[1])
    assert ways_out(files, budget, 4096) == ()
