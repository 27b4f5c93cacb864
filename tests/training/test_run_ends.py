"""How a training ends, when it does not go as usual."""

from __future__ import annotations

import signal
import time
from importlib.metadata import version
from threading import Event, main_thread
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from msgspec.structs import replace
from tests.training.make import TINY

from figsight import bundle, train
from figsight.errors import RecipeError
from figsight.training import Silence, change_recipe
from figsight.training.sample import prepare

if TYPE_CHECKING:
    from pathlib import Path

    from figsight.training.checkpoint import EpochRecord


@pytest.mark.parametrize("times", [1, 2])
def test_train__interrupted_leaves_no_thread_that_draws(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    read, drawn = Event(), Event()

    def prepare_and_tell(*arguments: Any, **options: Any) -> Any:
        sample = prepare(*arguments, **options)
        read.set()
        return sample

    def draw(*_: object) -> None:
        read.wait()
        for _press in range(times):
            time.sleep(0.3)  # so that the main thread waits for this one
            signal.pthread_kill(main_thread().ident or 0, signal.SIGINT)
        time.sleep(0.3)
        drawn.set()

    monkeypatch.setattr("figsight.training.run.prepare", prepare_and_tell)
    monkeypatch.setattr("figsight.training.run._draw", draw)
    with pytest.raises(KeyboardInterrupt):
        train(photos, tmp_path / "m", recipe=TINY, weights="random")
    assert drawn.is_set()


@pytest.mark.usefixtures("graph_at_hand")
def test_train__asks_for_versions_before_the_first_epoch(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Upgrade(Silence):
        def epoch(self, record: EpochRecord) -> None:
            monkeypatch.setattr("figsight.training.versions.LIBRARIES", ("nothing-like-it",))

    train(photos, tmp_path / "m", recipe=TINY, weights="random", folds=0, watch=Upgrade())
    with bundle.open_bundle(tmp_path / "m") as opened:
        assert opened.manifest.training.versions["torch"] == version("torch")


def test_train__says_when_a_network_has_lost_what_it_knew(photos: Path, tmp_path: Path) -> None:
    wild = replace(TINY.optimizer, learning_rate=9.0, head_learning_rate=9.0, warmup=0.0)
    recipe = replace(TINY, optimizer=wild, epochs=8, folds=0)
    with pytest.raises(RecipeError, match=r"^recipe tiny: expected a network that tells photos ap"):
        train(photos, tmp_path / "model", recipe=recipe, weights="random")
    # Nor a folder to resume from, that could only come to the same.
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("graph_at_hand")
def test_train__says_how_many_networks_learned_nothing(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ear(Silence):
        lines: ClassVar[list[str]] = []

        def note(self, line: str) -> None:
            self.lines.append(line)

    runs: list[str] = []

    def has_learned(_: object, history: list[EpochRecord]) -> bool:
        runs.append(history[0].run)
        return history[0].run != "final (2)"

    monkeypatch.setattr("figsight.training.soup._has_learned", has_learned)
    recipe = change_recipe(TINY, ingredients=3, folds=0, epochs=1)
    train(photos, tmp_path / "m", recipe=recipe, weights="random", watch=Ear())
    assert "final (2)" in runs
    assert Ear.lines == [
        "your model: 1 of the 3 networks whose mean it is learned nothing, and was left out"
    ]
