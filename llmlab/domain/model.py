"""A model as it is asked for (`ModelSpec`) and as it was loaded (`ModelCard`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from llmlab.domain.remote import Remote
from llmlab.domain.sampling import Sampling

GpuLayers = Literal["auto", "all"] | int
"""How many layers go to the GPU; `auto` is as many as fit."""

FlashAttention = Literal["auto", "on", "off"]
"""Whether attention is computed by the fused kernel."""

CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")
"""The number formats llama.cpp offers for the KV cache."""

NAMED_TEMPLATES = (
    "chatml", "llama2", "llama3", "mistral", "gemma", "phi3", "zephyr", "vicuna", "alpaca", "plain", "raw",
)  # fmt: skip
"""Chat templates that llmlab knows by name, for files that carry none or a wrong one; `raw` is the texts alone."""


@dataclass(frozen=True, slots=True)
class Rope:
    """Rotary position settings; `None` keeps what the file says."""

    scaling: Literal["none", "linear", "yarn", "longrope"] | None = None
    factor: float | None = None
    """Context multiplier: 2.0 reads twice the trained length."""
    base: float | None = None
    """Base frequency."""
    scale: float | None = None
    """Frequency scale, 1/factor; one of `factor` and `scale` is given, not both."""
    original_context: int | None = None
    """Trained context that YaRN starts from, in tokens."""


AdapterScales = tuple[tuple[str, float], ...]
"""LoRA adapters by name, each with the strength at which it is applied."""


@dataclass(frozen=True, slots=True)
class LoraAdapter:
    """A small file of changes to a model's weights, applied while it computes."""

    path: str
    """Absolute path of its GGUF file."""
    scale: float = 1.0
    """Strength; 0 is as if it were not there."""

    @property
    def name(self) -> str:
        """What requests call it: its file's name without the ending."""
        return PurePath(self.path).stem


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One table of models.toml, validated, with its path made absolute."""

    name: str
    path: str
    """Absolute path of the GGUF file; for a model behind a server its URL and name there."""
    remote: Remote | None = None
    """The server that answers; `None` for a file, which llmlab reads itself."""
    source: str = ""
    """The models.toml that declares it; empty for a built-in default or a path given on the command line."""
    n_ctx: int | None = None
    """Window in tokens; `None` is the trained context, at most 8,192."""
    n_gpu_layers: GpuLayers = "auto"
    main_gpu: int | None = None
    """The one GPU that holds all layers which go to a GPU, counted from 0; `None` uses every GPU."""
    tensor_split: tuple[float, ...] = ()
    """Share of the layers that each GPU gets, in order; empty goes by their free memory."""
    rpc: tuple[str, ...] = ()
    """`host:port` of other machines whose devices hold layers; opens network connections."""
    n_threads: Literal["auto"] | int = "auto"
    n_batch: int = 2048
    n_ubatch: int = 512
    flash_attn: FlashAttention = "auto"
    cache_type_k: str = "f16"
    cache_type_v: str = "f16"
    deterministic: bool = False
    """The same request gives the same tokens, whatever was computed before or is asked beside it; one answer at a
    time."""
    rope: Rope = field(default_factory=Rope)
    chat_template: str = "auto"
    """`auto` (the file's own), a name of `NAMED_TEMPLATES`, or the absolute path of a Jinja file."""
    system: str | None = None
    """System prompt of new chats."""
    sampling: Sampling = field(default_factory=Sampling)
    thinking: bool | None = None
    """Whether a model that can think does; `None` is the template's default."""
    purpose: Literal["answers", "vectors"] = "answers"
    """What it is loaded for: `vectors` takes models that write nothing as well, and makes no cache for answers."""
    lora: tuple[LoraAdapter, ...] = ()
    """Adapters that are loaded with the model; their scales are those of a request that names none."""
    speculate: Literal["off", "lookup"] = "off"
    """`lookup` guesses the next tokens from what stood in the text before, and checks several at a time."""
    draft: str | None = None
    """Absolute path of a small GGUF model of the same vocabulary that guesses the next tokens."""

    @property
    def adapter_scales(self) -> AdapterScales:
        """The adapters of a request that names none."""
        return tuple((adapter.name, adapter.scale) for adapter in self.lora)

    @property
    def together(self) -> int | None:
        """Answers that make sense at the same time, where that is limited."""
        if self.remote is not None:
            return self.remote.parallel
        return 1 if self.deterministic else None


@dataclass(frozen=True, slots=True)
class BadModel:
    """A table of models.toml that cannot be used, listed with its reason so that it does not vanish."""

    name: str
    source: str
    problem: str
    """What is wrong: file, table, key and the near miss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """A loaded model, as the engine found it."""

    name: str
    path: str
    title: str
    """`general.name` of the file, else its file name."""
    architecture: str
    quantisation: str
    """As llama.cpp describes the file, for instance `Q4_K - Medium`."""
    parameters: int
    file_bytes: int
    n_ctx: int
    """The window that was really made, in tokens."""
    n_ctx_train: int
    n_vocab: int
    n_layer: int
    n_gpu_layers: int
    """Layers that really went to a GPU."""
    device: str
    """`CPU`, or the name of the GPU that holds layers."""
    n_threads: int
    build: str
    """llama-cpp-python version and what its library was built with."""
    template_name: str
    """`file`, a named template, or the path of a Jinja file."""
    can_think: bool
    """The template opens or closes `<think>` blocks."""
    sampling: Sampling
    """Hints in the file's metadata (`general.sampling.*`)."""
    load_s: float
    file_mark: str = ""
    """SHA-256 of the file's size and of samples of its bytes, as hexadecimal digits."""
    host: str = ""
    """The server that answers and is told everything; empty for a model in a process of llmlab."""
    notes: tuple[str, ...] = ()
    """What the user should know: GPU asked for but not built in, window beyond training, template missing."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A device beside the CPU that can hold layers."""

    name: str
    """As llama.cpp calls it, `CUDA0`."""
    description: str
    """As its maker calls it."""
    free: int
    """Bytes."""
    total: int
    """Bytes; shared with the CPU on integrated GPUs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Whether a model fits into what is free, estimated from its header; sizes in bytes."""

    verdict: Literal["fits", "smaller", "no"]
    """It fits as asked, with a smaller window, or not at all."""
    need: int
    """Weights, KV cache and room to compute, wherever they go."""
    memory_need: int
    """Of these, what goes to the machine's memory."""
    memory_free: int
    gpu_free: int = 0
    """Room on the GPUs that get layers; 0 when none does."""
    n_gpu_layers: int = 0
    """Layers that would go there, the output counted as one."""
    n_ctx: int = 0
    """The window that was asked for, in tokens."""
    fitting: int = 0
    """The largest window up to `n_ctx` that fits; 0 when none does."""
    draft: int = 0
    """Of `need`, what the draft model takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """A model as the header of its file tells, without loading it."""

    title: str
    """`general.name` of the file, else its file name."""
    architecture: str
    quantisation: str
    """The number format that most of the weights have, for instance `Q8_0`."""
    parameters: int
    file_bytes: int
    n_layer: int
    n_ctx_train: int
    n_ctx: int
    """The window that would be made, in tokens."""
    memory_bytes: int
    """Estimate: weights, KV cache of that window, and room to compute."""
    template_name: str
    """`file`, a named template, or the path of a Jinja file."""
    can_think: bool
    licence: str = ""
    """As the file names it; empty when it does not."""
    n_vocab: int = 0
    """Tokens of the vocabulary."""
    file_type: str = ""
    """The mixture of number formats as its maker calls it, for instance `Q4_K_M`; empty when the file does not say."""
    description: str = ""
    """What the file says of itself; empty when it does not."""
    sampling: Sampling = field(default_factory=Sampling)
    """Hints in the file's metadata (`general.sampling.*`)."""
    fit: Fit | None = None
    """`None` where it cannot be told: other machines hold layers."""
    writes: bool = True
    """It writes answers; else it makes vectors alone."""
    notes: tuple[str, ...] = ()
    """What the user should know: no template in the file, window beyond training."""


@dataclass(frozen=True, slots=True)
class EngineReport:
    """What an engine process says of itself before it has a model."""

    build: str
    """llama-cpp-python version and what its library was built with."""
    gpu: bool
    """The library can offload to a GPU."""
    devices: tuple[Gpu, ...] = ()
    """The GPUs it found, in the order by which main_gpu and tensor_split count them."""
    fits: bool = False
    """It brings llama.cpp's own fitting of models to devices; else llmlab estimates."""
