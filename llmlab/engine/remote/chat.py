"""What is sent to a server, and what comes back, by OpenAI's protocol of chat completions."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from llmlab.domain.biases import parse_biases
from llmlab.domain.prompting import ChatMessage, PromptOptions
from llmlab.domain.sampling import DEFAULTS, Sampling
from llmlab.domain.tokens import IMPOSSIBLE, Alternative, TokenInfo
from llmlab.engine.protocol import GenerationRequest

MOST_TOP: Final = 20
"""Alternatives that the protocol tells at most."""
UNKNOWN: Final = -1
"""The id of a token that only its text is known of."""

_STANDARD: Final = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "max_tokens")
"""Settings that every server takes."""
_FURTHER: Final = (
    "top_k", "min_p", "typical_p", "top_n_sigma", "xtc_probability", "xtc_threshold", "dry_multiplier", "dry_base",
    "dry_allowed_length", "dry_penalty_last_n", "repeat_penalty", "repeat_last_n", "mirostat", "mirostat_tau",
    "mirostat_eta", "dynatemp_range", "dynatemp_exponent",
)  # fmt: skip
"""Settings by the names that llama-server gives them; others take some."""


class Delta(msgspec.Struct):
    """What an answer grows by."""

    content: str | None = None
    reasoning_content: str | None = None
    """Thinking, as llama-server, vLLM and DeepSeek call it."""
    reasoning: str | None = None
    """Thinking, as Ollama and OpenRouter call it."""


class TopToken(msgspec.Struct):
    """A token that could have come."""

    token: str
    logprob: float


class TokenLogprob(TopToken):
    """A token that came."""

    top_logprobs: list[TopToken] = []


class Logprobs(msgspec.Struct):
    """How likely the tokens of a piece were."""

    content: list[TokenLogprob] | None = None


class Choice(msgspec.Struct):
    """One of the answers; only one is ever asked for."""

    delta: Delta | None = None
    message: Delta | None = None
    """The whole of it, from a server that does not stream."""
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class Cached(msgspec.Struct):
    """Details of the prompt's tokens."""

    cached_tokens: int | None = None


class UsageTold(msgspec.Struct):
    """The server's own count."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: Cached | None = None


class Chunk(msgspec.Struct):
    """One event of a stream."""

    choices: list[Choice] | None = None
    usage: UsageTold | None = None
    error: Any = None


class Listed(msgspec.Struct):
    """A model that a server lists."""

    id: str
    max_model_len: int | None = None
    """The window, as vLLM tells it."""
    meta: dict[str, Any] | None = None
    """What llama-server tells of it, `n_ctx_train` among it."""

    @property
    def window(self) -> int | None:
        """Tokens that it reads, as far as the server says."""
        told = self.max_model_len or (self.meta or {}).get("n_ctx") or (self.meta or {}).get("n_ctx_train")
        return told if isinstance(told, int) and told > 0 else None


class Listing(msgspec.Struct):
    """What `/models` says."""

    data: list[Listed] = []


def chunk_of(data: bytes) -> Chunk:
    """One event.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return msgspec.json.decode(data, type=Chunk)


def listing_of(data: bytes) -> Listing:
    """The models of a server.

    Raises:
        msgspec.DecodeError: these are none.
    """
    return msgspec.json.decode(data, type=Listing)


def body_of(
    request: GenerationRequest, sample: int, model: str, messages: Sequence[ChatMessage], options: PromptOptions
) -> dict[str, Any]:
    """What is sent for one sample: the keys of the protocol, and the further ones that are asked for."""
    told = [_message(message) for message in messages]
    if options.prefill:
        # Most servers go on from a message of the assistant that stands last.
        told.append({"role": "assistant", "content": options.prefill})
    body: dict[str, Any] = {
        "model": model,
        "messages": told,
        "stream": True,
        "stream_options": {"include_usage": True},
        **_standard(request.sampling, sample),
    }
    if request.logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": min(request.logprobs, MOST_TOP)}
    if request.schema is not None:
        shape = {"name": "answer", "schema": json.loads(request.schema), "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": shape}
    return body | further(request.sampling, options)


def further(sampling: Sampling, options: PromptOptions) -> dict[str, Any]:
    """What is sent beyond the protocol: samplers that are not at their defaults, and the switch of thinking."""
    set_ = {name: getattr(sampling, name) for name in _FURTHER}
    found: dict[str, Any] = {
        name: value for name, value in set_.items() if value is not None and value != getattr(DEFAULTS, name)
    }
    if options.thinking is not None:
        found["chat_template_kwargs"] = {"enable_thinking": options.thinking}
    return found


def _message(message: ChatMessage) -> dict[str, str]:
    thinking = {"reasoning_content": message.thinking} if message.thinking else {}
    return {"role": message.role, "content": message.text, **thinking}


def _standard(sampling: Sampling, sample: int) -> dict[str, Any]:
    found = {name: value for name in _STANDARD if (value := getattr(sampling, name)) is not None}
    if sampling.seed is not None:
        # Some keep seeds in 32 bits with a sign.
        found["seed"] = (sampling.seed + sample) % (1 << 31)
    for name in ("frequency_penalty", "presence_penalty"):
        if found.get(name) == 0:
            del found[name]
    if sampling.stop:
        found["stop"] = list(sampling.stop)
    if sampling.logit_bias:
        sums: dict[str, float] = {}
        for bias in parse_biases(sampling.logit_bias):
            sums[str(bias.token)] = sums.get(str(bias.token), 0.0) + bias.amount
        found["logit_bias"] = sums
    return found


def infos_of(logprobs: Logprobs | None) -> tuple[TokenInfo, ...]:
    """How likely tokens were, as far as the server says.

    Rank and entropy are those within what was told: a token that is not among the alternatives ranks behind them, and
    all that is missing counts as one token, so that the entropy is the least that it can be.
    """
    return tuple(_info(token) for token in (logprobs.content if logprobs else None) or ())


def _info(token: TokenLogprob) -> TokenInfo:
    top = sorted(token.top_logprobs, key=lambda one: -one.logprob)
    rank = next((place for place, one in enumerate(top, 1) if one.token == token.token), len(top) + 1)
    shares = [math.exp(min(0.0, one.logprob)) for one in top] or [math.exp(min(0.0, token.logprob))]
    shares.append(max(0.0, 1.0 - math.fsum(shares)))
    return TokenInfo(
        token=UNKNOWN,
        text=token.token,
        logprob=_bounded(token.logprob),
        rank=rank,
        entropy=-math.fsum(share * math.log(share) for share in shares if share > 0),
        top=tuple(Alternative(UNKNOWN, one.token, _bounded(one.logprob)) for one in top),
        final_logprob=_bounded(token.logprob),
    )


def _bounded(logprob: float) -> float:
    return max(IMPOSSIBLE, min(0.0, logprob))


def said_by(server: bytes) -> str:
    """The reason that a server gives in the body of an error; empty where it gives none."""
    text = server.decode("utf-8", "replace").strip()
    try:
        told = msgspec.json.decode(server)
    except msgspec.DecodeError:
        # A page of HTML says nothing to anybody.
        return "" if text.startswith("<") else text
    return reason_in(told)


def reason_in(told: object) -> str:
    """The sentence in what a server tells of an error."""
    for _ in range(4):
        if not isinstance(told, Mapping):
            break
        told = next((told[key] for key in ("error", "message", "detail") if told.get(key)), "")
    return told if isinstance(told, str) else ""
