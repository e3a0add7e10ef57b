"""An experiment: a base recipe times its axes over a set of items, as trials in an order that stays paired."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from llmlab.domain.constraints import Constraint
from llmlab.domain.document import Document, digest_of
from llmlab.domain.fingerprint import canonical, fingerprint
from llmlab.domain.modes import Extraction
from llmlab.domain.reading import DocumentRef
from llmlab.domain.recipe import Recipe
from llmlab.domain.shots import Shot, ShotSet
from llmlab.domain.template import TemplateUse

Value = str | int | float | bool | None | tuple[str, ...]
"""What a field of a recipe or an argument of a generator is set to."""

OWN_SHOTS = "data"
"""Name of the example set that stands for the examples which each item brings along."""
OWN_DOCUMENT = "document"
"""What the document that an item brings along is called in a prompt; its text has to be kept under its digest."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing that is varied."""

    key: str
    """A field, such as `shots.k` or `data.depth`; `arm` for bundles of settings under a name."""
    values: tuple[Value, ...]
    """What it takes, in the order of the file; the names of the bundles for `arm`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question with what is known about its answer."""

    id: str
    question: str
    """What would be typed; fills the template's main variable."""
    gold: tuple[str, ...] = ()
    """Answers that count, any of them."""
    cluster: str = ""
    """Items of the same passage, pattern or person hang together; empty stands alone."""
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Values of the template's other variables."""
    document: str = ""
    """The text that the question is about."""
    answerable: bool = True
    """`False`: the right answer is that nobody can know."""
    choices: tuple[str, ...] = ()
    """Answers to choose from."""
    shots: tuple[Shot, ...] = ()
    """Its own examples, for `shots.set = "data"`."""
    constraints: tuple[Constraint, ...] = ()
    """What the answer has to keep to."""
    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Whatever else its row says."""

    @property
    def hangs_with(self) -> str:
        """The cluster that is drawn as one."""
        return self.cluster or self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One combination of settings."""

    name: str
    """Unique in its experiment: `shots.k=4, shots.labels=shuffled`."""
    settings: Mapping[str, Value]
    """By axis."""
    recipe: Recipe
    """The base with the settings put in; the examples, the document and the seed of an item come in by `Trial`."""
    items: tuple[Item, ...] = field(default=(), repr=False)
    """The same ids in the same order in every arm; what they say differs where a generator is varied."""
    against: str = ""
    """The arm that this one is compared with; itself for one that only others are compared with, empty: the first."""
    twin_of: str = ""
    """The arm that this one repeats with other seeds, to measure noise; empty for an arm of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerUse:
    """One scorer of an experiment file."""

    kind: str
    """A name of `scorers.KINDS`, or of an entry point in the group `llmlab.scorers`."""
    name: str
    """What it is called in tables; unique."""
    graded: bool = False
    """Its figure is a mean of values, not a share of right answers."""
    counts: Literal["strict", "flexible", ""] = ""
    """The extractor that decides; empty where there is one reading alone."""
    higher: bool = True
    """More is better."""
    options: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    source: str = field(default="", compare=False)
    """File and line of its table; it says nothing about what is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """What must hold for a run to pass."""

    scorer: str = ""
    """Empty is the first."""
    extractor: Literal["strict", "flexible", ""] = ""
    """Empty is the one that counts."""
    arm: str = ""
    """Empty is every arm that is no twin."""
    measure: Literal["score", "difference", "unparsed", "truncated", "abstained", "error", "tokens", "seconds"] = (
        "score"
    )
    """`difference` is to the baseline, shares are of all trials, tokens and seconds are means."""
    bound: Literal["low", "value", "high"] = "value"
    """Which end of the interval is compared."""
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCard:
    """Where the items came from."""

    origin: str
    """Path of the file, or name of the generator."""
    digest: str = ""
    """SHA-256 of the whole file; empty for a generator."""
    arguments: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))
    """Of the generator, its seed among them."""
    rows: int = 0
    """Rows of the file, or items that were made."""
    used: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One file of prompts/experiments, validated, with its recipes and items in place."""

    name: str
    language: str = "en"
    title: str = ""
    description: str = ""
    hypothesis: str = ""
    """What is expected, in one sentence, before anything is measured."""
    axes: tuple[Axis, ...] = ()
    arms: tuple[Arm, ...] = ()
    """A baseline first, then in the order of the axes, a twin last."""
    scorers: tuple[ScorerUse, ...] = ()
    """The first one decides."""
    repeats: int = 1
    """Answers to each item in each arm."""
    seed: int = 0
    alpha: float = 0.05
    """Of all intervals and decisions; 0.05 is 95 % intervals."""
    resamples: int = 10_000
    """Of each bootstrap."""
    thresholds: tuple[Threshold, ...] = ()
    data: DataCard = field(default_factory=lambda: DataCard(origin=""))
    source: str = ""
    """The file it was read from."""

    @property
    def key(self) -> str:
        """Name and language, as files are called."""
        return f"{self.name}.{self.language}"

    @property
    def baseline(self) -> Arm:
        """The first of those that others are compared with; the only one where one thing is varied."""
        return self.arms[0]

    def reference(self, arm: Arm) -> str:
        """The name of the arm that `arm` is compared with; empty for one that is compared with none."""
        other = arm.against or self.baseline.name
        return "" if other == arm.name or arm.twin_of else other

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, in the order in which they are loaded."""
        return tuple(dict.fromkeys(arm.recipe.model.name for arm in self.arms))

    @property
    def size(self) -> int:
        """Trials."""
        return sum(len(arm.items) for arm in self.arms) * self.repeats


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One question to one arm."""

    id: str
    """Everything that the answer depends on, hashed: 32 hexadecimal digits."""
    arm: Arm
    item: Item
    repeat: int
    seed: int
    recipe: Recipe
    """Complete: with the item's variables and examples, and the seed."""
    question: str
    """What is sent as typed; holds the item's document unless a way of reading, or a variable, brings it in."""

    @property
    def extraction(self) -> Extraction | None:
        """Where the final answer stands by the reasoning mode; `None` without one."""
        return self.recipe.reasoning.mode.extraction if self.recipe.reasoning else None


