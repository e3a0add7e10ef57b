"""The report of a run: sound, self-contained, harmless whatever a model wrote, and with the figures of the run."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab import words
from llmlab.domain.outcomes import Extractor
from llmlab.domain.summary_words import contrast_line, score_text
from llmlab.headless.report import PAGES, report_html, report_markdown
from llmlab.headless.report_trials import MOST_TRIALS
from llmlab.paths import Paths
from llmlab.pocket import pocket_names
from llmlab.services.run_folder import write_folder
from tests.headless.conftest import Command
from tests.headless.experiment_files import greedy_experiment
from tests.support.made_runs import HOSTILE, made_experiment, made_report, made_result, made_results
from tests.tui.run_lab import RunLab


def tree(page: str) -> ElementTree.Element:
    """The page, read strictly: not well-formed fails."""
    return ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))


def text(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


class Reader(HTMLParser):
    """What a browser would meet: tags with their attributes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def check_harmless(page: str) -> None:
    """Nothing refers outside, nothing runs."""
    reader = Reader()
    reader.feed(page)
    names = {tag for tag, _ in reader.tags}
    assert not names & {"script", "img", "iframe", "object", "embed", "link", "a", "form", "base", "audio", "video"}
    for tag, attributes in reader.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert not {"src", "href", "srcset", "action", "data", "poster", "background"} & set(attributes), tag
        assert "url(" not in (attributes.get("style") or "")
    styles = "".join(element.text or "" for element in tree(page).iter("style"))
    assert styles
    assert "url(" not in styles
    assert "@import" not in styles
    policies = [attributes for tag, attributes in reader.tags if tag == "meta" and "http-equiv" in attributes]
    assert "default-src 'none'" in (policies[0]["content"] or "")


def test_the_page_holds_the_run() -> None:
    report = made_report()
    page = report_html(report)
    check_harmless(page)
    root = tree(page)
    told = text(root)
    for contrast in report.summary.contrasts:
        assert " ".join(contrast_line(contrast).split()) in told or contrast.extractor == "flexible"
    assert told.index(": better") < told.index("cannot distinguish"), "what shows something comes first"
    assert "More examples, more right answers." in told
    assert "2 cores" in told
    assert len(root.findall(".//figure")) == 2
    captions = [text(caption) for caption in root.iter("caption")]
    assert len(captions) == 3
    titles = [text(title) for title in root.findall(".//thead")[0].iter("th")]
    assert titles[:4] == ["arm", "n", "number strict *", "number flexible"]
    first = report.summary.arms[0].scores[0].score
    assert f"{100 * first.value:.0f} % [{100 * first.low:.0f}, {100 * first.high:.0f}]" in told


def test_every_trial_can_be_unfolded_with_its_final_answer_marked() -> None:
    report = made_report()
    root = tree(report_html(report))
    blocks = [block for block in root.iter("div") if block.attrib.get("class") == "trial"]
    assert len(blocks) == len(report.results)
    marks = [(text(mark), mark.attrib.get("class", "")) for mark in root.iter("mark")]
    assert marks == [
        (score.found, "" if score.extractor == "strict" else "other")
        for result in report.results
        for score in result.scores
        if score.end and (score.extractor == "strict" or not result.scores[0].end)
    ]
    assert {kind for _, kind in marks} == {"", "other"}, "strict took something out, or flexible alone did"
    titles = {mark.attrib["title"] for mark in root.iter("mark")}
    assert titles == {"number strict, number flexible", "number flexible"}
    assert all(block.find(".//details") is not None for block in blocks), "the prompt"
    apart = [block for block in root.iter("details") if "o-apart" in block.attrib.get("class", "")]
    assert 0 < len(apart) <= 12


@pytest.mark.parametrize("place", ["answer", "question", "prompt", "thinking", "problem", "arm", "found", "title"])
def test_what_a_model_wrote_stays_text(place: str) -> None:
    experiment = made_experiment(2)
    if place == "arm":
        experiment = replace(experiment, arms=tuple(replace(a, name=a.name + HOSTILE) for a in experiment.arms))
    if place == "title":
        experiment = replace(experiment, title=HOSTILE, description=HOSTILE, hypothesis=HOSTILE)
    results = made_results(experiment)
    if place == "found":
        scores = (replace(results[0].scores[0], found=HOSTILE, why=HOSTILE), *results[0].scores[1:])
        results = (replace(results[0], scores=scores), *results[1:])
    elif place in ("answer", "question", "prompt", "thinking", "problem"):
        results = tuple(replace(result, **{place: HOSTILE}) for result in results)  # type: ignore[arg-type]
    report = made_report(experiment, results)
    page = report_html(report)
    check_harmless(page)
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert "alert(1)" in text(tree(page)), "it is shown all the same"
    assert not re.search(
        r"(?<!\\)<(script|img)", re.sub(r"(?s)^(`{3,})\w*\n.*?^\1$", "", report_markdown(report), flags=re.M)
    )


