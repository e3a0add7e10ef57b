"""How the next token is chosen: the settings, their bounds and their meaning."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Final, Literal

from llmlab.domain.biases import MOST, parse_biases, written_biases
from llmlab.words import say


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampler settings; `None` leaves the choice to the model's table, its metadata, then `DEFAULTS`.

    The order of the chain is that of llama.cpp's own programs: biases, penalties, DRY, top-n-sigma, top-k, typical,
    top-p, min-p, XTC, temperature, and the draw; mirostat replaces the part from top-k to the draw.
    """

    temperature: float | None = None
    dynatemp_range: float | None = None
    dynatemp_exponent: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    top_n_sigma: float | None = None
    xtc_probability: float | None = None
    xtc_threshold: float | None = None
    dry_multiplier: float | None = None
    dry_base: float | None = None
    dry_allowed_length: int | None = None
    dry_penalty_last_n: int | None = None
    repeat_penalty: float | None = None
    repeat_last_n: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    mirostat: int | None = None
    mirostat_tau: float | None = None
    mirostat_eta: float | None = None
    seed: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] | None = None
    logit_bias: str | None = None
    """In the notation of `parse_biases`."""

    def over(self, base: Sampling) -> Sampling:
        """These settings where they are set, those of `base` elsewhere."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(base, **{name: value for name, value in named.items() if value is not None})

    def changed(self) -> dict[str, object]:
        """The settings that are set, by name, in the order of the chain."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in named.items() if value is not None}


DEFAULTS: Final = Sampling(
    temperature=0.8,
    dynatemp_range=0.0,
    dynatemp_exponent=1.0,
    top_k=40,
    top_p=0.95,
    min_p=0.05,
    typical_p=1.0,
    top_n_sigma=-1.0,
    xtc_probability=0.0,
    xtc_threshold=0.1,
    dry_multiplier=0.0,
    dry_base=1.75,
    dry_allowed_length=2,
    dry_penalty_last_n=-1,
    repeat_penalty=1.0,
    repeat_last_n=64,
    frequency_penalty=0.0,
    presence_penalty=0.0,
    mirostat=0,
    mirostat_tau=5.0,
    mirostat_eta=0.1,
    max_tokens=None,
    stop=(),
    logit_bias="",
)
"""llama.cpp's own defaults; `seed` stays unset (drawn anew), `max_tokens` unset is the rest of the window."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One sampler setting as a person sees it."""

    name: str
    """The field of `Sampling`, and the key in models.toml and after `-o`."""
    kind: Literal["float", "int", "texts", "biases"]
    """What its value is; `texts` is one string or a list of strings, `biases` a string in their notation."""
    low: float = -math.inf
    """Smallest value that means something."""
    high: float = math.inf
    """Largest value that means something."""
    help: str = ""
    """One line for the reader, a key of the catalogue of words."""


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("temperature", "float", 0.0, 10.0, "0 always takes the likeliest token; higher is more varied"),
    Setting("dynatemp_range", "float", 0.0, 10.0, "temperature moves by this much with the entropy of the step"),
    Setting("dynatemp_exponent", "float", 0.01, 10.0, "how entropy maps to the moving temperature"),
    Setting("top_k", "int", 0, 1_000_000, "keep the k likeliest tokens; 0 keeps all"),
    Setting("top_p", "float", 0.0, 1.0, "keep the likeliest tokens that together hold this share; 1 keeps all"),
    Setting("min_p", "float", 0.0, 1.0, "drop tokens below this share of the likeliest; 0 drops none"),
    Setting("typical_p", "float", 0.0, 1.0, "keep tokens of typical surprise up to this share; 1 keeps all"),
    Setting("top_n_sigma", "float", -1.0, 100.0, "keep logits within n standard deviations of the best; -1 is off"),
    Setting("xtc_probability", "float", 0.0, 1.0, "chance of dropping all but the least likely of the top choices"),
    Setting("xtc_threshold", "float", 0.0, 1.0, "what counts as a top choice for XTC"),
    Setting("dry_multiplier", "float", 0.0, 100.0, "strength of the penalty on repeated sequences; 0 is off"),
    Setting("dry_base", "float", 1.0, 10.0, "growth of that penalty with the length of the repetition"),
    Setting("dry_allowed_length", "int", 0, 10_000, "repetitions up to this length are free"),
    Setting("dry_penalty_last_n", "int", -1, 1_000_000, "how far back DRY looks; -1 is the whole window"),
    Setting("repeat_penalty", "float", 0.01, 10.0, "above 1, tokens already said become less likely"),
    Setting("repeat_last_n", "int", -1, 1_000_000, "how far back the penalties look; -1 is the whole window"),
    Setting("frequency_penalty", "float", -10.0, 10.0, "penalty for each time a token was said"),
    Setting("presence_penalty", "float", -10.0, 10.0, "penalty for a token that was said at all"),
    Setting("mirostat", "int", 0, 2, "0 is off; 1 or 2 keeps the surprise near mirostat_tau"),
    Setting("mirostat_tau", "float", 0.0, 100.0, "the surprise that mirostat aims at, in bits"),
    Setting("mirostat_eta", "float", 0.0, 1.0, "how fast mirostat corrects itself"),
    Setting("seed", "int", 0, 4_294_967_294, "same seed, same recipe, same build: same answer"),
    Setting("max_tokens", "int", 1, 10_000_000, "longest answer in tokens; unset is the rest of the window"),
    Setting("stop", "texts", help="the answer ends before any of these texts"),
    Setting(
        "logit_bias", "biases", -MOST, MOST, 'makes tokens likelier or less likely, by text or id: " yes"=-5, 123=2.5'
    ),
)
"""Every setting, in the order in which they are shown."""


