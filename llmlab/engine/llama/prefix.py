"""Token arrays and what two of them have in common."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Tokens = npt.NDArray[np.int32]
"""Token ids, shape (n,)."""


def common_prefix(first: Tokens, second: Tokens) -> int:
    """Tokens at the beginning that both have in common."""
    length = min(len(first), len(second))
    if not length:
        return 0
    differ = first[:length] != second[:length]
    place = int(differ.argmax())
    return place if differ[place] else length
