from __future__ import annotations

import inspect
import subprocess
import sys
import time
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest

import figsight
from figsight.errors import OutputError, RecipeError
from figsight.training import entry, run
from figsight.training.budget import Budget

if TYPE_CHECKING:
    from pathlib import Path

WITHOUT = """
import sys
sys.modules.update(dict.fromkeys(
    ("torch", "torchvision", "timm", "onnx", "onnxscript", "matplotlib", "rich")
))
import figsight
"""
LOOKING = """
import inspect, pydoc
from figsight import *
assert callable(train)
found = dict(inspect.getmembers(figsight))
assert set(figsight.__all__) <= set(found)
assert "Train a classifier" in pydoc.render_doc(figsight)
import figsight.training
assert "Train a classifier" in pydoc.render_doc(figsight.training)
"""
CALLING = """
from pathlib import Path
from figsight.demo.tour import take_tour
from figsight.errors import MissingExtraError
calls = [
    lambda: figsight.train("photos", sys.argv[1] + "/model", budget=3),
    lambda: take_tour(Path(sys.argv[1], "demo"), seed=0, overwrite=False, watch=None),
]
for call in calls:
    try:
        call()
    except MissingExtraError as error:
        print(error)
assert not list(Path(sys.argv[1]).iterdir())
"""


def _without_torch(script: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_train__can_be_looked_at_without_torch() -> None:
    _without_torch(LOOKING)


def test_train__says_what_to_install_when_it_is_called(tmp_path: Path) -> None:
    message = "training needs an optional part: pip install 'figsight[train]'"
    assert _without_torch(CALLING, tmp_path).splitlines() == [message, message]


def test_train__is_what_runs() -> None:
    assert figsight.train is entry.train
    _, _, *asked = inspect.signature(figsight.train).parameters
    assert [one.name for one in fields(entry.TrainingOptions)] == asked


def test_train__hands_everything_on(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(run, "train", lambda *all_of_it: given.extend(all_of_it))
    data, out, *rest = inspect.signature(entry.train).parameters
    options: dict[str, Any] = {name: object() for name in rest}
    options |= {"epochs": None, "budget": Budget(5), "sensitivity": 0.9, "seed": 7}
    entry.train(data, out, **options)
    assert given == [data, out, entry.TrainingOptions(**options)]


@pytest.mark.parametrize("seed", [-1, 1.5, "1", 2**80, None])
def test_train__refuses_a_seed_that_is_none(seed: Any, tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"^seed: expected a whole number from 0 up, found .*; ch"
    ):
        figsight.train("photos", tmp_path / "m", seed=seed)
    assert not list(tmp_path.iterdir())


def test_train__budget_runs_while_torch_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[float] = []
    budgets: list[Any] = []

    def load() -> Any:
        loaded.append(time.perf_counter())
        return lambda _, __, options: budgets.append(options.budget)

    monkeypatch.setattr(entry, "require_training", load)
    entry.train("photos", "model", budget=5)
    assert budgets[0].seconds == 5
    assert budgets[0].began < loaded[0]


@pytest.mark.parametrize("out", ["", ".", "/", "a\0b"])
def test_train__refuses_a_name_that_is_none(out: str) -> None:
    with pytest.raises(
        OutputError, match=r": expected (a name for a file|the name of a new model), "
    ):
        figsight.train("photos", out)
