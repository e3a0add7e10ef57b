"""A form made from a template's variables, with what is missing marked."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label, Select, TextArea

from llmlab.domain.template import TemplateUse, Variable
from llmlab.domain.terminal import visible, visible_line
from llmlab.library.checks import Unfit
from llmlab.library.prompts import file_text, fitting
from llmlab.tui.panes.template_field import TextField
from llmlab.words import say

NONE = ""
"""The choice that leaves a variable open."""


class TemplateForm(Vertical):
    """One row a variable; posts `Changed` with the use as it is filled so far."""

    DEFAULT_CSS = """
    TemplateForm {
        height: auto;
        & .field, & .entry { height: auto; }
        & .entry > Label { width: 18; padding: 0 1 0 0; }
        & .entry > Input, & .entry > Select { width: 1fr; }
        & .remark { height: auto; color: $text-muted; padding: 0 0 0 2; width: 1fr; }
        & .missing { color: $text-error; text-style: bold; }
    }
    """

    class Changed(Message):
        """A value was filled in."""

        def __init__(self, use: TemplateUse) -> None:
            super().__init__()
            self.use = use

    def __init__(self, use: TemplateUse, question: str) -> None:
        super().__init__()
        self.use = use
        self._question = question
        self._wrong: dict[str, str] = {}

    @property
    def wrong(self) -> str:
        """The first value that cannot be, in a line; empty when all can."""
        return next(iter(self._wrong.values()), "")

    def compose(self) -> ComposeResult:
        """The rows."""
        for variable in self.use.template.variables:
            with Vertical(classes="field", name=variable.name):
                with Horizontal(classes="entry"):
                    yield Label("", name=variable.name, classes="title", markup=False)
                    yield self._field(variable)
                yield Label(self._remark(variable), classes="remark", markup=False, name=variable.name)

    def on_mount(self) -> None:
        """Mark what is missing."""
        self._mark()

    def _field(self, variable: Variable) -> Input | Select[str] | TextField:
        value = self.use.values.get(variable.name, "")
        if variable.kind == "choice":
            fallback = variable.default or say("none")
            choices = [(f"({visible_line(fallback)})", NONE), *((visible_line(one), one) for one in variable.choices)]
            shown = value if value in variable.choices else NONE
            return Select(choices, value=shown, allow_blank=False, name=variable.name, compact=True)
        if variable.kind == "text":
            return TextField(value, placeholder=variable.default, name=variable.name)
        shown = "" if variable.kind == "file" else visible_line(value)
        return Input(shown, placeholder=visible_line(variable.default), name=variable.name, compact=True)

    def _remark(self, variable: Variable) -> str:
        if variable.name in self._wrong:
            return self._wrong[variable.name]
        parts = [visible_line(variable.help)] if variable.help else []
        if variable.name == self.use.template.main:
            parts.append(say("what you type in the composer"))
        if variable.kind == "file":
            size = len(self.use.values.get(variable.name, ""))
            parts.append(say("{size:,} characters", size=size) if size else say("path of a file; enter reads it"))
        elif variable.optional:
            parts.append(say("may stay empty"))
        return ", ".join(parts)

    def _mark(self) -> None:
        missing = {one.name for one in self.use.missing(self._question)} - {self.use.template.main}
        for label in self.query("Label.title").results(Label):
            variable = self.use.template.variable(label.name or "")
            if variable is not None:
                needed = variable.name in missing or variable.name in self._wrong
                label.set_class(needed, "missing")
                label.update(Content(("! " if needed else "  ") + visible_line(variable.title or variable.name)))
        for label in self.query("Label.remark").results(Label):
            variable = self.use.template.variable(label.name or "")
            if variable is not None:
                text = self._remark(variable)
                label.update(text)
                label.display = bool(text)
                label.set_class(variable.name in self._wrong, "missing")

    @on(Select.Changed)
    def _chosen(self, event: Select.Changed) -> None:
        event.stop()
        self._take(event.select.name or "", str(event.value))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        variable = self.use.template.variable(event.input.name or "")
        if variable is not None and variable.kind != "file":
            self._take(variable.name, event.value)

    @on(TextArea.Changed)
    def _written(self, event: TextArea.Changed) -> None:
        event.stop()
        field = event.text_area
        if isinstance(field, TextField):
            self._take(field.name or "", field.value)
            # A field that grows must not grow out of sight.
            self.call_after_refresh(field.scroll_visible, animate=False)

    @on(Input.Submitted)
    @on(Input.Blurred)
    def _read(self, event: Input.Submitted | Input.Blurred) -> None:
        variable = self.use.template.variable(event.input.name or "")
        path = event.input.value.strip()
        if variable is not None and variable.kind == "file" and path:
            self._take(variable.name, path)

    def _take(self, name: str, text: str) -> None:
        variable = self.use.template.variable(name)
        if variable is None:
            return
        try:
            value = file_text(text) if variable.kind == "file" and text else fitting(variable, text)
        except Unfit as unfit:
            self._wrong[name] = visible_line(str(unfit))
        else:
            self._wrong.pop(name, None)
            # What is shown in place of control characters must not take their place in the value.
            if text != visible(self.use.values.get(name, "")) or variable.kind == "file":
                self.use = self.use.with_value(name, value)
        self._mark()
        self.post_message(self.Changed(self.use))
