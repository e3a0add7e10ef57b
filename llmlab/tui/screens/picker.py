"""Choosing the model that runs: the tables of models.toml, good and bad, or a file by its path."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from llmlab.domain.model import BadModel, ModelSpec
from llmlab.domain.terminal import visible, visible_line
from llmlab.tui.jobs import run_beside
from llmlab.words import say


def model_line(model: ModelSpec | BadModel, *, current: bool, fit: str = "") -> Content:
    """A model as the list shows it, with how it fits into memory once that is known; a bad one with its reason."""
    mark = Content.styled("● ", "$text-success") if current else Content("  ")
    name = visible_line(model.name)
    if isinstance(model, BadModel):
        return Content.assemble(mark, (name, "$text-muted"), "\n    ", (visible(model.problem), "$text-error"))
    unset = say("window as trained") if model.remote is None else say("window as its server has it")
    window = say("window {tokens:,}", tokens=model.n_ctx) if model.n_ctx else unset
    return Content.assemble(
        mark,
        (name, "bold"),
        ("  " + window, "$text-muted"),
        "\n    ",
        (_place(model), "$text-muted"),
        *(("\n    ", (visible(fit), "$text-muted")) if fit else ()),
    )


def _place(model: ModelSpec) -> str:
    """The file, its home folder written short."""
    try:
        return "~/" + visible_line(Path(model.path).relative_to(Path.home()).as_posix())
    except (ValueError, RuntimeError):
        return visible_line(model.path)


class ModelPicker(ModalScreen[ModelSpec | BadModel | str | None]):
    """Gives a model, the path of a file that was typed, or `None`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f5", "dismiss(None)", show=False),
        Binding("down", "to_list", show=False),
    ]

    def __init__(self, models: Sequence[ModelSpec | BadModel], current: str, fit: Callable[[ModelSpec], str]) -> None:
        """List `models`; `fit` reads a file and tells in a line whether it fits, called in a thread."""
        super().__init__()
        self._fit = fit
        self._fits: dict[str, str] = {}
        self._models = tuple(models)
        self._fitting = self._models
        self._current = current

    def compose(self) -> ComposeResult:
        """The models, then a place for a path."""
        with Vertical(classes="dialog --wide"):
            yield Label(say("Choose the model"), classes="dialog-title", markup=False)
            yield Input(placeholder=say("type to filter, or the path of a GGUF file"), compact=True)
            yield OptionList(markup=False)
            yield Label(say("enter loads it, esc leaves it as it is"), classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        """Show all."""
        self._fill()
        options = self.query_one(OptionList)
        names = [model.name for model in self._models]
        options.highlighted = names.index(self._current) if self._current in names else 0 if names else None
        options.focus()
        run_beside(self, self._look_at_files, "fit")

    async def _look_at_files(self) -> None:
        """Tell of one model after the other how it fits; files may be large, and disks slow."""
        for model in self._models:
            if not isinstance(model, ModelSpec):
                continue
            self._fits[model.name] = await asyncio.to_thread(self._fit, model)
            if model in self._fitting:
                self.query_one(OptionList).replace_option_prompt_at_index(self._fitting.index(model), self._line(model))

    def _line(self, model: ModelSpec | BadModel) -> Content:
        return model_line(model, current=model.name == self._current, fit=self._fits.get(model.name, ""))

    def _fill(self) -> None:
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(self._line(model)) for model in self._fitting])

    def action_to_list(self) -> None:
        """Go from the filter to the list."""
        options = self.query_one(OptionList)
        if self._fitting:
            options.focus()
            options.highlighted = options.highlighted or 0

    def on_key(self, event: events.Key) -> None:
        """Letters typed while the list has the keys go where they filter it."""
        if event.is_printable and event.character is not None and isinstance(self.focused, OptionList):
            event.stop()
            typed = self.query_one(Input)
            typed.focus()
            typed.insert_text_at_cursor(event.character)

    @on(Input.Changed)
    def _filter(self, event: Input.Changed) -> None:
        wished = event.value.strip().lower()
        self._fitting = tuple(model for model in self._models if wished in model.name.lower())
        self._fill()
        if self._fitting:
            self.query_one(OptionList).highlighted = 0

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        wished = event.value.strip()
        if self._fitting and wished:
            self.dismiss(self._fitting[0])
        elif wished:
            self.dismiss(wished)
        else:
            self.action_to_list()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._fitting[event.option_index])
