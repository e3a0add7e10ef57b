"""Experiment files: what they become, and everything that can be wrong in one, told at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from llmlab.domain.constraints import KINDS as CONSTRAINTS
from llmlab.domain.experiment import Axis, Item, ScorerUse, Threshold, expand
from llmlab.domain.generators.registry import GENERATORS
from llmlab.domain.model import ModelSpec, Rope
from llmlab.domain.outcomes import Answer
from llmlab.domain.reading import DocumentRef, ReadingUse
from llmlab.domain.sampling import Sampling
from llmlab.domain.scorers.base import judged
from llmlab.domain.scorers.registry import KINDS, make_scorer
from llmlab.errors import ConfigError
from llmlab.library import experiment_scorers
from llmlab.library.experiment_fields import FIELDS
from llmlab.library.experiment_recipes import Shelves
from llmlab.library.experiments import Draft, ExperimentShelf, Loaded, load_experiment
from llmlab.library.prompts import TemplateShelf
from llmlab.library.reasoning_files import ReasoningShelf
from llmlab.library.shipped import shipped_prompts_folder
from llmlab.library.shot_files import ShotShelf

MODELS = {name: ModelSpec(name=name, path=f"/{name}.gguf") for name in ("small", "large")}
SOUND = """
title = "Steps"
seed = 3

[base]
model = "small"
sampling.temperature = 0

[axes]
"reasoning.mode" = ["direct", "steps"]

[data]
generator = "word_problems"
limit = 4

