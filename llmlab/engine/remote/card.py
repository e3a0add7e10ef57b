"""What is known of a model behind a server, and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from llmlab.domain.model import ModelCard, ModelSpec
from llmlab.domain.remote import Remote, told_where
from llmlab.domain.sampling import Sampling
from llmlab.domain.terminal import visible_line
from llmlab.words import say

ASSUMED_WINDOW: Final = 32_768
"""Tokens, where neither the table nor the server says."""


def card_of(spec: ModelSpec, remote: Remote, model: str, told: int | None, *, has_key: bool) -> ModelCard:
    """The card of a model.

    Args:
        spec: as it was asked for.
        remote: the server.
        model: what the server calls it.
        told: the window in tokens, where the server says.
        has_key: a key is sent.
    """
    window = spec.n_ctx or told or ASSUMED_WINDOW
    return ModelCard(
        name=spec.name,
        path=spec.path,
        title=visible_line(model),
        architecture="",
        quantisation="",
        parameters=0,
        file_bytes=0,
        n_ctx=window,
        n_ctx_train=told or window,
        n_vocab=0,
        n_layer=0,
        n_gpu_layers=0,
        device=remote.host,
        n_threads=0,
        build=remote.url,
        template_name="",
        can_think=False,
        sampling=Sampling(),
        load_s=0.0,
        host=remote.host,
        notes=tuple(_notes(remote, spec.n_ctx or told, window, has_key=has_key)),
    )


def _notes(remote: Remote, known: int | None, window: int, *, has_key: bool) -> Iterator[str]:
    yield told_where(remote)
    yield say(
        "Token counts are estimates and the prompt is shown without the server's own template, which it tells nobody; "
        "texts cannot be scored, and grammars not followed."
    )
    if known is None:
        yield say("How long its window is was not said: {tokens:,} tokens are assumed; n_ctx sets it.", tokens=window)
    if has_key and not remote.here and not remote.encrypted:
        yield say("The key and all texts go to {host} unencrypted.", host=remote.host)
