"""models.toml: one table a model becomes one `ModelSpec`; what is wrong becomes a sentence and hides nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from llmlab.domain.model import CACHE_TYPES, NAMED_TEMPLATES, BadModel, LoraAdapter, ModelSpec, Rope
from llmlab.domain.sampling import SETTINGS, Sampling
from llmlab.domain.terminal import encodable, visible_line
from llmlab.errors import ConfigError
from llmlab.library.checks import (
    Check,
    Fault,
    Unfit,
    check_sampling,
    check_table,
    given,
    meant,
    near,
    number,
    one_of,
    texts,
    whole,
    words,
    yes_or_no,
)
from llmlab.library.remote_models import REMOTE_CHECKS, URL_KEY, explained, remote_spec
from llmlab.library.tomlfile import Problem, TomlFile, parse_toml, read_toml
from llmlab.pocket import pocket_names, pocket_path
from llmlab.words import say

POCKET: Final = "pocket:"
"""What a path begins with that names a model shipped inside llmlab."""

DEFAULT_KEY: Final = "default"
"""A key outside any table: the model of a first start."""

EMBEDDINGS_KEY: Final = "embeddings"
"""A key outside any table: the model that finds passages and examples by what they mean."""

LATER: Final = ("mmproj",)
"""Keys of features that this version does not have."""

_ROPE: Final[Mapping[str, Check]] = {
    "scaling": one_of("none", "linear", "yarn", "longrope"),
    "factor": number(0.01, 1_000),
    "base": number(1, 1e12),
    "scale": number(0.001, 100),
    "original_context": whole(1, 1 << 24),
}

_SCALE: Final = number(-100, 100)
"""Strength of a LoRA adapter."""

MOST_GPUS: Final = 16
"""Devices that llama.cpp spreads a model over."""

_HOST: Final = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.%]+\]")
"""A machine's name or address; one of IPv6 stands in brackets."""

_LOCATING: Final = ("path", "chat_template", "lora", "draft")
"""Keys whose relative files lie beside the models.toml that names them."""


@dataclass(frozen=True, slots=True)
class ModelsFile:
    """What one models.toml says."""

    source: Path
    models: tuple[ModelSpec | BadModel, ...] = ()
    """Every table, in the order of the file."""
    default: str | None = None
    embeddings: str | None = None
    """Name of the model that makes vectors; empty: none, whatever an earlier file says."""
    problems: tuple[Problem, ...] = ()
    """What is wrong outside any table."""
    unreadable: bool = False
    """Nothing of it could be read, so nothing can be said about its tables."""


def read_models(source: Path) -> ModelsFile:
    """The models of a file; one that does not exist has none. Nothing is raised."""
    return models_of(read_toml(source))


def parse_models(text: str, source: Path) -> ModelsFile:
    """The models of `text` as if it stood in `source`. Nothing is raised."""
    return models_of(parse_toml(text, source))


def models_of(file: TomlFile) -> ModelsFile:
    """The models of a TOML file; relative paths start at its folder."""
    problems = [problem for problem in file.broken if not problem.table]
    models: list[ModelSpec | BadModel] = [
        BadModel(problem.table, str(file.source), str(problem)) for problem in file.broken if problem.table
    ]
    chosen: dict[str, str] = {}
    for name, table in file.values.items():
        if isinstance(table, dict):
            models.append(_model(name, table, file))
        elif name in (DEFAULT_KEY, EMBEDDINGS_KEY) and isinstance(table, str):
            chosen[name] = table
        elif name in (DEFAULT_KEY, EMBEDDINGS_KEY):
            what = say("{given} is not the name of a model in quotes", given=given(table))
            problems.append(Problem(file.source, what, key=name, line=file.line_of(name)))
        else:
            keys = {"first": DEFAULT_KEY, "second": EMBEDDINGS_KEY}
            what = say("only {first} and {second} stand outside a table; a model's keys follow its [name]", **keys)
            problems.append(Problem(file.source, what, key=visible_line(name), line=file.line_of(name)))
    unreadable = bool(file.broken) and not models and not file.values
    return ModelsFile(
        file.source, tuple(models), chosen.get(DEFAULT_KEY), chosen.get(EMBEDDINGS_KEY), tuple(problems), unreadable
    )