[[scorers]]
kind = "number"
"""


def a_model(name: str) -> ModelSpec:
    if name not in MODELS:
        raise ConfigError(f"There is no model {name}")
    return MODELS[name]


SHELVES = Shelves(
    model=a_model,
    default_model=lambda: MODELS["small"],
    template=lambda name: TemplateShelf([shipped_prompts_folder()]).find(name, "en"),
    shots=lambda name: ShotShelf([shipped_prompts_folder()]).find(name, "en"),
    mode=lambda name: ReasoningShelf([shipped_prompts_folder()]).find(name, "en"),
    document=lambda path: DocumentRef(name=path.name, path=str(path), digest="d" * 64, characters=9),
    count=lambda model, texts: [len(text.split()) for text in texts],
)


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Loaded]:
    def loaded(text: str, model: str = "", **files: str) -> Loaded:
        for name, content in files.items():
            (tmp_path / name.replace("_", ".")).write_text(content, encoding="utf-8")
        path = tmp_path / "try.en.toml"
        path.write_text(text, encoding="utf-8")
        return load_experiment(path, SHELVES, model)

    return loaded


def wrong(load: Callable[..., Loaded], text: str, **files: str) -> list[str]:
    """What is wrong in a file, a line each, without its path."""
    with pytest.raises(ConfigError) as caught:
        load(text, **files)
    return [line.partition("try.en.toml:")[2] for line in caught.value.what.splitlines()]


def test_an_axis_makes_an_arm_a_value_and_the_first_one_is_repeated_to_measure_noise(
    load: Callable[..., Loaded],
) -> None:
    experiment = load(SOUND).experiment
    direct, steps, again = experiment.arms
    assert (direct.name, steps.name, again.name) == ("mode=direct", "mode=steps", "mode=direct (again)")
    assert (again.twin_of, experiment.reference(steps), experiment.reference(direct)) == (direct.name, direct.name, "")
    assert experiment.axes == (Axis("reasoning.mode", ("direct", "steps")),)
    assert direct.recipe.model is MODELS["small"]
    assert direct.recipe.sampling == Sampling(temperature=0.0)
    assert steps.recipe.reasoning is not None
    assert steps.recipe.reasoning.mode.name == "steps"
    assert experiment.scorers == (ScorerUse(kind="number", name="number", counts="strict"),)
    path, _, line = experiment.scorers[0].source.rpartition(":")
    assert (path, SOUND.split("\n")[int(line) - 1]) == (experiment.source, "[[scorers]]")
    assert (experiment.size, experiment.data.origin, experiment.data.used) == (12, "word_problems", 4)
    assert experiment.title == "Steps"
    assert load(SOUND.replace("seed = 3", "noise_floor = false")).experiment.size == 8


def test_every_trial_has_its_own_id_and_is_paired_item_by_item(load: Callable[..., Loaded]) -> None:
    experiment = load(SOUND.replace("seed = 3", "seed = 3\nrepeats = 2")).experiment
    trials = list(expand(experiment))
    assert len({trial.id for trial in trials}) == len(trials) == experiment.size == 24
    order = [(trial.item.id, trial.arm.name, trial.repeat) for trial in trials]
    assert [item for item, _, _ in order] == sorted(item for item, _, _ in order)
    assert [arm for _, arm, _ in order[:6:2]] == [arm.name for arm in experiment.arms]
    # Arms differ in their settings alone: the same seed for the same item, another for the twin.
    seeds = {(trial.arm.twin_of, trial.item.id, trial.repeat): set[int]() for trial in trials}
    for trial in trials:
        seeds[trial.arm.twin_of, trial.item.id, trial.repeat].add(trial.seed)
        assert trial.recipe.sampling.seed == trial.seed
    assert all(len(found) == 1 for found in seeds.values())
    assert len(set.union(*seeds.values())) == 16


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("temperature = 0", "temperature = 0.5"),
        ('model = "small"', 'model = "large"'),
        ("seed = 3", "seed = 4"),
        ("limit = 4", "seed = 5\nlimit = 4"),
        ('"direct", "steps"', '"plan", "self-check"'),
    ],
)
def test_an_id_changes_with_everything_that_an_answer_depends_on(
    load: Callable[..., Loaded], before: str, after: str
) -> None:
    first = {trial.id for trial in expand(load(SOUND).experiment)}
    other = {trial.id for trial in expand(load(SOUND.replace(before, after)).experiment)}
    assert not first & other


def test_an_id_changes_with_the_file_of_the_model_and_the_build_and_with_no_name(load: Callable[..., Loaded]) -> None:
    experiment = load(SOUND).experiment
    first = [trial.id for trial in expand(experiment)]
    assert first == [trial.id for trial in expand(load(SOUND.replace("Steps", "Other")).experiment)]
    assert not set(first) & {trial.id for trial in expand(experiment, {"small": "mark"})}
    assert not set(first) & {trial.id for trial in expand(experiment, build="b2")}
    moved = [
        replace(arm, recipe=replace(arm.recipe, model=replace(MODELS["small"], path="/x"))) for arm in experiment.arms
    ]
    there = replace(experiment, arms=tuple(moved))
    assert [one.id for one in expand(there, {"small": "mark"})] == [
        one.id for one in expand(experiment, {"small": "mark"})
    ]
    longer = [trial.id for trial in expand(load(SOUND.replace("limit = 4", "limit = 6")).experiment)]
    assert longer[: len(first)] == first


def test_bundles_times_axes_are_compared_with_the_one_that_differs_in_the_baseline_alone(
    load: Callable[..., Loaded],
) -> None:
    text = SOUND.replace('"reasoning.mode" = ["direct", "steps"]', '"data.steps" = [2, 4]').replace(
        "[axes]", '[arms.plain]\n[arms.steps]\nreasoning.mode = "steps"\nsystem = "Think."\n\n[axes]'
    )
    experiment = load(text.replace("seed = 3", 'baseline = "plain"\nnoise_floor = false')).experiment
    assert [arm.name for arm in experiment.arms] == [
        "plain, steps=2",
        "plain, steps=4",
        "steps, steps=2",
        "steps, steps=4",
    ]
    assert [experiment.reference(arm) for arm in experiment.arms] == ["", "", "plain, steps=2", "plain, steps=4"]
    assert experiment.arms[3].recipe.system == "Think."
    two, four = experiment.arms[2].items, experiment.arms[3].items
    assert [item.id for item in two] == [item.id for item in four]
    assert two[0].question != four[0].question
    assert experiment.arms[0].items is two


def test_a_baseline_that_is_not_the_first_comes_first(load: Callable[..., Loaded]) -> None:
    text = SOUND.replace("seed = 3", 'baseline = {"reasoning.mode" = "steps"}')
    assert [arm.name for arm in load(text).experiment.arms] == ["mode=steps", "mode=direct", "mode=steps (again)"]
    assert load(SOUND.replace("seed = 3", 'baseline = "mode=steps"')).experiment.arms[0].name == "mode=steps"


def test_every_field_of_a_recipe_can_be_set(load: Callable[..., Loaded]) -> None:
    base = """
