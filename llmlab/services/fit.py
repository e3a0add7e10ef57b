"""Whether a model fits into memory, in words."""

from __future__ import annotations

from llmlab.domain.model import Fit
from llmlab.words import say


def fit_words(fit: Fit) -> str:
    """One line: it fits, it fits with a smaller window, or it does not fit; and what a draft model takes of that."""
    words = _fit_words(fit)
    return say("{words}; {size} of it for the draft model", words=words, size=_size(fit.draft)) if fit.draft else words


def _fit_words(fit: Fit) -> str:
    need, free = _size(fit.need), _size(fit.memory_free + fit.gpu_free)
    if fit.verdict == "fits":
        if fit.n_gpu_layers:
            return say("fits: {need}, of it {layers} layers on the GPU", need=need, layers=f"{fit.n_gpu_layers:,}")
        return say("fits: {need} of {free} free", need=need, free=free)
    if fit.verdict == "smaller":
        return say(
            "fits with n_ctx {fitting}: {n_ctx} tokens need {need}, and {free} are free",
            fitting=f"{fit.fitting:,}",
            n_ctx=f"{fit.n_ctx:,}",
            need=need,
            free=free,
        )
    return say(
        "does not fit: it needs {need}, and {free} are free; it will be slow or fail to load", need=need, free=free
    )


def _size(count: int) -> str:
    return f"{count / (1 << 30):,.1f} GB" if count >= 1 << 30 else f"{count / (1 << 20):,.0f} MB"
