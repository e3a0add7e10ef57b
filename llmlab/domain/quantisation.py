"""Writing a model in fewer bits: the formats there are, and what came out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TYPES: Final = (
    "f32", "f16", "bf16", "q8_0", "q6_k", "q5_k_m", "q5_k_s", "q5_1", "q5_0", "q4_k_m", "q4_k_s", "q4_1", "q4_0",
    "iq4_nl", "iq4_xs", "q3_k_l", "q3_k_m", "q3_k_s", "q2_k",
)  # fmt: skip
"""llama.cpp's names of the mixtures that need no importance matrix, the largest first."""


@dataclass(frozen=True, slots=True)
class Quantised:
    """A file that was written."""

    path: str
    kind: str
    """One of `TYPES`."""
    bytes_before: int
    bytes_after: int
    tensors: int
    other: int
    """Tensors that llama.cpp kept in a larger format, because their rows do not divide into the blocks of this one."""

    @property
    def share(self) -> float:
        """Bytes after, as a share of those before."""
        return self.bytes_after / self.bytes_before