def expand(experiment: Experiment, marks: Mapping[str, str] | None = None, build: str = "") -> Iterator[Trial]:
    """Every trial, one loaded model after the other; within one item by item, so that what is done is always paired.

    Args:
        experiment: with its items.
        marks: by model name, what tells its file from others (`ModelCard.file_mark`); part of each trial's id.
        build: of the engine; part of each trial's id.
    """
    for model in dict.fromkeys(arm.recipe.model for arm in experiment.arms):
        arms = [arm for arm in experiment.arms if arm.recipe.model == model]
        mark = (marks or {}).get(model.name, "")
        roots = [_root(arm, mark, build) for arm in arms]
        for place in range(max((len(arm.items) for arm in arms), default=0)):
            for arm, root in zip(arms, roots, strict=True):
                if place < len(arm.items):
                    for repeat in range(experiment.repeats):
                        yield _trial(experiment, arm, root, arm.items[place], repeat)


def _trial(experiment: Experiment, arm: Arm, root: str, item: Item, repeat: int) -> Trial:
    seed = seed_of(experiment.seed, item.id, repeat, twin=bool(arm.twin_of))
    recipe = _with_item(arm.recipe, item, seed)
    question = asked(recipe, item)
    own = (item.variables, item.shots if _brings_shots(arm.recipe) else (), item.document)
    return Trial(
        id=hashlib.sha256(canonical((root, question, own, seed, repeat)).encode()).hexdigest()[:32],
        arm=arm,
        item=item,
        repeat=repeat,
        seed=seed,
        recipe=recipe,
        question=question,
    )


def seed_of(base: int, item: str, repeat: int, *, twin: bool = False) -> int:
    """The seed of an answer, 0 to 4,294,967,294: the same in every arm, so that arms differ in their settings alone."""
    named = f"{base}|{item}|{repeat}|{'twin' if twin else ''}"
    return int.from_bytes(hashlib.sha256(named.encode("utf-8", "surrogatepass")).digest()[:8], "big") % (2**32 - 1)


def asked(recipe: Recipe, item: Item) -> str:
    """What is sent as typed for an item: its question, behind its document where nothing else brings that in."""
    elsewhere = recipe.reading is not None or _takes_document(recipe)
    return item.question if elsewhere or not item.document else f"{item.document}\n\n{item.question}"


def _takes_document(recipe: Recipe) -> bool:
    return recipe.template is not None and recipe.template.template.variable("document") is not None


def _brings_shots(recipe: Recipe) -> bool:
    return recipe.shots is not None and recipe.shots.set.name == OWN_SHOTS


def _with_item(recipe: Recipe, item: Item, seed: int) -> Recipe:
    """The recipe of an arm with what an item brings."""
    shots, template, reading = recipe.shots, recipe.template, recipe.reading
    if shots is not None and _brings_shots(recipe):
        shots = replace(shots, set=ShotSet(name=OWN_SHOTS, language=shots.set.language, title="", rows=item.shots))
    if template is not None:
        known = {variable.name for variable in template.template.variables}
        brought = {**({"document": item.document} if item.document else {}), **item.variables}
        values = {**template.values, **{name: text for name, text in brought.items() if name in known}}
        template = TemplateUse(template.template, MappingProxyType(values))
    if reading is not None and item.document:
        own = DocumentRef(name=OWN_DOCUMENT, path="", digest=digest_of(item.document), characters=len(item.document))
        reading = replace(reading, documents=(*reading.documents, own))
    sampling = replace(recipe.sampling, seed=seed)
    return replace(recipe, shots=shots, template=template, reading=reading, sampling=sampling)


def own_documents(experiment: Experiment) -> dict[str, Document]:
    """The documents that items bring along, by digest: what recipes of trials name is found here, in no file."""
    texts = {item.document for arm in experiment.arms for item in arm.items if item.document}
    made = (Document(OWN_DOCUMENT, "", "text", text, digest=digest_of(text)) for text in texts)
    return {document.digest: document for document in made}


def _root(arm: Arm, mark: str, build: str) -> str:
    """What every answer of an arm depends on; not where the file of its model lies, once its content is known."""
    model = replace(arm.recipe.model, path="") if mark else arm.recipe.model
    return fingerprint((replace(arm.recipe, model=model), mark, build))


def paired(arms: Sequence[Arm]) -> bool:
    """Every arm is asked the same items."""
    return len({tuple(item.id for item in arm.items) for arm in arms}) <= 1
