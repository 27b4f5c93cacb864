"""How a head of many figures starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tests.training.make import TINY

from figsight.training import change_recipe
from figsight.training.fit import TrainingSet, fit, seeded
from figsight.training.heads import start_head
from figsight.training.network import answer, plan_network
from figsight.training.pace import Steady
from figsight.training.progress import Silence

if TYPE_CHECKING:
    from pathlib import Path

    from figsight.training.backbones import Network

FIGURES, EACH = 6, 5
CPU = torch.device("cpu")


def make_set() -> TrainingSet:
    """Plain pictures, a colour for each figure, a little lighter or darker from photo to photo."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(FIGURES), EACH)
    colours = rng.integers(40, 215, (FIGURES, 3))
    pixels = colours[labels][:, None, None] + rng.integers(-25, 25, (len(labels), 48, 48, 3))
    return TrainingSet(pixels.astype(np.uint8), np.arange(len(labels)), labels, (48, 48))


def make_network() -> Network:
    return plan_network(TINY, FIGURES, "random", 0).fresh()


def ask(network: Network, data: TrainingSet) -> np.ndarray:
    return answer(network, data.pixels, data.photos, CPU).logits


def test_start_head__names_photos_before_anything_is_learned() -> None:
    data, network = make_set(), make_network()
    before = network.backbone.state_dict()
    before = {k: v.clone() for k, v in before.items() if not k.startswith(network.head_name)}
    right = (ask(network, data).argmax(1) == data.labels).mean()
    start_head(network, data, seeded(0, "x", 0), CPU)
    assert right < 0.5
    assert (ask(network, data).argmax(1) == data.labels).mean() > 0.9
    after = network.backbone.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_start_head__is_as_sure_as_it_is_right_of_photos_left_out() -> None:
    data, network = make_set(), make_network()
    rng = np.random.default_rng(1)
    # Labels that say nothing: nobody may be sure of them.
    chance = TrainingSet(data.pixels, data.photos, rng.permutation(data.labels), data.size)
    start_head(network, chance, seeded(0, "x", 0), CPU)
    logits = torch.from_numpy(ask(network, chance))
    assert float(logits.softmax(1).max(1).values.mean()) < 0.5


def test_start_head__looks_at_some_of_very_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("figsight.training.heads.MOST_ASKED", 12)
    data, network = make_set(), make_network()
    start_head(network, data, seeded(0, "x", 0), CPU)
    assert np.isfinite(ask(network, data)).all()


def test_fit__starts_the_head_once_and_not_again_when_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr("figsight.training.fit.start_head", lambda *_: calls.append(1))
    recipe = change_recipe(TINY, head_start="ridge", epochs=2)
    for kind in ("random", "ridge", "ridge"):
        run = fit(
            make_network(),
            make_set(),
            change_recipe(recipe, head_start=kind),
            run="x",
            seed=0,
            device=CPU,
            checkpoint=tmp_path / kind,
            watch=Silence(),
            pace=Steady(2, 3),
        )
        for _ in run:
            pass
    assert len(calls) == 1


@pytest.mark.parametrize("averaging", [0.0, 0.5])
def test_fit__with_a_damaged_checkpoint_starts_the_head_anew(
    tmp_path: Path, averaging: float
) -> None:
    recipe = change_recipe(TINY, head_start="ridge", epochs=1, averaging=averaging)
    (tmp_path / "damaged").write_bytes(b"half")
    trained = []
    for name in ("none", "damaged"):
        run = fit(
            make_network(),
            make_set(),
            recipe,
            run="x",
            seed=0,
            device=CPU,
            checkpoint=tmp_path / name,
            watch=Silence(),
            pace=Steady(1, 3),
        )
        while True:
            try:
                next(run)
            except StopIteration as end:
                trained.append(end.value[0])
                break
    assert torch.equal(trained[0].head.weight, trained[1].head.weight)
