"""Formulas of Word documents, in one line: what stands around the parts that are set above and below each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_AROUND: Final = {"num": ("(", ")"), "den": ("/(", ")"), "sup": ("^(", ")"), "sub": ("_(", ")")}
_SETTINGS: Final = frozenset({"begChr", "endChr", "sepChr", "chr", "degHide", "subHide", "supHide"})
_CELL: Final = ", "
_ROW: Final = "; "


@dataclass(slots=True)
class _Element:
    """An element of a formula that is open."""

    name: str
    said: dict[str, str] = field(default_factory=dict)
    """What its properties say of it."""
    parts: int = 0
    """Parts of it that began."""


class Formula:
    """Goes through the elements of formulas and tells what is to be written for each."""

    def __init__(self) -> None:
        self._open: list[_Element] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> str:
        """An element begins: what stands before what it holds."""
        around = self._open[-1] if self._open else _Element("")
        if name in _SETTINGS and len(self._open) > 1:
            # Of what the element of properties belongs to.
            self._open[-2].said[name] = next((value for key, value in attributes.items() if key.endswith("val")), "")
        self._open.append(_Element(name))
        before = _before(around, name)
        if not name.endswith("Pr"):
            around.parts += 1
        return before + _around(around, name)[0]

    def end(self, name: str) -> str:
        """An element ends: what stands behind what it holds."""
        element = self._open.pop() if self._open else _Element(name)
        around = self._open[-1] if self._open else _Element("")
        match name, around.name:
            case "d", _:
                return element.said.get("endChr", ")") if element.parts else ""
            case "e", "rad":
                return ")"
            case "deg", "rad":
                return "" if _hides(around, "deg") else "]"
            case _:
                return _around(around, name)[1]


def _around(around: _Element, name: str) -> tuple[str, str]:
    return ("", "") if _hides(around, name) else _AROUND.get(name, ("", ""))


def _before(around: _Element, name: str) -> str:
    """What the element around a part puts before it: a bracket, a separator, a sign."""
    match around.name, name:
        case "d", "e":
            return around.said.get("sepChr", "|") if around.parts else around.said.get("begChr", "(")
        case "nary", "sub" | "sup" | "e" if not around.parts:
            return around.said.get("chr", "∫")
        case "rad", "deg":
            return "" if _hides(around, "deg") else "√["
        case "rad", "e":
            return "(" if around.parts and not _hides(around, "deg") else "√("
        case ("m", "mr") | ("eqArr", "e") if around.parts:
            return _ROW
        case "mr", "e" if around.parts:
            return _CELL
        case _:
            return ""


def _hides(element: _Element, part: str) -> bool:
    """A part of a root or of a sum is there and not shown."""
    return element.said.get(f"{part}Hide", "0").lower() not in ("0", "off", "false")
