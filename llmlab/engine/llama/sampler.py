"""The settings of `Sampling` as a chain of llama.cpp's samplers.

Order, that of llama.cpp's own programs: biases, penalties, DRY, top-n-sigma, top-k, typical, top-p, min-p, XTC,
temperature, the draw. Mirostat replaces what lies between the penalties and the draw, the temperature excepted. A
sampler that would change nothing is left out: an idle penalty still walks over the whole vocabulary.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Final

from llama_cpp import llama_cpp as api

from llmlab.domain.sampling import DEFAULTS, Sampling
from llmlab.errors import EngineError
from llmlab.words import say

COLDEST: Final = 1e-6
"""Temperatures from which on logits that are divided by them stay numbers; below, the likeliest token is certain."""

SEEDS: Final = 0xFFFFFFFF
"""Seeds lie below this; it itself means a random seed to llama.cpp."""

_MIROSTAT_M: Final = 100
"""Candidates from which mirostat 1 estimates the exponent of Zipf's law; the paper's own value."""
_DRY_BREAKERS: Final = (b"\n", b":", b'"', b"*")
"""Texts that end a repetition for DRY; llama.cpp's own."""


DRY_KEPT: Final = 8
"""Settings of DRY for which a sampler is kept to be copied."""


@dataclass(frozen=True, slots=True)
class Step:
    """One sampler: the name llama.cpp gives it, and the arguments after model and seed."""

    name: str
    arguments: tuple[float | int, ...] = ()


GREEDY: Final = (Step("greedy"),)
"""Nothing but the likeliest token is asked for, of which there is nothing to remember."""


def plan(sampling: Sampling, n_ctx: int, biases: Sequence[tuple[int, float]] = ()) -> tuple[Step, ...]:
    """The samplers that `sampling` and `biases` ask for, in order, the one that chooses last."""
    asked = sampling.over(DEFAULTS)
    steps = [Step("logit_bias", tuple(chain.from_iterable(biases)))] if biases else []
    steps += _penalties(asked, n_ctx)
    temperature = asked.temperature or 0.0
    if temperature < COLDEST:
        return (*steps, *GREEDY)
    if asked.mirostat:
        tau, eta = asked.mirostat_tau or 0.0, asked.mirostat_eta or 0.0
        return (*steps, Step("temp", (temperature,)), Step(f"mirostat{asked.mirostat}", (tau, eta)))
    steps += _truncation(asked)
    if asked.dynatemp_range:
        steps.append(Step("temp_ext", (temperature, asked.dynatemp_range, asked.dynatemp_exponent or 1.0)))
    elif temperature != 1.0:
        steps.append(Step("temp", (temperature,)))
    return (*steps, Step("dist"))


def _penalties(asked: Sampling, n_ctx: int) -> list[Step]:
    steps = []
    last = _reach(asked.repeat_last_n, n_ctx)
    penalties = (asked.repeat_penalty or 1.0, asked.frequency_penalty or 0.0, asked.presence_penalty or 0.0)
    if last and penalties != (1.0, 0.0, 0.0):
        steps.append(Step("penalties", (last, *penalties)))
    dry_last = _reach(asked.dry_penalty_last_n, n_ctx)
    if dry_last and asked.dry_multiplier:
        dry = (asked.dry_multiplier, asked.dry_base or 1.0, asked.dry_allowed_length or 0, dry_last)
        steps.append(Step("dry", dry))
    return steps


def _reach(last_n: int | None, n_ctx: int) -> int:
    """How many tokens back a penalty looks; -1 is the whole window."""
    return n_ctx if last_n is None or last_n < 0 else min(last_n, n_ctx)


def _truncation(asked: Sampling) -> list[Step]:
    steps = []
    if asked.top_n_sigma is not None and asked.top_n_sigma > 0:
        steps.append(Step("top_n_sigma", (asked.top_n_sigma,)))
    if asked.top_k:
        steps.append(Step("top_k", (asked.top_k,)))
    if asked.typical_p is not None and asked.typical_p < 1.0:
        steps.append(Step("typical", (asked.typical_p,)))
    # top-p over the whole vocabulary stays exact: llama.cpp sorts the top 256 and more only where those do not suffice.
    if asked.top_p is not None and asked.top_p < 1.0:
        steps.append(Step("top_p", (asked.top_p,)))
    if asked.min_p:
        steps.append(Step("min_p", (asked.min_p,)))
    if asked.xtc_probability:
        steps.append(Step("xtc", (asked.xtc_probability, asked.xtc_threshold or 0.0)))
    return steps


