"""The parts of the training against torch's own modules, formulas and hand-made cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from segmentwerk.segmenters import _training, _training_data
from segmentwerk.segmenters._embedder import FoldedMLP
from segmentwerk.segmenters._losses import Losses, contrast
from segmentwerk.segmenters._network import MLP
from segmentwerk.segmenters._optimizer import AdamW, one_cycle
from segmentwerk.segmenters._training import Hyperparameters, Trainer
from segmentwerk.segmenters._training_data import TrainingData
from segmentwerk.segmenters._variables import Variables

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)
PARAMS = Hyperparameters(embedding=3, epochs=4, learning_rate=2e-3, temperature=0.5, contrast=1.0)


@pytest.fixture(autouse=True)
def _same_draws_and_no_memory() -> None:
    torch.manual_seed(0)
    _training._memory.clear()


def dataset(n_rows: int = 260, n_columns: int = 5) -> TrainingData:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(n_rows, n_columns)) + 4 * rng.integers(2, size=n_rows)[:, None]
    return TrainingData.prepare(rows, [f"x{i}" for i in range(n_columns)], 5, CPU)


def modules(half: MLP, flat: torch.Tensor) -> nn.Sequential:
    """Return torch's modules with the parameters of the flat vector."""
    layers: list[nn.Module] = []
    for width, following in zip(half.widths[:-2], half.widths[1:-1], strict=True):
        layers += [nn.Linear(width, following, bias=False), nn.BatchNorm1d(following), nn.LeakyReLU(0.01)]
    network = nn.Sequential(*layers, nn.Linear(*half.widths[-2:]))
    with torch.no_grad():
        pieces = torch.split(flat, [math.prod(shape) for shape in half.shapes])
        for parameter, piece in zip(network.parameters(), pieces, strict=True):
            parameter.copy_(piece.view(parameter.shape))
    return network


@pytest.fixture
def half() -> MLP:
    return MLP((5, 8, 6, 3))


@pytest.fixture
def flat(half: MLP) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return half.initial_parameters(generator) + 0.1 * torch.randn(half.size, generator=generator)


def test_the_network_and_its_gradient_equal_those_of_modules(half: MLP, flat: torch.Tensor) -> None:
    rows = torch.randn(40, 5)
    network = modules(half, flat)
    parameters = flat.clone().requires_grad_()
    torch.testing.assert_close(half.forward(parameters, rows), network(rows))
    half.forward(parameters, rows).square().sum().backward()
    network(rows).square().sum().backward()
    expected = torch.cat([parameter.grad.reshape(-1) for parameter in network.parameters()])
    torch.testing.assert_close(parameters.grad, expected, rtol=1e-4, atol=1e-4)


def test_a_new_network_starts_as_torch_starts_a_linear_layer(half: MLP) -> None:
    start = half.initial_parameters(torch.Generator().manual_seed(0))
    assert start.shape == (half.size,)
    first = start[: 8 * 5]
    assert first.abs().max() <= 1 / math.sqrt(5)
    assert first.std() == pytest.approx(1 / math.sqrt(15), rel=0.25)
    torch.testing.assert_close(start[40:48], torch.ones(8))
    torch.testing.assert_close(start[48:56], torch.zeros(8))


def test_folding_keeps_the_function(half: MLP, flat: torch.Tensor) -> None:
    rows = torch.randn(200, 5)
    maps, output = half.fold(flat, rows)
    torch.testing.assert_close(output, half.forward(flat, rows), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        maps.forward(rows.numpy().astype(np.float64)), output.numpy(), rtol=1e-3, atol=1e-4
    )


def test_scaling_and_order_fold_into_the_maps() -> None:
    layers = tuple((RNG.normal(size=shape), RNG.normal(size=shape[0])) for shape in ((4, 3), (3, 4)))
    maps, rows, order = FoldedMLP(layers), RNG.normal(size=(10, 3)), np.array([2, 0, 1])
    center, scales = np.array([1.0, 2.0, 3.0]), np.array([0.5, 2.0, 1.0])
    standard = ((rows - center) / 4.0)[:, order]
    np.testing.assert_allclose(maps.before(center, 4.0, order).forward(rows), maps.forward(standard))
    expected = np.empty_like(rows)
    expected[:, order] = maps.forward(rows) * scales + center
    np.testing.assert_allclose(maps.after(center, scales, order).forward(rows), expected)


def test_the_optimiser_walks_as_torch_s_own() -> None:
    ours = torch.randn(50, dtype=torch.float64)
    theirs = nn.Parameter(ours.clone())
    optimizer, reference = AdamW(ours), torch.optim.AdamW([theirs], weight_decay=1e-4)
    for step in range(20):
        gradient = torch.randn(50, dtype=torch.float64) * (10 if step % 2 else 0.1)
        rate = 1e-2 * one_cycle(step / 20)
        optimizer.step(ours, gradient, rate)
        reference.param_groups[0]["lr"] = rate
        theirs.grad = gradient.clone()
        nn.utils.clip_grad_norm_(theirs, 5.0)
        reference.step()
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-5, atol=1e-7)


