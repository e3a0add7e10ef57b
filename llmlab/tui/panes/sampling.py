"""The sampling pane: every sampler with its help, presets, biases, and the shape that answers must have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Select, TextArea

from llmlab.domain.biases import names_ids, parse_biases
from llmlab.domain.sampling import DEFAULTS, PRESETS, SETTINGS, Sampling, parse_setting, with_preset, with_setting
from llmlab.errors import LlmlabError
from llmlab.tui.jobs import Watched, run_beside
from llmlab.tui.notices import describe
from llmlab.words import say

ShapeKind = Literal["free", "schema", "grammar"]
Check = Callable[[str | None, str | None, str], Awaitable[None]]
"""Raises `LlmlabError` when a grammar or schema cannot be followed, or biases name a token that there is none of."""
NUMBERS: Final = tuple(setting for setting in SETTINGS if setting.kind in ("int", "float"))
BIASES: Final = next(setting for setting in SETTINGS if setting.kind == "biases")


@dataclass(frozen=True, slots=True)
class Shaped:
    """What the pane gives."""

    sampling: Sampling
    grammar: str | None
    schema: str | None


class SamplingPane(ModalScreen[Shaped | None], Watched):
    """Gives the settings and the shape; `None` leaves both as they were."""

    AUTO_FOCUS = "#preset"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f10", "leave", show=False, priority=True),
        Binding("ctrl+s", "keep", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    SamplingPane {
        & #settings { height: 1fr; }
        & #shape-text { height: 8; }
        & #shape-text.-free { display: none; }
        & .row > .wide { width: 22; }
        & .row > #logit_bias { width: 1fr; }
        & .note { width: 1fr; height: auto; padding: 0 1 0 20; color: $text-muted; }
        & .row > #preset { width: 1fr; }
    }
    """

    def __init__(self, sampling: Sampling, grammar: str | None, schema: str | None, check: Check) -> None:
        super().__init__()
        self._sampling = sampling
        self._text = schema or grammar or ""
        self._kind: ShapeKind = "schema" if schema else "grammar" if grammar else "free"
        self._check = check
        self._checking = False

    def compose(self) -> ComposeResult:
        """Preset, every setting, stop texts, biases, shape."""
        presets = [(f"{say(preset.name)} - {say(preset.help)}", preset.name) for preset in PRESETS]
        with Vertical(classes="dialog --wide --tall"):
            yield Label(say("Sampling"), classes="dialog-title", markup=False)
            with Horizontal(classes="row"):
                yield Label(say("Preset"), markup=False)
                yield Select(presets, prompt=say("your own"), value=self._preset(), id="preset", compact=True)
            with VerticalScroll(id="settings", can_focus=False):
                for setting in NUMBERS:
                    yield from self._number(setting.name, setting.help)
                with Horizontal(classes="row"):
                    yield Label("stop", markup=False)
                    yield Input(self._stops(), id="stop", compact=True, classes="wide")
                    yield Label(
                        say("the answer ends before it; several are parted by |"), classes="remark", markup=False
                    )
                with Horizontal(classes="row"):
                    yield Label(BIASES.name, markup=False)
                    yield Input(self._written(BIASES.name), placeholder=say("unset"), id=BIASES.name, compact=True)
                yield Label(say(BIASES.help), classes="note", markup=False)
                yield Label(_about_biases(), classes="note", markup=False)
                yield Label(say("Shape of answers"), classes="section", markup=False)
                yield Select(self._kinds(), value=self._kind, allow_blank=False, id="shape", compact=True)
                yield TextArea(
                    self._text, id="shape-text", tab_behavior="focus", compact=True, classes=f"-{self._kind}"
                )
            yield Label("", id="problem", markup=False)
            yield Label(say("ctrl+s keeps it, esc leaves it as it was"), classes="dialog-keys", markup=False)

    def _stops(self) -> str:
        return "|".join(part.replace("\n", "\\n") for part in self._sampling.stop or ())

    def _kinds(self) -> list[tuple[str, ShapeKind]]:
        return [(say("free text"), "free"), (say("JSON schema"), "schema"), (say("grammar (GBNF)"), "grammar")]

    def _preset(self) -> object:
        return next(
            (preset.name for preset in PRESETS if with_preset(self._sampling, preset) == self._sampling), Select.BLANK
        )

    def _number(self, name: str, remark: str) -> ComposeResult:
        default = getattr(DEFAULTS, name)
        with Horizontal(classes="row"):
            yield Label(name, markup=False)
            yield Input(
                self._written(name),
                placeholder=say("unset") if default is None else f"{default:g}",
                id=name,
                compact=True,
            )
            yield Label(say(remark), classes="remark", markup=False)

    def _written(self, name: str) -> str:
        value = getattr(self._sampling, name)
        return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)

    @on(Select.Changed, "#preset")
    def _chosen(self, event: Select.Changed) -> None:
        preset = next((preset for preset in PRESETS if preset.name == event.value), None)
        if preset is None or with_preset(self._sampling, preset) == self._sampling:
            return
        self._sampling = with_preset(self._sampling, preset)
        for setting in NUMBERS:
            self.query_one(f"#{setting.name}", Input).value = self._written(setting.name)

    @on(Select.Changed, "#shape")
    def _shaped(self, event: Select.Changed) -> None:
        self._kind = next(kind for _, kind in self._kinds() if kind == event.value)
        area = self.query_one("#shape-text", TextArea)
        for _, kind in self._kinds():
            area.set_class(kind == self._kind, f"-{kind}")

    def _read(self) -> Sampling | None:
        """The settings as they stand in the fields; `None` when one cannot be, which is told."""
        sampling = self._sampling
        for setting in (*NUMBERS, BIASES):
            field = self.query_one(f"#{setting.name}", Input)
            text = field.value.strip()
            try:
                sampling = with_setting(sampling, setting.name, parse_setting(setting.name, text) if text else None)
            except ValueError as error:
                self._tell(str(error))
                field.focus()
                return None
        stops = tuple(part for part in self.query_one("#stop", Input).value.split("|") if part)
        return with_setting(sampling, "stop", tuple(part.replace("\\n", "\n") for part in stops) or None)

    def action_keep(self) -> None:
        """Give what was set, once the shape and the tokens that are biased are known to work."""
        sampling = self._read()
        if sampling is None or self._checking:
            return
        text = self.query_one("#shape-text", TextArea).text
        grammar = text if self._kind == "grammar" and text.strip() else None
        schema = text if self._kind == "schema" and text.strip() else None
        shaped = Shaped(sampling, grammar, schema)
        if grammar is None and schema is None and not names_ids(parse_biases(sampling.logit_bias or "")):
            self.dismiss(shaped)
            return
        self._checking = True
        self._tell(say("Checking…"))
        run_beside(self, partial(self._checked, shaped), "check")

    async def _checked(self, shaped: Shaped) -> None:
        try:
            await self._check(shaped.grammar, shaped.schema, shaped.sampling.logit_bias or "")
        except LlmlabError as error:
            notice = describe(error)
            self._tell(f"{notice.title} {notice.text}")
            return
        finally:
            self._checking = False
        self.dismiss(shaped)

    def action_leave(self) -> None:
        """Leave all as it was."""
        self.dismiss(None)

    def _tell(self, text: str) -> None:
        self.query_one("#problem", Label).update(text)


def _about_biases() -> str:
    """How biases are written, and what becomes of a text."""
    return "\n".join((
        say('Commas part them; a text stands in double quotes, \\" and \\n as in JSON; each of its tokens is meant.'),
        say("For most models a word inside a sentence begins with its blank; another letter case is another token."),
        say("-100 all but rules a token out, 100 all but forces it; ids are the model's own."),
    ))  # fmt: skip
