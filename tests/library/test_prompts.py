"""Prompt templates as files, and those that are shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmlab.domain.assembly import assemble
from llmlab.domain.model import ModelSpec
from llmlab.domain.recipe import Recipe
from llmlab.domain.template import PromptTemplate, TemplateFault, TemplateUse, Variable
from llmlab.errors import ConfigError, UsageError
from llmlab.library.prompt_files import prompt_roots
from llmlab.library.prompts import TemplateShelf, filled_with, parsed
from llmlab.library.reasoning_files import ReasoningShelf
from llmlab.library.rendering import render_template
from llmlab.library.shipped import shipped_prompts_folder
from llmlab.library.shot_files import ShotShelf

SHIPPED = TemplateShelf([shipped_prompts_folder()])
GOOD = """title = "Greet"
main = "who"
system = "Be kind."
user = \"\"\"
Hello
{{ who }}{% if tone == 'loud' %}!{% endif %}{{ rest }}\"\"\"

[variables.who]
help = "a name"

[variables.tone]
kind = "choice"
choices = ["loud", "soft"]
default = "soft"

[variables.rest]
kind = "file"
optional = true
"""
PLACE = Path("/prompts/greet.en.toml")


def test_every_key_arrives() -> None:
    template = parsed(GOOD, PLACE)
    assert template == PromptTemplate(
        name="greet",
        language="en",
        title="Greet",
        main="who",
        system="Be kind.",
        user="Hello\n{{ who }}{% if tone == 'loud' %}!{% endif %}{{ rest }}",
        variables=(
            Variable(name="who", help="a name"),
            Variable(name="tone", kind="choice", choices=("loud", "soft"), default="soft"),
            Variable(name="rest", kind="file", optional=True),
        ),
        source=str(PLACE),
        system_line=3,
        user_line=5,
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("main = ", "mian = ", "2: mian: there is no such key; did you mean main?"),
        ('main = "who"', 'main = "whom"', '2: main: there is no variable "whom"; did you mean who?'),
        ('main = "who"', 'main = "tone"', "2: main: what is typed fills it"),
        ("{{ who }}", "{{ whoo }}", "6: user: uses whoo, which is not among its variables; did you mean who?"),
        ("{% endif %}", "", "user: is no template"),
        ("Hello\n", "Hello\n\n{% for %}\n", "7: user: is no template: "),
        ("{{ who }}", "{{ who | shout }}", "6: user: is no template: no filter named 'shout'"),
        ("{{ rest }}", "", "16: variables.rest: neither system nor user uses it"),
        ('kind = "file"', 'kind = "fille"', 'kind: "fille" is not one of "text", "choice", "number", "file"; did you'),
        ('default = "soft"', 'default = "sofd"', '14: variables.tone.default: "sofd" is not one of "loud", "soft"'),
        ('kind = "choice"', 'kind = "text"', "13: variables.tone.choices: only a choice has choices"),
        ("optional = true", "low = 3", "18: variables.rest.low: only a number has bounds"),
        ("optional = true", 'default = "x"', "18: variables.rest.default: a file has no default"),
        (
            "optional = true",
            "optinal = true",
            "18: variables.rest.optinal: there is no such key; did you mean optional?",
        ),
        ("optional = true", 'optional = true\nreasoning = "steps"', "19: variables.rest.reasoning: stands inside"),
        ("[variables.who]", "[variables.loop]", "8: variables.loop: "),
        ('system = "Be kind."', 'schema = "{]"', "3: schema: is no JSON"),
        ('system = "Be kind."', 'schema = "none.json"', '3: schema: "none.json" cannot be read'),
        ("[variables.who]", "[variables.who", "is not valid TOML"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_key_and_near_miss(old: str, new: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(GOOD.replace(old, new, 1), PLACE)
    assert problem in str(caught.value)
    assert str(PLACE) in str(caught.value)


def test_a_schema_may_lie_beside_the_template(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"type": "object"}', encoding="utf-8")
    text = GOOD.replace('system = "Be kind."', 'schema = "s.json"')
    assert parsed(text, tmp_path / "greet.en.toml").schema == '{"type": "object"}'


def test_a_template_that_goes_wrong_names_its_file_and_line() -> None:
    template = parsed(GOOD.replace("{{ who }}", "{{ who.__class__ }}{{ 1 // (who | length - 2) }}"), PLACE)
    with pytest.raises(TemplateFault) as caught:
        TemplateUse(template).with_value("who", "me").user("", render_template)
    assert caught.value.where == f"{PLACE}:6"


def test_values_of_the_command_line_are_checked_and_files_read(tmp_path: Path) -> None:
    template = parsed(GOOD, PLACE)
    document = tmp_path / "long.txt"
    document.write_text("of the world\n", encoding="utf-8")
    use, notes = filled_with(template, [("tone", "loud"), ("rest", str(document))])
    assert dict(use.values) == {"tone": "loud", "rest": "of the world\n"}
    assert notes == (f"rest: {document}, 13 characters",)
    use, _ = filled_with(template, [("who", f"@{document}")])
    assert use.values["who"] == "of the world\n"
    for pair, problem in (
        (("tonne", "x"), "no variable tonne; did you mean tone?"),
        (("tone", "x"), '"x" is not one of "loud", "soft"'),
        (("rest", str(tmp_path / "none")), "cannot be read"),
    ):
        with pytest.raises(UsageError) as caught:
            filled_with(template, [pair])
        assert problem in str(caught.value)


def test_numbers_keep_their_bounds() -> None:
    text = GOOD.replace('kind = "file"\noptional = true', 'kind = "number"\ndefault = 3\nlow = 1\nhigh = 9.5')
    template = parsed(text, PLACE)
    assert template.variables[2].default == "3"
    assert filled_with(template, [("rest", " 9.5 ")])[0].values["rest"] == "9.5"
    for wrong in ("10", "nan", "x", "1e400"):
        with pytest.raises(UsageError, match=r"is not a number from 1 to 9\.5"):
            filled_with(template, [("rest", wrong)])


def test_the_shipped_ones_are_sound_and_come_in_both_languages() -> None:
    assert SHIPPED.problems() == ()
    names = {language: {item.name for item in SHIPPED.good() if item.language == language} for language in ("en", "zh")}
    assert names["en"] == names["zh"]
    assert len(names["en"]) >= 24
    for item in SHIPPED.good():
        twin = SHIPPED.find(f"{item.name}.{'zh' if item.language == 'en' else 'en'}", "en")
        same = [(v.name, v.kind, v.optional, bool(v.default), len(v.choices)) for v in item.variables]
        assert same == [(v.name, v.kind, v.optional, bool(v.default), len(v.choices)) for v in twin.variables]
        assert (item.main, item.schema, item.shots, item.tags) == (twin.main, twin.schema, twin.shots, twin.tags)
        assert item.description


def test_what_the_shipped_ones_suggest_exists() -> None:
    roots = prompt_roots(Path("none"), Path("none"))
    shots, modes = ShotShelf(roots), ReasoningShelf(roots)
    for item in SHIPPED.good():
        assert not item.shots or shots.find(f"{item.shots}.{item.language}", item.language).rows
        assert not item.reasoning or modes.find(f"{item.reasoning}.{item.language}", item.language).title


def filled(template: PromptTemplate) -> TemplateUse:
    use = TemplateUse(template)
    for variable in template.variables:
        use = use.with_value(variable.name, variable.default or "3 apples")
    return use


@pytest.mark.parametrize("template", SHIPPED.good(), ids=lambda template: template.key)
def test_every_value_of_a_shipped_template_reaches_the_prompt_in_its_place(template: PromptTemplate) -> None:
    use = filled(template)
    recipe = Recipe(model=ModelSpec(name="m", path="/m"), template=use)
    sent = assemble(recipe, (), "Zebra crossing", render_template)
    question = "".join(segment.text for segment in sent.messages[-1].segments if segment.origin == "question")
    assert "Zebra crossing" in question
    assert "\n\n\n" not in sent.messages[-1].text
    assert "  " not in sent.messages[-1].text.replace("\n  ", "")
