from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.cli.make import call
from tests.evaluation.make import make_evaluation

from figsight.demo.tour import Tour

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_demo__ends_with_what_can_be_typed_next(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = out / "my demo"
    found = make_evaluation([0, 1], [[0.9, 0.1], [0.2, 0.8]])

    def take_tour(asked: Path, **_: Any) -> Tour:
        assert asked == folder
        return Tour(asked / "model", found, asked / "p.png", asked / "f.png", asked / "1.jpg")

    monkeypatch.setattr("figsight.demo.tour.take_tour", take_tour)
    monkeypatch.setattr("sys.argv", [".venv/bin/figsight", "demo"])
    monkeypatch.setenv("PATH", str(out))
    result = call("demo", "-o", folder)
    assert result.exit_code == 0
    *_, model, picture, figures, empty, first, second, third = result.stdout.splitlines()
    assert model == f"model:    {folder}/model"
    assert picture == f"picture:  {folder}/p.png"
    assert figures == f"figures:  {folder}/f.png"
    assert empty == ""
    assert first == f"next:     .venv/bin/figsight predict '{folder}/model' '{folder}/1.jpg'"
    assert second == "          .venv/bin/figsight train YOUR-PHOTOS -o YOUR-MODEL"
    assert third == "          (one folder for each figure)"
