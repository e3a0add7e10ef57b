from __future__ import annotations

from dataclasses import replace

from llmlab.domain.model import Fit
from llmlab.services.fit import fit_words

GB = 1 << 30
FIT = Fit(verdict="fits", need=3 * GB, memory_need=3 * GB, memory_free=8 * GB, n_ctx=8192, fitting=8192)


def test_each_verdict_is_one_line() -> None:
    assert fit_words(FIT) == "fits: 3.0 GB of 8.0 GB free"
    assert fit_words(replace(FIT, gpu_free=GB, n_gpu_layers=12)) == "fits: 3.0 GB, of it 12 layers on the GPU"
    smaller = fit_words(replace(FIT, verdict="smaller", need=9 * GB, fitting=4096))
    assert smaller == "fits with n_ctx 4,096: 8,192 tokens need 9.0 GB, and 8.0 GB are free"
    assert fit_words(replace(FIT, verdict="no", need=20 * GB, fitting=0)).startswith("does not fit: it needs 20.0 GB")


def test_what_a_draft_takes_is_told() -> None:
    assert fit_words(replace(FIT, draft=512 << 20)) == "fits: 3.0 GB of 8.0 GB free; 512 MB of it for the draft model"