class DrySamplers:
    """DRY samplers of one vocabulary, each a copy of the first one with its arguments.

    To make one, llama.cpp looks through all tokens for each text that ends a repetition: half a second for a large
    vocabulary, in which nothing else is computed. A copy takes over what was found.
    """

    def __init__(self, vocabulary: Any) -> None:
        """None are made yet; `vocabulary` is llama.cpp's pointer."""
        self._vocabulary = vocabulary
        self._first: dict[tuple[float | int, ...], Any] = {}
        weakref.finalize(self, _free, self._first)

    def make(self, arguments: tuple[float | int, ...]) -> Any:
        """A sampler, owned by the caller; NULL where llama.cpp refuses it."""
        if arguments not in self._first:
            if len(self._first) >= DRY_KEPT:
                _free(self._first)
            breakers = (ctypes.c_char_p * len(_DRY_BREAKERS))(*_DRY_BREAKERS)
            made = api.llama_sampler_init_dry(self._vocabulary, *arguments, breakers, len(_DRY_BREAKERS))
            if not made:
                return made
            self._first[arguments] = made
        return api.llama_sampler_clone(self._first[arguments])


def _free(samplers: dict[tuple[float | int, ...], Any]) -> None:
    while samplers:
        api.llama_sampler_free(samplers.popitem()[1])


class Chain:
    """A chain of samplers, owned here and freed by `close`."""

    def __init__(
        self, steps: tuple[Step, ...], seed: int, vocabulary: Any, n_vocab: int, dry: DrySamplers | None = None
    ) -> None:
        """Build the chain.

        Args:
            steps: as `plan` gives them.
            seed: any whole number.
            vocabulary: llama.cpp's pointer to the vocabulary.
            n_vocab: its size.
            dry: makes DRY samplers of this vocabulary for many chains.

        Raises:
            EngineError: llama.cpp refuses a sampler.
        """
        self._n_vocab, self._seed, self._dry = n_vocab, seed % SEEDS, dry or DrySamplers(vocabulary)
        self.steps = steps
        self.pointer: Any = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
        for step in steps:
            # NULL is a false POINTER here, never None.
            made = self._make(step)
            if not made:
                self.close()
                raise EngineError(say("llama.cpp refuses the sampler {name}.", name=step.name))
            api.llama_sampler_chain_add(self.pointer, made)

    def _make(self, step: Step) -> Any:
        arguments, seed = step.arguments, self._seed
        match step.name:
            case "logit_bias":
                pairs = list(zip(arguments[::2], arguments[1::2], strict=True))
                return api.llama_sampler_init_logit_bias(
                    self._n_vocab, len(pairs), (api.llama_logit_bias * len(pairs))(*pairs)
                )
            case "penalties":
                return api.llama_sampler_init_penalties(self._n_vocab, *arguments)
            case "dry":
                return self._dry.make(arguments)
            case "top_n_sigma" | "top_k" | "temp" | "temp_ext":
                return getattr(api, f"llama_sampler_init_{step.name}")(*arguments)
            case "typical" | "top_p" | "min_p":
                return getattr(api, f"llama_sampler_init_{step.name}")(*arguments, 1)
            case "xtc":
                return api.llama_sampler_init_xtc(*arguments, 1, seed)
            case "mirostat1":
                return api.llama_sampler_init_mirostat(self._n_vocab, seed, *arguments, _MIROSTAT_M)
            case "mirostat2":
                return api.llama_sampler_init_mirostat_v2(seed, *arguments)
            case "greedy":
                return api.llama_sampler_init_greedy()
            case "dist":
                return api.llama_sampler_init_dist(seed)
            case _:
                return None

    @property
    def greedy(self) -> bool:
        """The likeliest token is taken, whatever its probability."""
        return self.steps[-1].name == "greedy"

    @cached_property
    def _reach(self) -> int:
        """How many tokens back the samplers look that remember any."""
        places = {"penalties": 0, "dry": -1}
        return int(max((step.arguments[places[step.name]] for step in self.steps if step.name in places), default=0))

    @property
    def remembers(self) -> bool:
        """The chain looks at tokens said before, the prompt's among them."""
        return self._reach > 0

    def accept(self, tokens: Sequence[int]) -> None:
        """Let the samplers that remember see `tokens`, or what of them they can remember."""
        for token in tokens[-self._reach :] if self._reach else ():
            api.llama_sampler_accept(self.pointer, token)

    def close(self) -> None:
        """Free the samplers; may be called twice."""
        if self.pointer:
            api.llama_sampler_free(self.pointer)
            self.pointer = None