def ad_hoc(path: str | os.PathLike[str]) -> ModelSpec:
    """The model of a GGUF file that no table names, with every setting at its default.

    Raises:
        ConfigError: the file's name is no text, so that it cannot be passed on.
    """
    place = Path(path).expanduser().absolute()
    if encodable(str(place)) != str(place):
        raise ConfigError(
            say("The name of the file is no UTF-8 text."), where=visible_line(str(place)), hint=say("Rename the file.")
        )
    return ModelSpec(name=place.stem, path=str(place))


def ad_hoc_pocket(name: str) -> ModelSpec:
    """The model `pocket:NAME` that no table names.

    Raises:
        ConfigError: llmlab ships no such model.
    """
    try:
        return ModelSpec(name=name, path=_pocket(name))
    except Unfit as unfit:
        raise ConfigError(str(unfit), where=POCKET + name, hint=say("See all of them with: llmlab models")) from None


def _model(name: str, table: Mapping[str, object], file: TomlFile) -> ModelSpec | BadModel:
    remote = URL_KEY in table
    values, faults = check_table(table, REMOTE_CHECKS if remote else _checks(file.source.parent))
    faults = [_explained(fault, name, table) for fault in faults] + _name_faults(name) + _cross_faults(values)
    rope, rope_faults = _rope(table.get("rope"))
    sampling, sampling_faults = _sampling(table.get("sampling"))
    faults += rope_faults + sampling_faults
    if not remote and "path" not in table:
        faults.append(Fault((), say("the key {key} is missing", key="path")))
    if faults:
        shown = visible_line(name)
        problems = (
            Problem(
                file.source,
                fault.what,
                table=shown,
                key=visible_line(".".join(fault.path)),
                line=file.line_of(name, *fault.path),
            )
            for fault in faults
        )
        return BadModel(shown, str(file.source), "\n".join(str(problem) for problem in problems))
    if remote:
        return remote_spec(name, str(file.source), values, sampling)
    given_values = {key: value for key, value in values.items() if key not in ("rope", "sampling")}
    n_batch = given_values.get("n_batch", 2048)
    if isinstance(n_batch, int) and "n_ubatch" not in given_values:
        given_values["n_ubatch"] = min(512, n_batch)
    return ModelSpec(name=name, source=str(file.source), rope=rope, sampling=sampling, **given_values)  # type: ignore[arg-type]  # the checks give each field its type


def _checks(folder: Path) -> dict[str, Check]:
    """What each key of a model's table takes; its files are looked for from `folder`."""
    return {
        "path": lambda value: _model_path(value, folder),
        "n_ctx": whole(32, 1 << 24),
        "n_gpu_layers": whole(0, 10_000, "auto", "all"),
        "main_gpu": whole(0, MOST_GPUS - 1),
        "tensor_split": _shares,
        "rpc": _servers,
        "n_threads": whole(1, 1024, "auto"),
        "n_batch": whole(1, 65_536),
        "n_ubatch": whole(1, 65_536),
        "flash_attn": _flash_attention,
        "cache_type_k": one_of(*CACHE_TYPES),
        "cache_type_v": one_of(*CACHE_TYPES),
        "deterministic": yes_or_no,
        "rope": _table,
        "chat_template": lambda value: _template(value, folder),
        "system": words,
        "sampling": _table,
        "thinking": yes_or_no,
        "lora": lambda value: _adapters(value, folder),
        "speculate": one_of("off", "lookup"),
        "draft": lambda value: _model_path(value, folder),
        **dict.fromkeys(LATER, _comes_later),
    }


def _model_path(value: object, folder: Path) -> str:
    text = str(words(value))
    if text.startswith(POCKET):
        return _pocket(text.removeprefix(POCKET))
    return _located(text, folder)


