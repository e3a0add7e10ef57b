"""What the first frame needs, and when the rest comes.

The first frame is drawn before anything slow happens. `LabApp(settings, open_services, ...)` therefore gets its
settings at once (a small file, read by the caller) and everything else from `open_services`, which it awaits in a
worker after the first frame; services, store, models.toml and engine are imported and opened there. Nothing here may
import them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from llmlab.domain.sampling import Sampling

ThemeName = Literal["dark", "light"]


class Settings(Protocol):
    """The user's settings, as values."""

    @property
    def language(self) -> str:
        """`en`, `zh`, or empty: the environment's."""

    @property
    def theme(self) -> ThemeName:
        """Dark or light."""

    @property
    def show_thinking(self) -> bool:
        """Whether thinking is shown unfolded."""

    @property
    def thinking(self) -> bool | None:
        """Whether a model that can think does; `None` is the model's own."""

    @property
    def sampling(self) -> Sampling:
        """What the user set for every chat."""

    @property
    def last_model(self) -> str:
        """The model used last; empty before the first."""

    @property
    def last_context(self) -> Mapping[str, object]:
        """How that was loaded, where not as its table says."""

    @property
    def keymap(self) -> Mapping[str, str]:
        """Keys of the user, by action id."""


class SettingsFile(Protocol):
    """`library.settings`: the settings and the file they live in."""

    @property
    def current(self) -> Settings:
        """The settings now."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What was wrong in the file when it was read, a sentence each."""

    def change(self, **values: object) -> None:
        """Set the named settings and write the file.

        Raises:
            LlmlabError: the file cannot be written; the settings hold until the end of the program all the same.
        """


class Opened(Protocol):
    """`tui.services.LabServices`, as far as one can know it before it is imported."""

    async def close(self) -> None:
        """End the engine and close the store."""


OpenServices = Callable[[], Awaitable[Opened]]
"""Opens everything slow; raises `LlmlabError` when chats cannot be read."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asked for at start."""

    model: str = ""
    """Name or path of a model; empty is the one used last."""
    system: str | None = None
    """System prompt of the first chat."""
    resume: bool = False
    """Open the chat used last."""
    export_folder: Path | None = None
    """Where exports go; `None` is the working directory."""