SettingValue = float | int | str | tuple[str, ...]
"""What a setting is set to."""


def parse_setting(name: str, text: str) -> SettingValue:
    """The value of setting `name` that a person typed.

    Raises:
        KeyError: no setting has this name.
        ValueError: the text is not a value of this setting; the message says what is.
    """
    setting = next((item for item in SETTINGS if item.name == name), None)
    if setting is None:
        raise KeyError(name)
    if setting.kind == "texts":
        return (text,)
    if setting.kind == "biases":
        try:
            return written_biases(parse_biases(text))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    try:
        value = int(text) if setting.kind == "int" else float(text)
    except ValueError:
        whole = setting.kind == "int"
        what = say("{name} takes a whole number", name=name) if whole else say("{name} takes a number", name=name)
        raise ValueError(what) from None
    return check_number(setting, value)


def with_setting(sampling: Sampling, name: str, value: SettingValue | None) -> Sampling:
    """`sampling` with one setting changed; `None` leaves it open again.

    Raises:
        TypeError: no setting has this name.
    """
    return replace(sampling, **{name: value})  # type: ignore[arg-type]  # parse_setting gives each name its kind


def check_number(setting: Setting, value: float) -> float:
    """`value` when it lies within the bounds of `setting`.

    Raises:
        ValueError: it does not; the message names the bounds.
    """
    if math.isnan(value) or not setting.low <= value <= setting.high:
        raise ValueError(
            say("{name} lies between {low:g} and {high:g}", name=setting.name, low=setting.low, high=setting.high)
        )
    return value


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of sampler settings."""

    name: str
    help: str
    sampling: Sampling


PRESETS: Final[tuple[Preset, ...]] = (
    Preset("model", "what the model's maker and llama.cpp recommend", Sampling()),
    Preset(
        "precise",
        "always the likeliest token: facts, extraction, code; the same every time",
        Sampling(temperature=0.0),
    ),
    Preset(
        "balanced",
        "varied but safe: unlikely tokens are dropped by min-p alone",
        Sampling(temperature=0.7, top_k=0, top_p=1.0, min_p=0.05),
    ),
    Preset(
        "creative",
        "free writing: hotter, with DRY against repeated phrases",
        Sampling(temperature=1.1, top_k=0, top_p=1.0, min_p=0.03, dry_multiplier=0.8),
    ),
)
"""In the order in which they are shown; `help` is a key of the catalogue of words."""


def with_preset(sampling: Sampling, preset: Preset) -> Sampling:
    """The settings of `preset`; seed, length, stop texts and biases stay as they are in `sampling`."""
    kept = Sampling(
        seed=sampling.seed, max_tokens=sampling.max_tokens, stop=sampling.stop, logit_bias=sampling.logit_bias
    )
    return kept.over(preset.sampling)