def _pocket(name: str) -> str:
    if name not in pocket_names():
        raise Unfit(say("llmlab ships no model {name}", name=f'"{name}"') + meant(name, pocket_names()))
    return str(pocket_path(name))


def _located(text: str, folder: Path) -> str:
    """`text` as an absolute path."""
    if not text.strip() or visible_line(text) != text:
        raise Unfit(say("{given} is no path of a file", given=given(visible_line(text))))
    try:
        place = Path(text).expanduser()
    except RuntimeError:
        raise Unfit(say("the home folder in {given} is not known", given=given(text))) from None
    return os.path.normpath(folder.absolute() / place)


def _shares(value: object) -> tuple[float, ...]:
    """The parts of the layers that GPUs get; any numbers, only their ratio counts."""
    if isinstance(value, list) and 0 < len(value) <= MOST_GPUS:
        shares = tuple(float(str(number(0, 1_000_000)(item))) for item in value)
        if any(shares):
            return shares
    raise Unfit(say("{given} is no list of shares such as [3, 1], one for each GPU", given=given(value)))


def _servers(value: object) -> tuple[str, ...]:
    """Addresses of other machines."""
    servers = texts(value)
    if not isinstance(servers, tuple) or len(servers) > MOST_GPUS:
        raise Unfit(say("{given} is no list of machines such as host:50052", given=given(value)))
    for server in servers:
        host, _, port = server.rpartition(":")
        if not _HOST.fullmatch(host) or not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
            raise Unfit(say("{given} is no machine such as host:50052", given=given(visible_line(server))))
    return servers


def _adapters(value: object, folder: Path) -> tuple[LoraAdapter, ...]:
    """LoRA adapters, each a file or a table of `path` and `scale`."""
    listed = value if isinstance(value, list) else [value]
    adapters = tuple(_adapter(item, folder) for item in listed)
    names = [adapter.name for adapter in adapters]
    for name in names:
        if names.count(name) > 1:
            raise Unfit(say("two adapters are called {name}; requests tell them apart by file name", name=given(name)))
    return adapters


def _adapter(item: object, folder: Path) -> LoraAdapter:
    if isinstance(item, str):
        return LoraAdapter(_located(item, folder))
    if not isinstance(item, dict):
        raise Unfit(say("{given} is neither a file nor a table of path and scale", given=given(item)))
    values, faults = check_table(item, {"path": lambda path: _located(str(words(path)), folder), "scale": _SCALE})
    if faults:
        raise Unfit(f"{'.'.join(faults[0].path)}: {faults[0].what}")
    if "path" not in values:
        raise Unfit(say("the key {key} is missing", key="path"))
    return LoraAdapter(**values)  # type: ignore[arg-type]  # the checks give each field its type


def adapter_scale(text: str) -> float:
    """The strength of an adapter that a person typed.

    Raises:
        Unfit: it is none; the message says what is.
    """
    with suppress(ValueError):
        return float(str(_SCALE(float(text))))
    return float(str(_SCALE(text)))


def _template(value: object, folder: Path) -> str:
    text = str(words(value))
    if text == "auto" or text in NAMED_TEMPLATES:
        return text
    if Path(text).suffix or "/" in text or "\\" in text:
        return _located(text, folder)
    names = ", ".join(("auto", *NAMED_TEMPLATES))
    raise Unfit(
        say("{given} is neither one of {names} nor a file such as chat.jinja", given=given(text), names=names)
        + meant(text, NAMED_TEMPLATES)
    )


