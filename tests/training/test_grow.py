"""A grown model computes what the small one did, and its copies part when it learns."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from training.grow import grown, sources  # noqa: E402
from training.model import Model, Shape  # noqa: E402

SMALL = Shape(width=64, layers=2, heads=2, hidden=96, context=32)
LARGE = Shape(width=128, layers=3, heads=4, hidden=192, context=32)


def _pair() -> tuple[Model, Model]:
    small = Model(SMALL, 50, seed=3)
    large = Model(LARGE, 50, seed=4)
    large.load_state_dict(grown(small.state_dict(), SMALL, LARGE, seed=5))
    return small, large


def test_a_grown_model_scores_every_token_as_the_small_one() -> None:
    small, large = _pair()
    ids = torch.randint(0, 50, (2, 32), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(large.logits(large(ids)), small.logits(small(ids)), atol=2e-5, rtol=1e-4)


def test_one_step_parts_the_copies() -> None:
    _, large = _pair()
    ids = torch.randint(0, 50, (2, 32), generator=torch.Generator().manual_seed(2))
    torch.nn.functional.cross_entropy(large.logits(large(ids)[:, :-1].flatten(0, 1)), ids[:, 1:].flatten()).backward()
    for layer in large.layers:
        gradient = layer.attn_output.weight.grad
        assert gradient is not None
        upper, lower = gradient.chunk(2)
        assert not torch.allclose(upper, lower, rtol=0.05)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (2, 2, [(0, False), (1, False)]),
        (2, 3, [(0, False), (0, True), (1, False)]),
        (5, 7, [(0, False), (1, False), (1, True), (2, False), (2, True), (3, False), (4, False)]),
    ],
)
def test_added_layers_are_spread(old: int, new: int, expected: list[tuple[int, bool]]) -> None:
    assert sources(old, new) == expected


@pytest.mark.parametrize("wrong", [{"width": 96}, {"heads": 2}, {"hidden": 96}, {"layers": 1}, {"layers": 9}])
def test_only_a_doubled_shape_can_be_grown_into(wrong: dict[str, int]) -> None:
    small = Model(SMALL, 50).state_dict()
    with pytest.raises(ValueError, match="doubled"):
        grown(small, SMALL, replace(LARGE, **wrong), seed=1)
