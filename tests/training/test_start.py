"""Going on from a GGUF; runs only where torch and gguf are installed."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("gguf")

from training.bpe import Tokenizer  # noqa: E402
from training.export import export  # noqa: E402
from training.model import Model, Shape, interleave  # noqa: E402
from training.start import start_from  # noqa: E402

SHAPE = Shape(width=64, layers=2, heads=2, hidden=64)
TOKENIZER = Tokenizer([("a", "b")], ["cat"])


def written(folder: Path) -> tuple[Model, Path]:
    model = Model(SHAPE, len(TOKENIZER.tokens), seed=3)
    weights = {
        name: (interleave(weight, SHAPE.heads) if "attn_q." in name or "attn_k." in name else weight).detach().numpy()
        for name, weight in model.state_dict().items()
    }
    path = folder / "m.gguf"
    export(path, "m", SHAPE, weights, TOKENIZER)
    return model, path


def test_what_was_exported_is_where_training_starts(tmp_path: Path) -> None:
    model, path = written(tmp_path)
    start = start_from(path, SHAPE.heads, TOKENIZER.tokens)
    assert start.keys() == model.state_dict().keys()
    for name, weight in model.state_dict().items():
        # Q8_0 keeps seven bits of the largest weight of each block of 32.
        torch.testing.assert_close(start[name], weight, atol=float(weight.abs().max()) / 127, rtol=0)


def test_another_vocabulary_is_refused(tmp_path: Path) -> None:
    _, path = written(tmp_path)
    with pytest.raises(ValueError, match="another vocabulary"):
        start_from(path, SHAPE.heads, [*TOKENIZER.tokens[:-1], "dog"])