[base]
model = "large"
system = "Be brief."
template = "word-problem"
thinking = false
keep_thinking = true
schema = '{"type": "object"}'
overflow = "drop_turns"

[base.shots]
set = "data"
k = 2
choice = "random"
order = "shuffled"
seed = 5
style = "inline"
labels = "shuffled"

[base.reasoning]
mode = "votes"
votes = 3
budget = 100

[base.reading]
way = "passages"
k = 4
documents = ["novel.txt"]

[base.context]
n_ctx = 4096
rope_scaling = "yarn"
rope_factor = 2
cache_type_k = "q8_0"

[base.sampling]
temperature = 0.7
stop = ["END"]

[data]"""
    text = SOUND[: SOUND.index("[base]")] + base + SOUND[SOUND.index("[data]") + len("[data]") :]
    recipe = load(text).experiment.arms[0].recipe
    assert recipe.model == replace(
        MODELS["large"], n_ctx=4096, rope=Rope(scaling="yarn", factor=2.0), cache_type_k="q8_0"
    )
    assert (recipe.system, recipe.thinking, recipe.keep_thinking) == ("Be brief.", False, True)
    assert (recipe.schema, recipe.overflow) == ('{"type": "object"}', "drop_turns")
    assert recipe.sampling == Sampling(temperature=0.7, stop=("END",))
    assert recipe.template is not None
    assert recipe.template.template.name == "word-problem"
    shots, reasoning, reading = recipe.shots, recipe.reasoning, recipe.reading
    assert shots is not None
    assert (shots.k, shots.choice, shots.order, shots.seed, shots.style, shots.labels) == (
        2, "random", "shuffled", 5, "inline", "shuffled",
    )  # fmt: skip
    assert reasoning is not None
    assert (reasoning.vote_count, reasoning.thinking_budget) == (3, 100)
    assert isinstance(reading, ReadingUse)
    assert (reading.way, reading.k, reading.documents[0].name) == ("passages", 4, "novel.txt")


def test_an_item_brings_its_examples_its_document_and_its_variables(load: Callable[..., Loaded]) -> None:
    text = """
[base]
model = "small"
template = "ask-text"

[data]
file = "rows.jsonl"

[[scorers]]
kind = "contains"
"""
    document = '{"id": "a", "question": "Who?", "gold": "Ann", "document": "Ann was here."}\n'
    (trial, _) = expand(load(text, rows_jsonl=document).experiment)
    assert trial.recipe.template is not None
    assert trial.recipe.template.values["document"] == "Ann was here."
    assert trial.question == "Who?"
    (trial, _) = expand(load(text.replace('template = "ask-text"', ""), rows_jsonl=document).experiment)
    assert trial.question == "Ann was here.\n\nWho?"
    titles = text.replace('"ask-text"', '"titles"\nvariables.count = "2"')
    (trial, _) = expand(load(titles, rows_jsonl=document.replace('"document"', '"words"')).experiment)
    assert trial.recipe.template is not None
    assert dict(trial.recipe.template.values) == {"count": "2", "words": "Ann was here."}
    reading = text.replace('template = "ask-text"', 'reading.way = "whole"')
    (trial, _) = expand(load(reading, rows_jsonl=document).experiment)
    assert trial.question == "Who?"
    assert trial.recipe.reading is not None
    assert trial.recipe.reading.documents[0].characters == len("Ann was here.")


def test_examples_of_an_item_are_its_own(load: Callable[..., Loaded]) -> None:
    text = SOUND.replace(
        '"reasoning.mode" = ["direct", "steps"]', '"shots.k" = [0, 4]\n"shots.labels" = ["gold", "flipped"]'
    )
    text = (
        text.replace("[axes]", '[base.shots]\nset = "data"\n[axes]')
        .replace("word_problems", "rules")
        .replace("number", "exact")
    )
    for trial in expand(load(text).experiment):
        use = trial.recipe.shots
        assert use is not None
        assert len(use.chosen(trial.question)) == use.k
        assert use.set.rows == trial.item.shots


def test_a_model_on_the_command_line_stands_in_for_that_of_the_base(load: Callable[..., Loaded]) -> None:
    assert load(SOUND, "large").experiment.models == ("large",)
    varied = SOUND.replace("[axes]", '[axes]\nmodel = ["small", "large"]')
    assert load(varied, "large").experiment.models == ("small", "large")


def test_everything_that_is_wrong_is_told_at_once_with_line_key_and_near_miss(load: Callable[..., Loaded]) -> None:
    text = """titel = "x"
