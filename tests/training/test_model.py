"""The network's own arithmetic; runs only where torch is installed."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from training.model import SHAPES, Model, Shape, attend, interleave, rotary, rotate, sample_mask  # noqa: E402
from training.muon import orthogonalise  # noqa: E402
from training.trainer import Plan, Progress, rate_factor  # noqa: E402

TINY = Shape(width=16, layers=1, heads=2, hidden=32, context=8)


def test_interleaved_rows_give_the_rotation_of_llama() -> None:
    torch.manual_seed(0)
    weight = torch.randn(16, 16)
    x = torch.randn(1, 8, 16)
    cos, sin = rotary(TINY)
    halves = rotate((x @ weight.T).view(1, 8, 2, 8), cos[:, None], sin[:, None])
    woven = (x @ interleave(weight, 2).T).view(1, 8, 2, 8)
    even, odd = woven[..., 0::2], woven[..., 1::2]
    turned = torch.stack((even * cos[:, None] - odd * sin[:, None], even * sin[:, None] + odd * cos[:, None]), dim=-1)
    ours, theirs = halves.transpose(1, 2), turned.flatten(-2).transpose(1, 2)
    torch.testing.assert_close(ours @ ours.mT, theirs @ theirs.mT)


def test_later_tokens_change_no_earlier_state() -> None:
    model = Model(TINY, 20)
    ids = torch.tensor([[1, 2, 3, 4]])
    changed = torch.tensor([[1, 2, 3, 9]])
    torch.testing.assert_close(model(ids)[:, :3], model(changed)[:, :3])


def test_a_sample_does_not_see_its_neighbour_in_the_row() -> None:
    model, end = Model(TINY, 20), 0
    alone = torch.tensor([[5, 6, end]])
    row = torch.tensor([[3, 4, end, 5, 6, end, 7]])
    states = model(row, sample_mask(row, end))
    torch.testing.assert_close(states[:, 3:6], model(alone, sample_mask(alone, end)))
    torch.testing.assert_close(model(alone), model(alone, sample_mask(alone, end)))


def test_attention_in_parts_is_that_of_the_library() -> None:
    torch.manual_seed(2)
    q, k, v = (torch.randn(2, 2, 300, 8) for _ in range(3))
    mask = sample_mask((torch.arange(600).view(2, 300) % 70 == 69).long(), 1)
    whole = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    torch.testing.assert_close(attend(q, k, v, mask), whole)


def test_orthogonalised_singular_values_are_near_one() -> None:
    torch.manual_seed(1)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(2, 24, 48)))
    assert values.min() > 0.5
    assert values.max() < 1.5


def test_rate_warms_up_stays_and_falls() -> None:
    plan = Plan(minutes=10, warm_up_steps=10)
    assert rate_factor(Progress(step=0, seconds=1), plan) == pytest.approx(0.1)
    assert rate_factor(Progress(step=100, seconds=300), plan) == pytest.approx(1.0)
    assert rate_factor(Progress(step=900, seconds=510), plan) == pytest.approx(0.5)
    assert rate_factor(Progress(step=999, seconds=700), plan) == 0.0


def test_heads_divide_the_width_and_quantise_in_blocks() -> None:
    for shape in SHAPES.values():
        assert shape.width % shape.heads == 0
        assert shape.width % 32 == shape.hidden % 32 == 0