def _flash_attention(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(one_of("auto", "on", "off")(value))


def _table(value: object) -> object:
    if isinstance(value, dict):
        return value
    raise Unfit(say("{given} is not a table", given=given(value)))


def _comes_later(value: object) -> object:
    raise Unfit(say("comes with a later version of llmlab; remove the line"))


def _rope(value: object) -> tuple[Rope, list[Fault]]:
    table = value if isinstance(value, dict) else {}
    values, faults = check_table(table, _ROPE, ("rope",))
    scaling = values.get("scaling")
    if "factor" in values and "scale" in values:
        faults.append(Fault(("rope", "scale"), say("scale is 1/factor: give one of the two")))
    for key in ("factor", "scale"):
        if scaling == "none" and key in values:
            faults.append(Fault(("rope", key), say("does nothing when scaling is {scaling}", scaling='"none"')))
    if "original_context" in values and scaling not in (None, "yarn"):
        what = say("does nothing when scaling is {scaling}", scaling=f'"{scaling}"')
        faults.append(Fault(("rope", "original_context"), what))
    return Rope(**values), faults  # type: ignore[arg-type]  # the checks give each field its type


def _sampling(value: object) -> tuple[Sampling, list[Fault]]:
    return check_sampling(value if isinstance(value, dict) else {}, ("sampling",))


def _explained(fault: Fault, name: str, table: Mapping[str, object]) -> Fault:
    """`fault` with the reason behind the commonest mistakes: a key one level too high, a name with a dot."""
    key = fault.path[-1]
    if mixed := explained(fault, table, _checks(Path())):
        return mixed
    if len(fault.path) > 1 or key in _checks(Path()):
        return fault
    if key in {setting.name for setting in SETTINGS}:
        return Fault(fault.path, say("is a sampler setting: write {key}", key=f"sampling.{key}"))
    if key in _ROPE:
        return Fault(fault.path, say("belongs to rope: write {key}", key=f"rope.{key}"))
    if isinstance(table[key], dict):
        dotted = f'["{name}.{key}"]'
        return Fault(fault.path, say("is no table of a model; a name with a dot needs quotes: {name}", name=dotted))
    samplers = [f"sampling.{setting.name}" for setting in SETTINGS]
    guess = near(key, [*_checks(Path()), *(setting.name for setting in SETTINGS)])
    if f"sampling.{guess}" in samplers:
        return Fault(fault.path, say("there is no such key") + say("; did you mean {name}?", name=f"sampling.{guess}"))
    return fault


def _name_faults(name: str) -> list[Fault]:
    if name == DEFAULT_KEY:
        return [Fault((), say("no model can be called {name}; that key chooses the model of a first start", name=name))]
    if name == EMBEDDINGS_KEY:
        return [Fault((), say("no model can be called {name}; that key chooses the model of vectors", name=name))]
    if not name or visible_line(name) != name:
        return [Fault((), say("a model's name is one line of visible text"))]
    return []


def _cross_faults(values: Mapping[str, object]) -> list[Fault]:
    """What is wrong between keys that are well alone."""
    faults = []
    n_batch, n_ubatch = values.get("n_batch", 2048), values.get("n_ubatch")
    if isinstance(n_batch, int) and isinstance(n_ubatch, int) and n_ubatch > n_batch:
        faults.append(Fault(("n_ubatch",), say("{given} is more than n_batch, {batch}", given=n_ubatch, batch=n_batch)))
    if "main_gpu" in values and "tensor_split" in values:
        what = say("main_gpu puts everything on one GPU: give one of the two")
        faults.append(Fault(("tensor_split",), what))
    if values.get("deterministic"):
        # What is computed several tokens at a time has other last bits.
        faults += [
            Fault((key,), say("does nothing when deterministic is true"))
            for key in ("speculate", "draft")
            if values.get(key, "off") != "off"
        ]
    if values.get("n_gpu_layers") == 0:
        faults += [
            Fault((key,), say("does nothing when n_gpu_layers is 0"))
            for key in ("main_gpu", "tensor_split", "rpc")
            if key in values
        ]
    kind = values.get("cache_type_v")
    if values.get("flash_attn") == "off" and kind not in (None, "f32", "f16", "bf16"):
        what = say("{kind} needs flash attention: remove flash_attn or set it to true", kind=f'"{kind}"')
        faults.append(Fault(("cache_type_v",), what))
    return faults