@given(st.text(max_size=200), st.integers(0, 200), st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_any_answer_and_any_span_make_a_sound_page(answer: str, start: int, end: int) -> None:
    experiment = made_experiment(1, (0,), twin=False)
    made = made_result(experiment.arms[0], experiment.arms[0].items[0], "wrong", answer=answer)
    scored = replace(made.scores[0], start=start, end=end)
    report = made_report(experiment, (replace(made, scores=(scored,)),))
    marks = list(tree(report_html(report)).iter("mark"))
    assert len(marks) == (0 <= start < end <= len(answer))


def test_what_two_extractors_took_out_is_marked_apart_where_it_differs() -> None:
    experiment = made_experiment(1, (0,), twin=False)
    made = made_result(experiment.arms[0], experiment.arms[0].items[0], "wrong", answer="It is 18 apples, I think.")
    strict, flexible = (replace(score, found=said, start=start, end=end) for score, said, start, end in
                        zip(made.scores, ("18", "18 apples"), (6, 6), (8, 15), strict=True))  # fmt: skip
    page = tree(report_html(made_report(experiment, (replace(made, scores=(strict, flexible)),))))
    (answer,) = (one for one in page.iter("pre") if one.find("mark") is not None)
    assert "".join(answer.itertext()) == "It is 18 apples, I think."
    assert [(mark.text, mark.attrib.get("class")) for mark in answer] == [("18", None), (" apples", "other")]


def test_strict_and_flexible_stand_side_by_side_wherever_a_run_is_told(paths: Paths, home: Path) -> None:
    asked = made_experiment()
    kinder = tuple(
        replace(one, scores=(one.scores[0], replace(one.scores[1], outcome="correct"))) if one.scores else one
        for one in made_results(asked)
    )
    RunLab(paths).keep(asked, kinder, "made")
    report = made_report(asked, kinder)
    ways: tuple[Extractor, ...] = ("strict", "flexible")
    both = [score_text(report.summary.arms[0].score("number", way), 12) for way in ways]
    assert both[0] != both[1], "else nothing is told apart"
    llmlab = Command(paths)
    assert llmlab("runs", "show", "made") == 0
    head, first = (next(line for line in llmlab.out.splitlines() if line.startswith(one))
                   for one in ("arm ", report.summary.arms[0].name))  # fmt: skip
    assert head.index("number strict *") < head.index("number flexible")
    assert first.index(both[0]) < first.index(both[1])
    assert "* is the extractor that counts." in llmlab.out
    for page in (report_markdown(report), text(tree(report_html(report)))):
        plain = page.replace("\\", "")
        assert plain.index("number strict *") < plain.index("number flexible") < plain.index(both[0])
        assert plain.index(both[0]) < plain.index(both[1])
    assert llmlab("runs", "show", "made", "--json") == 0
    told = json.loads(llmlab.out)["arms"][0]["scores"]
    assert [(one["extractor"], one["counts"]) for one in told] == [("strict", True), ("flexible", False)]
    assert told[0]["score"]["value"] < told[1]["score"]["value"] == 1.0
    assert llmlab("runs", "export", "made") == 0
    lines = [json.loads(line) for line in llmlab.out.splitlines()]
    spans = {(score["extractor"], line["answer"][score["start"] : score["end"]] == score["found"])
             for line in lines for score in line["scores"] if score["end"]}  # fmt: skip
    assert spans == {("strict", True), ("flexible", True)}


def test_nothing_measured_yet_is_a_page_as_well() -> None:
    for experiment in (made_experiment(), replace(made_experiment(), scorers=())):
        report = made_report(experiment, ())
        check_harmless(report_html(report))
        assert report_markdown(report)


def test_a_large_run_shows_disagreements_first_and_tells_what_it_leaves_out() -> None:
    experiment = made_experiment(1_200, (0,), twin=False)
    results = tuple(
        made_result(arm, item, "correct" if place != 1_199 or arm is experiment.arms[0] else "wrong")
        for place, item in enumerate(experiment.arms[0].items)
        for arm in experiment.arms
    )
    assert len(results) > MOST_TRIALS
    told = text(tree(report_html(made_report(experiment, results))))
    assert "sum-1199" in told
    assert "400 trials are not on this page" in told


def test_in_chinese_too() -> None:
    words.use_language("zh")
    try:
        root = tree(report_html(made_report()))
        assert root.attrib["lang"] == "zh-Hans"
        assert "无法区分" in text(root)
        assert "无法区分" in report_markdown(made_report())
    finally:
        words.use_language("en")


def test_markdown_holds_tables_plots_and_environment() -> None:
    page = report_markdown(made_report())
    assert "| arm | n | number strict \\* | number flexible | tokens | seconds |" in page
    assert "● gold   ▲ wrong" in page
    environment = re.search(r"```json\n(.*?)\n```", page, re.DOTALL)
    assert environment is not None
    assert json.loads(environment[1])["models"]["pocket-m"]["parameters"] == 8_000_000
    assert "onerror" not in report_markdown(made_report(results=())), "no trials"


def test_both_pages_are_files_of_the_folder(tmp_path: Path) -> None:
    report = made_report()
    write_folder(tmp_path, report, PAGES)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == report_html(report)
    assert (tmp_path / "report.md").read_text(encoding="utf-8").startswith("# Examples help")


BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")


def browser() -> str | None:
    """A browser that can work without a screen."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


MEASURED = greedy_experiment(
    "Steps against direct",
    'reasoning.mode = ["direct.en", "steps.en"]',
    'generator = "word_problems"',
    "limit = 4",
    max_tokens=60,
    head="",
)
FIGURE = '<svg class="figure" viewBox="0 0 720 '


def painted(page: str, folder: Path) -> list[bytes]:
    """The rows of pixels of a page as a browser paints it without a network, as PNG stores them."""
    place, picture = folder / "page.html", folder / "page.png"
    place.write_text(page, encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
    own = [f"--user-data-dir={folder / 'profile'}", f"--screenshot={picture}", "--window-size=1000,3000"]
    subprocess.run([str(browser()), *flags, *own, place.as_uri()], check=True, capture_output=True, timeout=120)
    content, at, packed = picture.read_bytes(), 8, b""
    width, height, _depth, kind = struct.unpack(">IIBB", content[16:26])
    while at < len(content):
        (size,) = struct.unpack(">I", content[at : at + 4])
        packed += content[at + 8 : at + 8 + size] if content[at + 4 : at + 8] == b"IDAT" else b""
        at += 12 + size
    raw, stride = zlib.decompress(packed), 1 + width * {2: 3, 6: 4}[kind]
    assert len(raw) == height * stride, "a picture of eight bits a colour"
    return [raw[start : start + stride] for start in range(0, len(raw), stride)]


@pytest.mark.skipif(browser() is None, reason="no Chromium, Chrome or Edge on this machine")
@pytest.mark.skipif("pocket-s" not in pocket_names(), reason="the package holds no pocket-s")
def test_a_real_browser_paints_each_plot_of_a_real_run_without_a_network(shipped: Command, tmp_path: Path) -> None:
    """Without a figure the page differs from the whole one over the height of that figure and nowhere else."""
    Path("steps.toml").write_text(MEASURED, "utf-8")
    assert shipped("run", "steps.toml", "--output", "out") == 0, shipped.err
    page = Path("out/report.html").read_text("utf-8")
    before, *figures = page.split(FIGURE)
    assert len(figures) == 2
    whole, below = painted(page, tmp_path), 0
    for number, figure in enumerate(figures):
        shown = [before, *figures[:number]]
        without = FIGURE.join(shown) + FIGURE.replace(" ", ' style="visibility:hidden" ', 1) + figure
        without = FIGURE.join((without, *figures[number + 1 :]))
        pairs = zip(whole, painted(without, tmp_path), strict=True)
        rows = [row for row, (one, other) in enumerate(pairs) if one != other]
        height = float(figure.partition('"')[0])
        assert len(rows) > height / 4, "more than a title, an axis and a legend"
        assert 0.8 * height < rows[-1] - rows[0] < 2 * height, "it has its size"
        assert below < rows[0], "the figures stand one below the other"
        below = rows[-1]
