"""What crosses the pipe between llmlab and its engine process: one JSON object a line, tagged by `type`."""

from __future__ import annotations

from typing import Final

import msgspec

from llmlab.domain.embedding import Pooling
from llmlab.domain.generation import Timing, Usage
from llmlab.domain.model import AdapterScales, Gpu, ModelCard, ModelSpec
from llmlab.domain.prompting import ChatMessage, PromptOptions, RenderedPrompt
from llmlab.domain.sampling import Sampling
from llmlab.domain.scoring import ScoredText
from llmlab.domain.tokens import TokenInfo

PROTOCOL: Final = 1
"""Raised whenever a message changes its meaning; both ends must agree."""


class Command(msgspec.Struct, frozen=True, tag_field="type", tag=str.lower, kw_only=True):
    """Something asked of the engine process; `id` names the answer."""

    id: int


class Load(Command, frozen=True, kw_only=True):
    """Load this model; answered by `Progress`..., then `Loaded` or `Problem`."""

    spec: ModelSpec
    snapshots: str = ""
    """Folder for sequences on disk; empty for none."""


class Prompt(Command, frozen=True, kw_only=True):
    """Render and tokenise; answered by `Prompted` or `Problem`."""

    messages: tuple[ChatMessage, ...]
    options: PromptOptions


class Count(Command, frozen=True, kw_only=True):
    """Count tokens; answered by `Counted` or `Problem`."""

    texts: tuple[str, ...]


class Generate(Command, frozen=True, kw_only=True):
    """Go on from a prompt; answered by `Read`, `Wrote`, then one `Ended` or `Problem` a sample."""

    tokens: tuple[int, ...]
    sampling: Sampling
    samples: int = 1
    lora: AdapterScales | None = None
    """`None` is as the spec of the model says."""
    logprobs: int | None = None
    grammar: str | None = None
    schema: str | None = None


class Score(Command, frozen=True, kw_only=True):
    """Measure how likely texts are; answered by `Scored`... until one is `done`, or `Problem`, for each text."""

    texts: tuple[str | tuple[int, ...], ...]
    prompt: str | tuple[int, ...] = ()
    top: int = 0
    lora: AdapterScales | None = None


class Embed(Command, frozen=True, kw_only=True):
    """Turn texts into vectors; answered by `Embedded`... until one is `done`, by `Ended` if cancelled, or `Problem`."""

    texts: tuple[str, ...]


class Cancel(Command, frozen=True, kw_only=True):
    """Stop the command that has this id; a `Generate` still answers with `Ended`."""


class Shutdown(Command, frozen=True, kw_only=True):
    """Free everything and exit with 0."""


class Report(msgspec.Struct, frozen=True, tag_field="type", tag=str.lower, kw_only=True):
    """Something the engine process says about command `id`; 0 is about the process itself."""

    id: int


class Hello(Report, frozen=True, kw_only=True):
    """First line of the process: it runs and its library loaded."""

    protocol: int
    build: str
    gpu: bool
    """The library can offload to a GPU."""
    devices: tuple[Gpu, ...] = ()
    fits: bool = False
    """It brings llama.cpp's own fitting."""


class Progress(Report, frozen=True, kw_only=True):
    """Share of the model loaded, 0 to 1."""

    fraction: float


class Loaded(Report, frozen=True, kw_only=True):
    """The model is ready."""

    card: ModelCard


class Prompted(Report, frozen=True, kw_only=True):
    """A rendered prompt."""

    prompt: RenderedPrompt


class Counted(Report, frozen=True, kw_only=True):
    """Tokens of each text."""

    counts: tuple[int, ...]


class Read(Report, frozen=True, kw_only=True):
    """Prompt tokens read so far."""

    done: int
    total: int
    reused: int
    sample: int = 0


class Wrote(Report, frozen=True, kw_only=True):
    """Next text of an answer."""

    text: str
    tokens: int
    sample: int = 0
    info: tuple[TokenInfo, ...] = ()
    ids: tuple[int, ...] = ()
    """Tokens that the text has come to the end of."""
    loose: bool = False
    """It goes on behind them."""


class Ended(Report, frozen=True, kw_only=True):
    """An answer ended: `stop`, `length` or `cancelled`."""

    reason: str
    usage: Usage
    timing: Timing
    sample: int = 0
    ids: tuple[int, ...] = ()
    """The tokens of the answer, without the one that ended it."""


class Scored(Report, frozen=True, kw_only=True):
    """The next tokens of a text, measured."""

    text: ScoredText
    done: bool
    """They were the last ones."""
    sample: int = 0


class Embedded(Report, frozen=True, kw_only=True):
    """The vectors of the next texts."""

    vectors: tuple[bytes, ...]
    """32-bit floats, the low byte first."""
    tokens: tuple[int, ...]
    pooling: Pooling
    declared: bool
    done: bool
    """They were the last ones."""


class Problem(Report, frozen=True, kw_only=True):
    """Command `id` failed; the process goes on unless it says goodbye by ending."""

    kind: str
    """`model` or `engine`: which error of the parent it becomes."""
    what: str
    where: str = ""
    hint: str = ""
    sample: int = 0


AnyCommand = Load | Prompt | Count | Generate | Score | Embed | Cancel | Shutdown
AnyReport = Hello | Progress | Loaded | Prompted | Counted | Read | Wrote | Ended | Scored | Embedded | Problem

_encoder = msgspec.json.Encoder()
_commands: msgspec.json.Decoder[AnyCommand] = msgspec.json.Decoder(AnyCommand)
_reports: msgspec.json.Decoder[AnyReport] = msgspec.json.Decoder(AnyReport)


def encode(message: Command | Report) -> bytes:
    """One line, its newline included."""
    return _encoder.encode(message) + b"\n"


def decode_command(line: bytes) -> AnyCommand:
    """The command of one line.

    Raises:
        msgspec.DecodeError: the line is not a command.
    """
    return _commands.decode(line)


def decode_report(line: bytes) -> AnyReport:
    """The report of one line.

    Raises:
        msgspec.DecodeError: the line is not a report.
    """
    return _reports.decode(line)
