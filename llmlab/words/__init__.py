"""Every word the interface says, in the reader's language.

English sentences stand in the code and are their own keys; `words/zh/*.toml` holds their Chinese. Placeholders are
`str.format` fields, so that a translation may reorder them.
"""

from __future__ import annotations

import os
import sys
from typing import Final

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LANGUAGES: Final = ("en", "zh")
"""The languages the interface speaks."""

_catalogue: dict[str, str] = {}
_language = "en"


def language_of_environment() -> str:
    """`LLMLAB_LANG`, else the locale's language when the interface speaks it, else English."""
    for variable in ("LLMLAB_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "")
        if value:
            code = value.replace("-", "_").split("_")[0].split(".")[0].lower()
            return code if code in LANGUAGES else "en"
    return "en"


def use_language(language: str) -> None:
    """Speak `language` from now on; an unknown one is English."""
    global _catalogue, _language
    _language = language if language in LANGUAGES else "en"
    _catalogue = {} if _language == "en" else read_catalogue(_language)


def current_language() -> str:
    """The code of the language in use."""
    return _language


def read_catalogue(language: str) -> dict[str, str]:
    """All sentences of one language: English sentence to its translation."""
    # The import costs more than the rest of `llmlab --version` together, and English needs no file.
    from importlib import resources

    catalogue: dict[str, str] = {}
    folder = resources.files(__package__) / language
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".toml"):
            catalogue.update(tomllib.loads(entry.read_text(encoding="utf-8")))
    return catalogue


def say(text: str, /, **values: object) -> str:
    """`text` in the language in use, its `{placeholders}` filled with `values`."""
    sentence = _catalogue.get(text, text)
    return sentence.format(**values) if values else sentence