seed = -1

[base]
model = "no-such"
template = "sumarise"
sampling.temprature = 0
sampling.top_p = 7
shots.k = 3

[axes]
"shots.kk" = [1, 2]
"reasoning.votes" = [1, 1]
"data.stepss" = [1]
"reasoning.mode" = ["direct", "stepz"]

[arms.a]
system = 3

[data]
generator = "word_problems"
steps = 900
limits = 3

[[scorers]]
kind = "exakt"

[[scorers]]
kind = "number"
tolerance = 3

[[scorers]]
kind = "judge"
rubric = "good?"

[[thresholds]]
arm = "zz"
"""
    told = wrong(load, text)
    assert sorted(int(line.partition(":")[0]) for line in told) == [
        1, 2, 5, 6, 7, 8, 9, 12, 13, 14, 15, 18, 22, 23, 25, 28, 32, 36, 36,
    ]  # fmt: skip
    said = "\n".join(told)
    for guess in ("title", "sampling.temperature", "shots.k", "data.steps", "limit", "exact", "summarise", "steps"):
        assert f"did you mean {guess}?" in said
    assert "There is no model no-such" in said


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('generator = "word_problems"', 'generator = "word_problem"', "did you mean word_problems?"),
        ('generator = "word_problems"', "", "file, or generator"),
        ("limit = 4", "limit = 0", "limit: 0 is not a whole number"),
        ("limit = 4", "limit = 5000\nsteps = 1", "different items"),
        ('generator = "word_problems"', 'file = "no.jsonl"', "cannot be read"),
        ('[data]\ngenerator = "word_problems"\nlimit = 4', "", "the key data is missing"),
        ('[[scorers]]\nkind = "number"', "", "the key scorers is missing"),
        ('kind = "number"', 'kind = "choice"', "needs choices, which the item word_problems-0-0 does not have"),
        ('kind = "number"', 'kind = "number"\n[[scorers]]\nkind = "number"', "the name"),
        ('kind = "number"', 'kind = "regex"\npattern = "("', "no regular expression"),
        ('kind = "number"', 'kind = "json_schema"\nschema = "no.json"', "cannot be read"),
        (
            'kind = "number"',
            'kind = "perplexity"\nof = "question"\nafter = "answer"',
            "only a gold answer can",
        ),
        ('kind = "number"', 'kind = "judge"\nrubric = "?"\nmodel = "huge"', "There is no model huge"),
        ('kind = "number"', 'kind = "judge"\nrubric = "?"\nmodel = "small"\nscale = [5, 1]', "no scale"),
        ('kind = "number"', 'kind = "exact"\nextract = {rule = "after"}', "needs a marker"),
        ('["direct", "steps"]', "[]", "not a list of values"),
        ("seed = 3", 'baseline = "mode=stepz"', "did you mean mode=steps?"),
        ("seed = 3", 'baseline = {"reasoning.mode" = "plan"}', "no arm has these settings"),
        ("sampling.temperature = 0", 'reasoning.mode = "direct"\nreading.k = 3', "does nothing without reading.way"),
        ("sampling.temperature = 0", 'grammar = "root ::= x"\nschema = "{}"', "an answer follows one"),
        ("sampling.temperature = 0", 'template = "ask-text"', "nothing fills document"),
        ("sampling.temperature = 0", 'template = "word-problem"\nvariables.nam = "x"', "no variable nam"),
        ("[axes]", '[arms.a]\nreasoning.mode = "steps"\n[axes]', "is varied under [axes] too"),
        ("[axes]", '[axes]\n"shots.seed" = [' + ",".join(map(str, range(300))) + "]", "makes 600 arms"),
        ("seed = 3", "repeats = 1000\nnoise_floor = false", ""),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(
    load: Callable[..., Loaded], before: str, after: str, said: str
) -> None:
    text = SOUND.replace(before, after)
    assert text != SOUND
    if not said:
        assert load(text).experiment.size == 8_000
        return
    assert any(said in line for line in wrong(load, text)), wrong(load, text)


def test_bad_rows_of_a_data_file_are_named_with_their_lines(load: Callable[..., Loaded]) -> None:
    text = SOUND.replace('generator = "word_problems"', 'file = "rows.jsonl"')
    told = wrong(load, text, rows_jsonl='{"id": 1, "question": "?", "gold": 1}\n{"id": 1, "question": "?"}\n[]\n')
    assert [line.partition("rows.jsonl:")[2].partition(":")[0] for line in told] == ["2", "3"]


def test_thresholds_are_values(load: Callable[..., Loaded]) -> None:
    text = (
        SOUND
        + '\n[[thresholds]]\narm = "mode=steps"\nleast = 0.5\nbound = "low"'
        + '\n[[thresholds]]\nmeasure = "tokens"\nmost = 90\n'
    )
    assert load(text).experiment.thresholds == (
        Threshold(arm="mode=steps", least=0.5, bound="low"),
        Threshold(measure="tokens", most=90.0),
    )


def test_a_judge_brings_its_model(load: Callable[..., Loaded]) -> None:
    text = SOUND + '\n[[scorers]]\nkind = "judge"\nrubric = "Is it right?"\nmodel = "large"\nscale = [1, 5]\n'
    loaded = load(text)
    assert loaded.judge is MODELS["large"]
    assert loaded.experiment.scorers[1].graded
    assert make_scorer(loaded.experiment.scorers[1], loaded.own).needs == "judge"


def polite(item: Item, answer: Answer, *, word: str = "please") -> bool:
    return word in answer.text


def test_a_scorer_of_another_package_is_found_by_its_entry_point(
    load: Callable[..., Loaded], monkeypatch: pytest.MonkeyPatch
) -> None:
    points = [
        EntryPoint("polite", f"{__name__}:polite", "llmlab.scorers"),
        EntryPoint("gone", "no.such.module:it", "llmlab.scorers"),
        EntryPoint("value", f"{__name__}:SOUND", "llmlab.scorers"),
    ]
    monkeypatch.setattr(experiment_scorers, "entry_points", lambda group: points if group == "llmlab.scorers" else [])
    loaded = load(SOUND + '\n[[scorers]]\nkind = "polite"\nword = "kindly"\n')
    use = loaded.experiment.scorers[1]
    scorer = make_scorer(use, loaded.own)
    item = Item(id="a", question="?")
    assert [one.outcome for one in judged(scorer, item, Answer(text="kindly do"))] == ["correct"]
    assert [one.outcome for one in judged(scorer, item, Answer(text="please do"))] == ["wrong"]
    broken = make_scorer(replace(use, options={"wrod": "x"}), loaded.own)
    (failed,) = judged(broken, item, Answer(text="please do"))
    assert (failed.outcome, "wrod" in failed.why) == ("error", True)
    told = wrong(load, SOUND + '\n[[scorers]]\nkind = "gone"\n[[scorers]]\nkind = "value"\n')
    assert "no.such" in told[0] or "No module" in told[0]
    assert "no function" in told[1]


def test_files_of_the_working_folder_replace_those_of_the_same_name(tmp_path: Path) -> None:
    for root, title in (("config", "Mine"), ("work", "Nearer")):
        folder = tmp_path / root / "prompts" / "experiments"
        folder.mkdir(parents=True)
        (folder / "try.en.toml").write_text(SOUND.replace("Steps", title), encoding="utf-8")
    shelf = ExperimentShelf([tmp_path / "config" / "prompts", tmp_path / "work" / "prompts"])
    (draft,) = shelf.good()
    assert isinstance(draft, Draft)
    assert (draft.title, draft.key) == ("Nearer", "try.en")
    assert shelf.load("try", "zh", SHELVES).experiment.title == "Nearer"
    with pytest.raises(ConfigError, match="did you mean try"):
        shelf.load("tri", "en", SHELVES)


def test_the_shipped_experiments_are_sound_by_themselves() -> None:
    shelf = ExperimentShelf([shipped_prompts_folder()])
    assert shelf.problems() == ()


def test_the_documentation_names_every_field_generator_and_scorer() -> None:
    text = (Path(__file__).parents[2] / "docs" / "experiments.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))
    wanted = (
        {key for key in FIELDS if not key.startswith("sampling.")} | set(KINDS) | set(CONSTRAINTS) | set(GENERATORS)
    )
    wanted |= {one.name for generator in GENERATORS.values() for one in generator.parameters}
    assert wanted - told == set()
