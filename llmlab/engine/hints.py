"""How a model file suggests to sample."""

from __future__ import annotations

from typing import Final

from llmlab.domain.sampling import SETTINGS, Sampling, check_number
from llmlab.engine.gguf import GgufFile

_HINTS: Final = {
    "temp": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
    "xtc_probability": "xtc_probability",
    "xtc_threshold": "xtc_threshold",
    "penalty_last_n": "repeat_last_n",
    "penalty_repeat": "repeat_penalty",
    "mirostat": "mirostat",
    "mirostat_tau": "mirostat_tau",
    "mirostat_eta": "mirostat_eta",
}
"""Keys below `general.sampling.` and the settings that they suggest."""


def sampling_hints(gguf: GgufFile) -> Sampling:
    """The sampler settings that a model file suggests; those that mean nothing are left out."""
    kinds = {setting.name: setting for setting in SETTINGS}
    hints: dict[str, float | int] = {}
    for key, name in _HINTS.items():
        value = gguf.number(f"general.sampling.{key}")
        if value is None:
            continue
        try:
            number = check_number(kinds[name], value)
        except ValueError:
            continue
        hints[name] = int(number) if kinds[name].kind == "int" else float(number)
    return Sampling(**hints)  # type: ignore[arg-type]  # the names and kinds are those of SETTINGS
