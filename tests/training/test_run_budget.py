"""Training inside a budget, from photos to a bundle, by a clock that tests wind."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from tests.training.make import TINY, Interruption, plant_photos

from figsight import bundle, train
from figsight.errors import OutputError, RecipeError
from figsight.training import Silence, change_recipe
from figsight.training.budget import Budget
from figsight.training.parts import Part, deal_more

if TYPE_CHECKING:
    from pathlib import Path

    from figsight.training.checkpoint import EpochRecord


class Ticking:
    """A clock that moves on by as much as one says whenever somebody looks at it."""

    def __init__(self, tick: float) -> None:
        self.now, self.tick = 0.0, tick

    def __call__(self) -> float:
        """Look at it."""
        self.now += self.tick
        return self.now

    def work(self) -> float:
        """All cores are ours, however many there are."""
        return 1000 * self.now


class Ear(Silence):
    """Hears everything."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.records: list[EpochRecord] = []
        self.planned: dict[str, int] = {}

    def begin(self, what: str, steps: int) -> None:
        """Note the last that was said."""
        self.planned[what] = steps

    def epoch(self, record: EpochRecord) -> None:
        """Note it."""
        self.records.append(record)

    def note(self, line: str) -> None:
        """Note it."""
        self.lines.append(line)


BUDGETED = change_recipe(TINY, epochs=4, folds=1, left_out=1)


@pytest.mark.usefixtures("graph_at_hand")
def test_train__within_a_budget_writes_down_what_was_done(photos: Path, tmp_path: Path) -> None:
    clock, ear = Ticking(0.2), Ear()
    budget = Budget(60.0, clock(), clock, clock.work)
    train(photos, tmp_path / "m", recipe=BUDGETED, weights="random", budget=budget, watch=ear)
    with bundle.open_bundle(tmp_path / "m") as opened:
        training = opened.manifest.training
        history = opened.history()
    assert clock.now < 60
    epochs = [one.epoch for one in ear.records if one.run == "final"]
    assert epochs == list(range(1, len(epochs) + 1))
    assert training.epochs == training.recipe["epochs"] == len(epochs) > 1
    assert training.recipe["budget"] == 60.0
    assert (training.recipe["folds"], training.recipe["left_out"]) == (1, 0)  # of two figures
    assert ear.planned["final"] == len(epochs)
    assert history is not None
    assert len(history.splitlines()) == 1 + len(ear.records)
    (line,) = (line for line in ear.lines if line.startswith("budget"))
    found = re.fullmatch(r"budget 60 s: about \d epochs of (\d+) networks", line)
    assert found is not None
    ingredients = training.recipe["ingredients"]
    assert int(found[1]) == 2 * ingredients
    assert len({one.run for one in ear.records}) == 2 * ingredients


@pytest.mark.usefixtures("graph_at_hand")
@pytest.mark.parametrize(("cores", "networks"), [(1, 1), (2, 2), (8, 2)])
def test_train__within_a_budget_leaves_no_core_idle(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int, networks: int
) -> None:
    for room in ("run", "measuring"):
        monkeypatch.setattr(f"figsight.training.{room}.count_threads", lambda: cores)
    clock, ear = Ticking(0.2), Ear()
    budget = Budget(12.0, clock(), clock, clock.work)
    recipe = change_recipe(BUDGETED, folds=0, ingredients=2, epochs=40)  # no time for anything more
    train(photos, tmp_path / "m", recipe=recipe, weights="random", budget=budget, watch=ear)
    with bundle.open_bundle(tmp_path / "m") as opened:
        assert opened.manifest.training.recipe["ingredients"] == networks
    epochs = Counter(one.run for one in ear.records)
    assert set(epochs) == ({"final", "final (2)"} if networks == 2 else {"final"})
    assert max(epochs.values()) - min(epochs.values()) <= 1


def test_train__with_much_time_measures_more_and_ends_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, ear = Ticking(0.01), Ear()
    dealt: list[object] = []

    def deal(*given: Any, **options: Any) -> list[list[Part]]:
        dealt.append(given)
        return deal_more(*given, **options)

    monkeypatch.setattr("figsight.training.measuring.deal_more", deal)
    plant_photos(tmp_path / "set", figures=4)
    budget = Budget(600.0, clock(), clock, clock.work)
    train(
        tmp_path / "set",
        tmp_path / "m",
        recipe=change_recipe(BUDGETED, epochs=1),
        weights="random",
        budget=budget,
        watch=ear,
    )
    with bundle.open_bundle(tmp_path / "m") as opened:
        manifest = opened.manifest
    assert len(dealt) == 1  # though it is asked at every step
    assert manifest.training.recipe["folds"] == 5
    assert manifest.training.recipe["left_out"] == 3
    assert {one.run for one in ear.records} == {
        *("final", "holdout", "fold 2", "fold 3", "fold 4", "fold 5"),
        *("left out 1", "left out 2", "left out 3"),
    }
    score = next(score for score in manifest.scores if score.metric == "accuracy")
    assert score.photos == 24
    assert score.protocol.startswith("5-fold cross-validation")
    assert manifest.calibration is not None
    assert manifest.calibration.unknown is not None
    assert "of 4 figures that 3 networks" in manifest.calibration.unknown.protocol
    assert clock.now < 540
    assert ear.lines[-1].endswith("before its budget: more time would not make it better")
    assert "there is time left to measure more: 2 networks that leave figures out" in ear.lines


@pytest.mark.usefixtures("graph_at_hand")
def test_train__resumed_has_only_the_time_that_is_left(photos: Path, tmp_path: Path) -> None:
    clock = Ticking(0.5)

    def run(**options: Any) -> None:
        budget = Budget(1200.0, clock(), clock, clock.work)
        train(photos, tmp_path / "m", recipe=BUDGETED, weights="random", budget=budget, **options)

    with pytest.raises(KeyboardInterrupt):
        run(watch=Interruption(8))
    state = json.loads((tmp_path / "m.training" / "state.json").read_text())
    assert 20 < state["spent"] < 1200
    assert list((tmp_path / "m.training").glob("*.safetensors"))
    with pytest.raises(OutputError, match=r"had budget 1200\.0, this one has None"):
        train(photos, tmp_path / "m", recipe=BUDGETED, weights="random", resume=True)
    begun, ear = clock.now, Ear()
    run(resume=True, watch=ear)
    assert clock.now - begun < 1200 - state["spent"] + 60
    epochs = [one.epoch for one in ear.records if one.run == "final"]
    assert epochs == list(range(1, len(epochs) + 1))


def test_train__plans_epochs_or_is_told_them(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"^budget: plans the epochs itself, found epochs too"):
        train(photos, tmp_path / "m", recipe=TINY, budget=90, epochs=3)
    with pytest.raises(RecipeError, match=r"^budget: expected more than 0 seconds, found -1$"):
        train(photos, tmp_path / "m", recipe=TINY, budget=-1)
    with pytest.raises(
        RecipeError, match=r"^budget: expected seconds, found '5m'; five minutes are"
    ):
        train(photos, tmp_path / "m", recipe=TINY, budget="5m")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
