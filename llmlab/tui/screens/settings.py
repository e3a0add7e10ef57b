"""The settings: each holds as soon as it is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Select

from llmlab.domain.sampling import DEFAULTS, SETTINGS, parse_setting, with_setting
from llmlab.tui.start import SettingsFile
from llmlab.words import current_language, say

SAMPLING_FIELDS: Final = ("temperature", "top_k", "top_p", "min_p", "repeat_penalty", "max_tokens", "seed")
"""The settings most people want; /set reaches the others."""
THINKING_CHOICES: Final = {"auto": None, "on": True, "off": False}

Change = Callable[..., None]
"""Sets, keeps and applies the named settings."""


class SettingsScreen(ModalScreen[None]):
    """A form without a save button."""

    AUTO_FOCUS = "Select"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f2", "leave", show=False, priority=True)]

    def __init__(self, settings: SettingsFile, change: Change) -> None:
        super().__init__()
        self._settings = settings
        self._change = change
        self._wrong = ""
        """The field that holds something that cannot be."""

    def compose(self) -> ComposeResult:
        """One row a setting."""
        now = self._settings.current
        thinking = next(word for word, value in THINKING_CHOICES.items() if value is now.thinking)
        with Vertical(classes="dialog --wide --tall"):
            yield Label(say("Settings"), classes="dialog-title", markup=False)
            with VerticalScroll(can_focus=False):
                yield from self._choice("language", say("Language"), _languages(), now.language or current_language())
                yield from self._choice("theme", say("Theme"), _themes(), now.theme)
                yield from self._choice("show_thinking", say("Show thinking"), _yes_no(), now.show_thinking)
                yield from self._choice("thinking", say("Think"), _thinking(), thinking)
                yield Label(say("Sampling (empty: the model's own)"), classes="section", markup=False)
                for name in SAMPLING_FIELDS:
                    yield from self._number(name)
            yield Label("", id="problem", markup=False)
            yield Label(say("changes hold at once; esc closes"), classes="dialog-keys", markup=False)

    def _choice(self, name: str, title: str, choices: list[tuple[str, object]], value: object) -> ComposeResult:
        with Horizontal(classes="row"):
            yield Label(title, markup=False)
            yield Select(choices, value=value, allow_blank=False, id=name, compact=True)

    def _number(self, name: str) -> ComposeResult:
        value = getattr(self._settings.current.sampling, name)
        default = getattr(DEFAULTS, name)
        setting = next(setting for setting in SETTINGS if setting.name == name)
        with Horizontal(classes="row"):
            yield Label(name, markup=False)
            yield Input(
                "" if value is None else f"{value:g}" if isinstance(value, float) else str(value),
                placeholder=say("unset") if default is None else f"{default:g}",
                id=name,
                compact=True,
            )
            yield Label(say(setting.help), classes="remark", markup=False)

    @on(Select.Changed)
    async def _chosen(self, event: Select.Changed) -> None:
        name, now = event.select.id or "", self._settings.current
        value = THINKING_CHOICES[str(event.value)] if name == "thinking" else event.value
        # Select.Changed also comes when the form is mounted.
        if value == (getattr(now, name) or (current_language() if name == "language" else getattr(now, name))):
            return
        self._change(**{name: value})
        if name == "language":
            await self.recompose()
            self.query_one("#language").focus()

    @on(Input.Blurred)
    @on(Input.Submitted)
    def _typed(self, event: Input.Blurred | Input.Submitted) -> None:
        self._take(event.input)

    def _take(self, field: Input) -> bool:
        """Set what a field says; False when it cannot be."""
        name, text = field.id or "", field.value.strip()
        if name not in SAMPLING_FIELDS:
            return True
        problem = self.query_one("#problem", Label)
        try:
            value = parse_setting(name, text) if text else None
        except ValueError as error:
            self._wrong = name
            problem.update(str(error))
            field.focus()
            return False
        if self._wrong == name:
            self._wrong = ""
            problem.update("")
        if value != getattr(self._settings.current.sampling, name):
            self._change(sampling=with_setting(self._settings.current.sampling, name, value))
        return True

    def action_leave(self) -> None:
        """Close, unless the field being typed in holds something that cannot be."""
        if not isinstance(self.focused, Input) or self._take(self.focused):
            self.dismiss(None)


def _languages() -> list[tuple[str, object]]:
    return [("English", "en"), ("中文", "zh")]


def _themes() -> list[tuple[str, object]]:
    return [(say("dark"), "dark"), (say("light"), "light")]


def _yes_no() -> list[tuple[str, object]]:
    return [(say("yes"), True), (say("no"), False)]


def _thinking() -> list[tuple[str, object]]:
    return [(say("as the model does"), "auto"), (say("on"), "on"), (say("off"), "off")]