def test_the_learning_rate_rises_to_its_peak_and_falls_to_nothing() -> None:
    rates = [one_cycle(done) for done in np.linspace(0, 1, 101)]
    assert rates[0] == pytest.approx(0.04)
    assert max(rates) == pytest.approx(1.0)
    assert int(np.argmax(rates)) == 30
    assert rates[-1] == pytest.approx(0.0)
    assert np.all(np.diff(rates[:31]) > 0)
    assert np.all(np.diff(rates[30:]) < 0)


def test_the_contrast_is_the_mean_cross_entropy_of_both_directions() -> None:
    left, right = torch.randn(12, 4), torch.randn(12, 4)
    cosines = nn.functional.cosine_similarity(left[:, None], right[None], dim=2) / 0.3
    own = torch.arange(12)
    expected = (nn.functional.cross_entropy(cosines, own) + nn.functional.cross_entropy(cosines.T, own)) / 2
    torch.testing.assert_close(contrast(left, right, 0.3), expected)


def test_the_contrast_stays_finite_at_the_lowest_temperature() -> None:
    rows = torch.eye(8)
    assert contrast(rows, rows, 0.05) < 1e-6
    assert torch.isfinite(contrast(rows, -rows, 0.05))


def planned(flagged: bool = True) -> tuple[Losses, np.ndarray, Variables]:
    """One number with gaps, its flag, and a category of three levels, standardised."""
    rng = np.random.default_rng(0)
    value, missing, level = rng.normal(size=600), rng.random(600) < 0.3, rng.integers(3, size=600)
    value[missing] = 0.25
    rows = np.column_stack([value, missing * 1.0, *(0.8 * (level == number) for number in range(3))])
    rows = (rows - rows.mean(axis=0)) / np.sqrt(rows.var(axis=0).mean())
    names = ["age", "age_missing" if flagged else "flag", "kind=a", "kind=b", "kind=c"]
    variables = Variables.read(names, rows)
    return Losses(variables, rows, CPU), rows, variables


def test_a_network_that_learned_nothing_has_a_loss_of_one() -> None:
    losses, rows, variables = planned(flagged=False)
    output = np.tile(rows.mean(axis=0), (len(rows), 1))
    shares = (rows[:, 2:] > variables.low[2:]).mean(axis=0)
    output[:, 2:] = np.log(shares)
    loss = losses.reconstruction(torch.tensor(output).float(), torch.tensor(rows).float())
    assert float(loss) == pytest.approx(1.0, rel=1e-5)


def test_levels_cost_their_cross_entropy_and_unknown_ones_nothing() -> None:
    rng = np.random.default_rng(3)
    kind, size = rng.integers(3, size=400), rng.integers(-1, 4, size=400)  # -1: unknown
    rows = np.column_stack(
        [*(1.0 * (kind == number) for number in range(3)), *(0.5 * (size == number) for number in range(4))]
    )
    rows = rows[:, [0, 3, 1, 4, 2, 5, 6]]  # the levels of two variables, interleaved
    names = ["kind=a", "size=s", "kind=b", "size=m", "kind=c", "size=l", "size=xl"]
    losses = Losses(Variables.read(names, rows), rows, CPU)
    output = rng.normal(scale=5, size=rows.shape)
    mine = float(losses.reconstruction(torch.tensor(output).float(), torch.tensor(rows).float()))
    expected = 0.0
    for columns, level in ((np.array([0, 2, 4]), kind), (np.array([1, 3, 5, 6]), size)):
        known = level >= 0
        shares = np.bincount(level[known], minlength=len(columns)) / len(rows)
        shares = np.append(shares, 1 - shares.sum())
        shares = shares[shares > 0]
        weight = rows[:, columns].var(axis=0).sum() / -(shares * np.log(shares)).sum() / rows.shape[1]
        logits = torch.tensor(output[:, columns])[known]
        missed = nn.functional.cross_entropy(logits, torch.tensor(level[known]), reduction="sum")
        expected += weight * float(missed) / len(rows)
    assert mine == pytest.approx(expected, rel=1e-5)


def test_a_perfect_network_has_no_loss() -> None:
    losses, rows, variables = planned()
    output = rows.copy()
    output[:, 2:] = np.where(rows[:, 2:] > variables.low[2:], 50.0, -50.0)
    loss = losses.reconstruction(torch.tensor(output).float(), torch.tensor(rows).float())
    assert float(loss) == pytest.approx(0.0, abs=1e-6)


def test_missing_values_are_not_asked_for() -> None:
    losses, rows, variables = planned()
    missing = rows[:, 1] > 0
    output = rows.copy()
    output[missing, 0] += 100.0
    output[:, 2:] = np.where(rows[:, 2:] > variables.low[2:], 50.0, -50.0)
    tensors = torch.tensor(output).float(), torch.tensor(rows).float()
    assert float(losses.reconstruction(*tensors)) == pytest.approx(0.0, abs=1e-6)


