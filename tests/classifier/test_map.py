"""Whether the map means anything: of a network that was really trained, on a task whose figures lie
at places that we know.

Each photo is grey noise with a square of one colour (the figure) and a square of a colour that all
figures share (a thing on the table). The network is the one of ``tests.bundle.make``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tests.bundle.make import (
    FIGURES,
    PLACES,
    SIDE,
    make_bundle,
    make_gallery,
    make_proto,
    make_weights,
)
from torch.nn import functional as F

from figsight.classifier import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from figsight.classifier import Classifier

Weights = dict[str, "NDArray[np.float32]"]

CELL = SIDE // PLACES
FIGURE = 6  # pixels a side
MARKED = 9  # cells: as many as a figure covers


def make_photos(
    count: int, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.bool_]]:
    """Photos [N, SIDE, SIDE, 3], their figures [N], and where those are, [N, PLACES, PLACES]."""
    random = np.random.default_rng(seed)
    grey = random.integers(60, 196, (count, SIDE, SIDE, 1))
    photos = np.repeat(grey, 3, axis=3).astype(np.uint8)
    labels = random.integers(0, FIGURES, count)
    where = np.zeros((count, PLACES, PLACES), np.bool_)
    for photo, label, place in zip(photos, labels, where, strict=True):
        top, left, away = CELL * random.integers(0, (SIDE - FIGURE) // CELL + 1, 3)
        photo[(top + SIDE // 2) % SIDE, away : away + FIGURE] = (255, 0, 255)  # the thing
        photo[top : top + FIGURE, left : left + FIGURE] //= 3
        photo[top : top + FIGURE, left : left + FIGURE, label] += 150
        cells = FIGURE // CELL
        place[top // CELL : top // CELL + cells, left // CELL : left // CELL + cells] = True
    return photos, labels.astype(np.int64), where


def teach(steps: int = 150) -> Weights:
    """Train the network of ``make_proto`` from random weights."""
    weights = {
        name: torch.tensor(array * 0.3, requires_grad=True)
        for name, array in make_weights().items()
    }
    photos, labels, _ = make_photos(300, seed=1)
    x = torch.from_numpy(photos).permute(0, 3, 1, 2).float() / 127.5 - 1
    y = torch.from_numpy(labels)
    optimizer = torch.optim.Adam(weights.values(), lr=0.03)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a network only loses time where threads meet
    for _ in range(steps):
        maps = F.conv2d(x, weights["conv.weight"], stride=2, padding=1).relu()
        logits = F.linear(
            maps.mean((2, 3)), weights["classifier.weight"], weights["classifier.bias"]
        )
        optimizer.zero_grad()
        F.cross_entropy(logits, y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    torch.set_num_threads(threads)
    return {name: tensor.detach().numpy() for name, tensor in weights.items()}


@pytest.fixture(scope="module")
def taught() -> Weights:
    return teach()


@pytest.fixture(scope="module")
def classifier(taught: Weights, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classifier]:
    with open_network(taught, tmp_path_factory) as opened:
        yield opened


def open_network(
    weights: Mapping[str, NDArray[np.float32]], places: pytest.TempPathFactory
) -> Classifier:
    gallery = replace(
        make_gallery(),
        head_weight=weights["classifier.weight"],
        head_bias=weights["classifier.bias"],
    )
    model = make_proto(weights=weights).SerializeToString()
    path = places.mktemp("map") / "model"
    return load(make_bundle(path, model=model, gallery=gallery, network=dict(weights)))


PHOTOS, LABELS, WHERE = make_photos(80, seed=2)


def draw_maps(classifier: Classifier) -> NDArray[np.float32]:
    """The map of each photo's own figure, [N, PLACES, PLACES]."""
    ids = [figure.id for figure in classifier.figures]
    return np.stack(
        [
            classifier.explain(photo, ids[label], neighbours=0).heat
            for photo, label in zip(PHOTOS, LABELS, strict=True)
        ]
    )


def test_network__was_really_trained(classifier: Classifier) -> None:
    assert (classifier.run(PHOTOS).logits.argmax(1) == LABELS).mean() > 0.95


def test_map__falls_on_the_figure(classifier: Classifier) -> None:
    hottest = draw_maps(classifier).reshape(len(PHOTOS), -1).argmax(1)
    assert WHERE.reshape(len(PHOTOS), -1)[np.arange(len(PHOTOS)), hottest].mean() > 0.95


def test_map__marks_what_the_logit_rests_on(classifier: Classifier) -> None:
    random = np.random.default_rng(3)
    rows = np.arange(len(PHOTOS))
    marked = np.zeros((len(PHOTOS), PLACES * PLACES), np.bool_)
    elsewhere = marked.copy()
    for i, heat in enumerate(draw_maps(classifier)):
        order = np.argsort(-heat, axis=None)
        marked[i, order[:MARKED]] = True
        elsewhere[i, random.choice(order[MARKED:], MARKED, replace=False)] = True

    def drop(cells: NDArray[np.bool_]) -> NDArray[np.float32]:
        """How much the logit of the photo's figure falls when these cells are blanked."""
        mask = cells.reshape(-1, PLACES, PLACES).repeat(CELL, axis=1).repeat(CELL, axis=2)
        blank = np.where(mask[..., None], np.uint8(128), PHOTOS)
        fall = classifier.run(PHOTOS).logits - classifier.run(blank).logits
        return np.asarray(fall[rows, LABELS])

    assert (drop(marked) > drop(elsewhere)).mean() > 0.95
    assert np.median(drop(marked)) > 5 * abs(np.median(drop(elsewhere)))


def test_map__is_destroyed_by_a_random_head(
    classifier: Classifier, taught: Weights, tmp_path_factory: pytest.TempPathFactory
) -> None:
    maps = draw_maps(classifier)
    alike, pointing = [], []
    for seed in range(8):
        head = np.random.default_rng(seed).normal(size=taught["classifier.weight"].shape)
        weights = taught | {"classifier.weight": head.astype(np.float32)}
        with open_network(weights, tmp_path_factory) as randomised:
            others = draw_maps(randomised)
        alike += [
            np.corrcoef(one.ravel(), other.ravel())[0, 1]
            for one, other in zip(maps, others, strict=True)
        ]
        hottest = others.reshape(len(PHOTOS), -1).argmax(1)
        pointing += list(WHERE.reshape(len(PHOTOS), -1)[np.arange(len(PHOTOS)), hottest])
    # Not to nothing: these few features see little but figures, whatever the head makes of them.
    assert np.mean(alike) < 0.5
    assert np.mean(pointing) < 0.8
