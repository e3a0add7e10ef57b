"""The templates pane: find one, fill in its variables, use it; change, copy, rename and delete one's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from llmlab.domain.template import PromptTemplate, TemplateUse
from llmlab.domain.terminal import visible, visible_line
from llmlab.errors import LlmlabError
from llmlab.tui.jobs import Watched, run_beside
from llmlab.tui.panes.own_files import Changed
from llmlab.tui.panes.template_field import TextField
from llmlab.tui.panes.template_files import TemplateFiles, Verb
from llmlab.tui.panes.template_form import TemplateForm
from llmlab.tui.suggestions import Suggestions, fitting_in_words
from llmlab.tui.templates import Templates
from llmlab.words import current_language, say


class TemplatesPane(ModalScreen[None], Watched):
    """What is chosen here is used at once; esc leaves the lab as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f6", "dismiss(None)", show=False, priority=True),
        Binding("slash", "find", show=False),
        Binding("e", "change('edit')", show=False),
        Binding("d", "change('copy')", show=False),
        Binding("r", "change('rename')", show=False),
        Binding("delete", "change('remove')", show=False),
        Binding("u", "undo", show=False),
        Binding("o", "change('edit_outside')", show=False),
        Binding("x", "take_off", show=False),
        Binding("s", "suggested", show=False),
    ]
    DEFAULT_CSS = """
    TemplatesPane {
        & #finding { margin: 0; }
        & #both { height: 1fr; }
        & #both OptionList { width: 28; height: 1fr; max-height: 100%; margin: 0; padding: 0 1 0 0; }
        & #what { width: 1fr; height: 1fr; padding: 0 1 0 1; border-left: solid $foreground 20%; }
        & #what > Static { width: 1fr; height: auto; }
        & .dialog-title { margin: 0; }
        & .dialog-keys { margin: 0; }
    }
    """

    def __init__(
        self, templates: Templates, suggestions: Suggestions, found: Sequence[PromptTemplate], question: str
    ) -> None:
        """Offer `found`.

        Args:
            templates: keeps what is chosen here.
            suggestions: puts on what goes well with a template.
            found: every template, in order.
            question: what stands in the composer.
        """
        super().__init__()
        self._templates = templates
        self._suggestions = suggestions
        self._all = list(found)
        self._shown: list[PromptTemplate] = []
        self._question = question
        self._uses: dict[str, TemplateUse] = {}
        """By key: what was filled in here."""
        used = templates.in_use
        self._now = used.template.key if used else ""
        if used is not None:
            self._uses[used.template.key] = used

    def compose(self) -> ComposeResult:
        """Search and list at the left; what one is, its form and its texts at the right."""
        with Vertical(classes="dialog --wide --tall"):
            yield Label(say("Templates"), classes="dialog-title", markup=False)
            yield Input(placeholder=say("find by name, title, tag, en or zh"), id="finding", compact=True)
            with Horizontal(id="both"):
                yield OptionList(markup=False)
                with VerticalScroll(id="what", can_focus=False):
                    yield Static(id="does", markup=False)
                    yield Vertical(id="form")
                    yield Static(id="texts", markup=False)
            yield Label("", id="problem", markup=False)
            yield Label("", id="keys", classes="dialog-keys", markup=False)

    async def on_mount(self) -> None:
        """Begin at what is on."""
        self.query_one("#form").styles.height = "auto"
        self._fill(self._now)
        self.query_one(OptionList).focus()
        self._tell("\n".join(self._templates.problems()))

    # The list

    def _fill(self, key: str = "") -> None:
        """List what the search leaves, the template `key` under the cursor."""
        words = self.query_one("#finding", Input).value.lower().split()
        self._shown = [one for one in self._all if all(word in _searched(one) for word in words)]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(_line(one, self._templates.in_use)) for one in self._shown])
        keys = [one.key for one in self._shown]
        options.highlighted = keys.index(key) if key in keys else 0 if keys else None
        if not keys:
            run_beside(self, self._show, "show", exclusive=True)

    @property
    def _at(self) -> PromptTemplate | None:
        """The template under the cursor."""
        index = self.query_one(OptionList).highlighted
        return self._shown[index] if index is not None and index < len(self._shown) else None

    @on(Input.Changed, "#finding")
    def _find(self) -> None:
        self._fill()

    @on(Input.Submitted, "#finding")
    def _found(self) -> None:
        self.query_one(OptionList).focus()

    @on(OptionList.OptionHighlighted)
    def _highlighted(self) -> None:
        run_beside(self, self._show, "show", exclusive=True)

    async def _show(self) -> None:
        """Tell what the highlighted template is, with its form."""
        one = self._at
        form = self.query_one("#form")
        await form.remove_children()
        self._describe(one)
        self.query_one("#texts", Static).update(_texts(one) if one else "")
        if one is not None:
            await form.mount(TemplateForm(self._use(one), self._question))

    def _describe(self, one: PromptTemplate | None) -> None:
        """Tell what a template is for, whether what goes well with it is on, and the keys."""
        on_now = one is not None and self._suggestions.is_on(one)
        told = _described(one, on_now=on_now) if one else Content(say("Nothing is found."))
        self.query_one("#does", Static).update(told)
        self._tell_keys()

    @on(events.DescendantFocus)
    def _tell_keys(self) -> None:
        """The keys that hold where the focus is."""
        one = self._at
        keys = say("enter uses it  tab form  x off  e edit  d copy  r rename  del  u undo  o $EDITOR  / find")
        if one is not None and (one.shots or one.reasoning):
            on_now = self._suggestions.is_on(one)
            keys = (say("s as before") if on_now else say("s what goes well with it")) + "  " + keys
        if isinstance(self.focused, TextField):
            keys = say("enter uses it  ctrl+j new line  tab next field  shift+tab back  esc closes")
        self.query_one("#keys", Label).update(keys)

    def _use(self, one: PromptTemplate) -> TemplateUse:
        filled = self._uses.get(one.key)
        return TemplateUse(one, filled.values) if filled else TemplateUse(one)

    @on(TemplateForm.Changed)
    def _filled(self, event: TemplateForm.Changed) -> None:
        self._uses[event.use.template.key] = event.use
        used = self._templates.in_use
        if used is not None and used.template.key == event.use.template.key:
            self._templates.use(event.use)

    # What is done with one

    @on(OptionList.OptionSelected)
    @on(Input.Submitted)
    @on(TextField.Submitted)
    def _taken(self, event: OptionList.OptionSelected | Input.Submitted | TextField.Submitted) -> None:
        if isinstance(event, Input.Submitted) and event.input.id == "finding":
            return
        one, form = self._at, next(iter(self.query(TemplateForm)), None)
        if one is None or form is None or form.use.template != one:
            return
        if form.wrong:
            self._tell(form.wrong)
            return
        self._templates.use(form.use)
        missing = [variable for variable in form.use.missing("-") if variable.name != one.main]
        if missing:
            self._tell(say("Still needed: {names}", names=", ".join(item.title or item.name for item in missing)))
            fields = [field for field in form.query("Input, Select, TextField") if field.name == missing[0].name]
            fields[0].focus()
            return
        self.dismiss(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters belong to the field that has the focus."""
        return action == "dismiss" or isinstance(self.focused, OptionList)

    def action_find(self) -> None:
        """Go to the search."""
        self.query_one("#finding").focus()

    def action_take_off(self) -> None:
        """Use none."""
        self._templates.use(None)
        self.dismiss(None)

    def action_suggested(self) -> None:
        """Put on the examples and the reasoning that go well with a template; once more takes them back."""
        run_beside(self, self._suggest, "change")

    async def _suggest(self) -> None:
        one = self._at
        if one is None or not (one.shots or one.reasoning):
            return
        try:
            self._tell(await self._suggestions.toggle(one))
        except LlmlabError as error:
            self._tell(str(error))
        self._describe(one)

    def action_change(self, verb: Verb) -> None:
        """Do something with the file of the template under the cursor."""
        one = self._at
        if one is not None:
            run_beside(self, partial(self._change, partial(self._files.acts[verb], one)), "change")

    def action_undo(self) -> None:
        """Bring the template back that was deleted last."""
        run_beside(self, partial(self._change, self._files.undo), "change")

    @property
    def _files(self) -> TemplateFiles:
        return TemplateFiles(self.app, self._templates)

    async def _change(self, act: Callable[[], Awaitable[Changed | None]]) -> None:
        try:
            changed = await act()
        except LlmlabError as error:
            self._tell(str(error))
            return
        if changed is not None:
            await self._again(changed.key, changed.told)

    async def _again(self, key: str, told: str) -> None:
        """List the templates anew, with `key` under the cursor."""
        self._all = list(await self._templates.all())
        self._fill(key)
        self._tell("\n".join(filter(None, [told, *self._templates.problems()])))

    def _tell(self, problem: str) -> None:
        label = self.query_one("#problem", Label)
        label.update(visible(problem))
        label.display = bool(problem)


def _line(one: PromptTemplate, used: TemplateUse | None) -> Content:
    """A template as the list shows it, the one in use marked."""
    on_now = used is not None and used.template.key == one.key
    other = (f" {one.language}", "$text-muted") if one.language != current_language() else ""
    mark = Content.styled("● ", "$text-success") if on_now else Content("  ")
    return Content.assemble(mark, (visible_line(one.title), "bold"), other)


def _searched(one: PromptTemplate) -> str:
    return " ".join((one.key, one.title, *one.tags, one.language)).lower()


def _described(one: PromptTemplate, *, on_now: bool) -> Content:
    """What a template is for, and what goes well with it."""
    lines = [Content.styled(visible_line(one.title), "bold"), Content(visible(one.description))]
    lines.append(Content.styled(f"{one.key}  {', '.join(map(visible_line, one.tags))}", "$text-muted"))
    if fitting := fitting_in_words(one):
        mark = Content.styled("● ", "$text-success") if on_now else Content("")
        words = say("goes well with {parts}", parts=fitting)
        lines.append(mark + Content.styled(words, "$text-muted"))
    return Content("\n").join(lines) + Content("\n")


def _texts(one: PromptTemplate) -> Content:
    """The texts of a template as they are written."""
    parts = [(say("System"), one.system), (say("Question"), one.user), (say("JSON schema"), one.schema)]
    return Content("\n").join(
        Content.assemble(Content.styled("\n" + title, "$text-muted"), "\n", visible(text))
        for title, text in parts
        if text
    )
