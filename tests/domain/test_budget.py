"""A window that is said to suffice does."""

from __future__ import annotations

import pytest

from llmlab.domain.assembly import OriginSpan
from llmlab.domain.budget import budget_of, ways_out


def larger(used: int, window: int, trained: int, max_tokens: int | None = None) -> int | None:
    """The larger window that is offered for a prompt of `used` tokens."""
    spans = (OriginSpan(0, 1, "question", 0, used),)
    ways = ways_out(spans, budget_of(spans, window, max_tokens), trained)
    found = next((way.amount for way in ways if way.kind == "larger_window"), None)
    if found is not None:
        assert budget_of(spans, found, max_tokens).over == 0
    return found


@pytest.mark.parametrize("used", [800, 1000, 1300, 2000, 5000])
@pytest.mark.parametrize("max_tokens", [None, 16, 256, 900])
def test_the_larger_window_holds_what_is_set_aside_in_it(used: int, max_tokens: int | None) -> None:
    assert larger(used, 1024, 32_768, max_tokens) is not None or used + (max_tokens or 256) <= 1024


def test_a_larger_window_is_offered_up_to_the_trained_one() -> None:
    # 1,000 tokens with a quarter of the window for the answer fill 1,333.
    assert larger(1000, 1024, 1332) is None
    assert larger(1000, 1024, 1333) == 1333
    assert larger(1000, 1024, 8192) == 1536
    assert larger(1000, 1024, 8192, max_tokens=100) == 1280
