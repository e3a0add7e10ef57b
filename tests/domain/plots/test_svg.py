"""Figures as SVG: sound XML that shows every figure, refers to nothing, and runs nothing."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from llmlab.domain.plots.figure import Figure
from llmlab.domain.plots.svg import COLOURS, svg
from tests.domain.plots.figures import BARS, HEAT, curve, figures

SPACE = "{http://www.w3.org/2000/svg}"
ALLOWED = {"svg", "title", "desc", "style", "text", "path", "rect", "g"}


@given(figures)
@settings(max_examples=120, deadline=None)
def test_any_figure_is_sound_xml_of_few_elements(figure: Figure) -> None:
    root = ElementTree.fromstring(svg(figure, "f1"))
    assert {element.tag.removeprefix(SPACE) for element in root.iter()} <= ALLOWED
    for element in root.iter():
        assert not {name for name in element.attrib if name.startswith("on") or "href" in name}
    found = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
    assert set(root.attrib["aria-labelledby"].split()) == found == {"f1-title", "f1-desc"}


@pytest.mark.parametrize("figure", [curve("gold", "wrong"), BARS, HEAT])
def test_it_refers_to_nothing_outside(figure: Figure) -> None:
    text = svg(figure, "f1").replace("http://www.w3.org/2000/svg", "")
    assert "http" not in text
    assert "url(" not in text
    assert "@import" not in text


@pytest.mark.parametrize("figure", [curve("gold", "wrong"), BARS, HEAT])
def test_it_tells_its_figures_in_words(figure: Figure) -> None:
    root = ElementTree.fromstring(svg(figure, "f1"))
    assert root.findtext(f"{SPACE}title") == figure.title
    words = root.findtext(f"{SPACE}desc") or ""
    assert "40 % [30, 50]" in words or "20 % [10, 30]" in words


def test_a_curve_has_a_line_a_band_and_a_mark_with_whisker_at_each_point() -> None:
    root = ElementTree.fromstring(svg(curve("gold", "wrong"), "f1"))
    kinds = [element.attrib.get("class") for element in root.iter(f"{SPACE}path")]
    assert kinds.count("curve") == kinds.count("band") == 2
    assert kinds.count("whisker") == 10
    assert kinds.count("mark") == 12, "the legend has one a curve"
    tips = [element.text for element in root.iter(f"{SPACE}title")]
    assert "gold, 8: 100 % [90, 100] n=40" in tips


def test_lines_are_told_apart_without_colour() -> None:
    root = ElementTree.fromstring(svg(curve("a", "b", "c"), "f1"))
    lines = [element for element in root.iter(f"{SPACE}path") if element.attrib.get("class") == "curve"]
    assert len({line.attrib["stroke-dasharray"] for line in lines}) == 3
    marks = [e.attrib["d"].partition("m")[2] for e in root.iter(f"{SPACE}path") if e.attrib.get("class") == "mark"]
    assert len(set(marks)) == 3


def test_colours_stand_out_on_both_grounds() -> None:
    for dark_on_light, light_on_dark in COLOURS:
        assert contrast(dark_on_light, "#ffffff") >= 4.5
        assert contrast(light_on_dark, "#12171d") >= 4.5


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_one_on_a_page_leaves_the_rules_to_the_page() -> None:
    assert "<style>" not in svg(BARS, "f1", alone=False)
    assert "<style>" in svg(BARS, "f1")
    assert "prefers-color-scheme:dark" in svg(BARS, "f1")