def test_damage_jitters_numbers_and_hides_whole_variables() -> None:
    losses, rows, variables = planned()
    many = torch.tensor(np.tile(rows, (20, 1))).float()
    damaged = losses.damage(many, torch.Generator().manual_seed(0)).numpy()
    level_low = variables.low[2:].astype(np.float32)
    hidden_level = np.isclose(damaged[:, 2:], level_low).all(axis=1)
    untouched_level = np.isclose(damaged[:, 2:], many.numpy()[:, 2:]).all(axis=1)
    assert (hidden_level ^ untouched_level).all()
    assert hidden_level.mean() == pytest.approx(0.1, abs=0.01)
    known = many.numpy()[:, 1] < 0
    gone = known & (damaged[:, 1] > variables.low[1] + 1e-3)
    assert gone.sum() / known.sum() == pytest.approx(0.1, abs=0.01)
    filled = rows[rows[:, 1] > 0, 0].mean()
    np.testing.assert_allclose(damaged[gone, 0], filled, atol=1e-5)
    jitter = (damaged - many.numpy())[known & ~gone, 0]
    assert jitter.std() == pytest.approx(0.1 * rows[:, 0].std(), rel=0.05)


def test_a_lesson_is_standard_and_keeps_validation_rows_apart() -> None:
    made = dataset()
    assert float(made.rows.var(dim=0, correction=0).mean()) == pytest.approx(1.0, rel=1e-5)
    assert len(made.held_out) == 26
    assert set(made.anchors.tolist()) | set(made.held_out.tolist()) == set(range(260))
    assert int(made.graph.max()) < len(made.anchors)
    small = dataset(50)
    assert len(small.anchors) == len(small.held_out) == 50


def test_columns_are_ordered_by_what_they_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, turn = RNG.normal(size=(80, 4)), np.array([3, 1, 0, 2])
    names = np.array(list("abcd"))
    one, other = (
        TrainingData.prepare(rows, names, 5, CPU),
        TrainingData.prepare(rows[:, turn], names[turn], 5, CPU),
    )
    torch.testing.assert_close(one.rows, other.rows)
    assert [names[column] for column in one.order] == [names[turn][column] for column in other.order]
    monkeypatch.setattr(_training_data, "MAX_POOL", 30)
    assert int(TrainingData.prepare(rows, names, 5, CPU).graph.max()) < 30


def test_an_epoch_is_a_pass_but_neither_short_nor_long(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(dataset(), PARAMS, 0)
    batches = list(trainer._batches())
    assert len(batches) == trainer.steps == 24
    assert {len(batch) for batch in batches} == {192}
    monkeypatch.setattr(_training, "BATCH", 256)
    (whole, *_) = Trainer(dataset(), PARAMS, 0)._batches()
    assert sorted(whole.tolist()) == list(range(234))
    monkeypatch.setattr(_training, "BATCH", 100)
    assert [len(batch) for batch in Trainer(dataset(), PARAMS, 0)._batches()] == [100] * 24
    monkeypatch.setattr(_training, "MIN_STEPS", 1)
    assert Trainer(dataset(), PARAMS, 0).steps == 3
    monkeypatch.setattr(_training, "MAX_STEPS", 2)
    assert Trainer(dataset(), PARAMS, 0).steps == 2


def test_training_lowers_the_loss_on_rows_it_never_saw() -> None:
    trainer = Trainer(dataset(), PARAMS, 0)
    before = trainer._validate()
    heard: list[tuple[int, float]] = []
    trainer.run(lambda *said: heard.append(said))
    assert [epoch for epoch, _ in heard] == [1, 2, 3, 4]
    assert trainer.curve == [loss for _, loss in heard]
    assert trainer.curve[-1] < trainer.curve[0] < before


def test_it_stops_when_validation_no_longer_improves_and_keeps_the_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_training, "MIN_STEPS", 2)
    losses = iter([3.0, 2.0, 1.0, *[4.0] * 30])
    monkeypatch.setattr(Trainer, "_validate", lambda _: next(losses))
    trainer = Trainer(dataset(), Hyperparameters(3, 30, 2e-3, 0.5, 1.0), 0)
    seen: list[torch.Tensor] = []
    trainer.run(lambda *_: seen.append(trainer.flat.detach().clone()))
    assert trainer.curve == [3.0, 2.0, 1.0] + [4.0] * 5
    torch.testing.assert_close(trainer.best, seen[2])


def test_validation_does_not_depend_on_what_the_search_varies() -> None:
    one, other = (
        Trainer(dataset(), Hyperparameters(3, 4, 2e-3, *varied), 0) for varied in ((0.5, 1.0), (1.0, 0.1))
    )
    assert one._validate() == other._validate()


def test_half_precision_trains_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """The precision of a graphics card, tried on the processor."""
    autocast = torch.autocast
    monkeypatch.setattr(torch, "autocast", lambda kind, dtype, **_: autocast(kind, dtype, enabled=True))
    trainer = Trainer(dataset(), PARAMS, 0)
    before = trainer._validate()
    trainer.run(lambda *_: None)
    assert trainer.flat.dtype == torch.float32
    assert trainer.curve[-1] < before
