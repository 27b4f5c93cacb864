from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.bundle.make import make_bundle
from tests.cli.make import RECIPE, call, refused
from tests.training.make import plant_photos

from figsight.classifier import load
from figsight.training import TrainingResult

if TYPE_CHECKING:
    from pathlib import Path

    from figsight.training.entry import TrainingOptions


def test_train__refuses_before_it_begins(
    data: Path, recipe: Path, model: Path, out: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('colour = "red"\n' + RECIPE)
    ranged = tmp_path / "ranged.toml"
    ranged.write_text(RECIPE.replace("learning_rate = 1e-3", "learning_rate = -1.0", 1))
    single = plant_photos(tmp_path / "single", figures=1)
    new = out / "model"
    how = ("-o", new, "--recipe", recipe, "--weights", "random")
    assert refused("train", data) == "figsight: missing option '-o' / '--output'"
    assert refused("train", out / "none", *how) == (
        f"figsight: {out / 'none'}: expected a folder, a CSV, a zip or kaggle:owner/name, found "
        f"nothing there; check the path"
    )
    assert refused("train", single, *how) == (
        "figsight: single: expected photos of at least two figures, found only 'figure-0'; add "
        "another class"
    )
    assert refused("train", data, "-o", new, "--recipe", wrong) == (
        f"figsight: recipe {wrong}: colour: no such key; remove it, or correct its name"
    )
    assert refused("train", data, "-o", new, "--recipe", ranged) == (
        f"figsight: recipe {ranged}: optimizer.learning_rate: expected a number above 0.0"
    )
    assert refused("train", data, *how, "--positive", "figure-2") == (
        "figsight: data: expected 'figure-0' or 'figure-1' for the figure that is looked for, found "
        "'figure-2'; write one of them as it stands here"
    )
    three = plant_photos(tmp_path / "three", figures=3)
    assert refused("train", three, *how, "--positive", "figure-2") == (
        "figsight: three: expected two figures for one that is looked for, found 3; leave positive out"
    )
    assert refused("train", three, *how, "--sensitivity", "0.9") == (
        "figsight: three: expected two figures for a stated sensitivity, found 3; leave the "
        "sensitivity out"
    )
    assert refused("train", data, *how, "--sensitivity", "95").startswith(
        "figsight: invalid value for '--sensitivity': 95"
    )
    assert refused("train", data, "-o", new, "--recipe", "slow") == (
        "figsight: recipe: expected one of densenet121, quick or a .toml file, found 'slow'"
    )
    assert refused("train", data, *how, "--backbone", "densenet9999").startswith(
        "figsight: backbone: timm knows no network named 'densenet9999'"
    )
    assert refused("train", data, *how, "--weights", out / "none.safetensors").startswith(
        f"figsight: weights {out / 'none.safetensors'}: expected a safetensors file, found: No su"
    )
    assert refused("train", data, *how, "--resume").startswith(
        f"figsight: {new}.training: expected an unfinished training to resume, found none"
    )
    assert refused("train", data, "-o", out / "no" / "model").startswith(
        f"figsight: {out / 'no' / 'model'}: the folder {out / 'no'} does not exist"
    )
    assert refused("train", data, "-o", "/").startswith("figsight: /: expected the name of a new m")
    assert refused("train", data, *how, "--device", "gpu").startswith(
        "figsight: invalid value for '--device': 'gpu' is not one of"
    )
    assert refused("train", data, *how, "--seed", "-1").startswith(
        "figsight: invalid value for '--s"
    )
    for text in ("90", "soon", "0s", "-5m"):
        assert refused("train", data, *how, "--budget", text) == (
            "figsight: invalid value for '--budget': expected a time like 90s, 5m or 1h30m, found "
            f"{text!r}"
        )
    assert refused("train", data, *how, "--budget", "90s", "--epochs", "3") == (
        "figsight: --budget plans the epochs itself: leave it or --epochs out"
    )
    assert list(out.iterdir()) == []


def test_train__leaves_what_is_there_alone(data: Path, recipe: Path, out: Path) -> None:
    existing = make_bundle(out / "model")
    (out / "notes").mkdir()
    (out / "notes" / "diary.txt").write_text("dear diary")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    how = ("--recipe", recipe, "--weights", "random")
    assert refused("train", data, "-o", existing, *how).startswith(
        f"figsight: {existing}: a model is there already"
    )
    assert refused("train", data, "-o", out / "notes", "--overwrite", *how).endswith(
        "which is never overwritten: choose another name"
    )
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    load(existing).close()


def test_train__hands_its_budget_on(data: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def train(_: object, __: object, options: TrainingOptions) -> TrainingResult:
        given.update(vars(options))
        return TrainingResult(out / "model", None, None, (), 8, 1.0)

    monkeypatch.setattr("figsight.training.run.train", train)
    before = time.perf_counter()
    assert call("train", data, "-o", out / "model", "--budget", "1m30s").exit_code == 0
    assert given["budget"].seconds == 90
    # It runs since before the command was called: Python had to start.
    assert given["budget"].began < before
    assert call("train", data, "-o", out / "model").exit_code == 0
    assert given["budget"] is None


def test_train__lists_every_unreadable_photo(data: Path, recipe: Path, out: Path) -> None:
    names = [f"figure-0/bad-{i}.png" for i in range(5)]
    for name in names:
        (data / name).write_bytes(b"no picture")
    result = call("train", data, "-o", out / "model", "--recipe", recipe, "--weights", "random")
    assert (result.exit_code, result.stdout) == (2, "")
    _, *listed, last = result.stderr.splitlines()  # the first tells that photos are read
    assert [line.split(": ")[:2] for line in listed] == [["unreadable", name] for name in names]
    assert all(len(line.split(": ", 2)[2]) > 5 for line in listed)
    assert last.startswith("figsight: 5 of 13 photos cannot be decoded: figure-0/bad-0.png: ")
    assert last.endswith("; repair or remove them, or --skip-bad continues without them")
    assert list(out.iterdir()) == []


def test_train__leaves_listed_photos_out_that_are_not_there(
    data: Path, recipe: Path, out: Path
) -> None:
    rows = [f"{path.relative_to(data)},{path.parent.name}" for path in sorted(data.rglob("*.png"))]
    (data / "photos.csv").write_text("\n".join(["path,label", "gone.png,figure-0", *rows]))
    how = ("--recipe", recipe, "--weights", "random", "--folds", "0")
    assert refused("train", data, "-o", out / "m", *how).startswith(
        f"figsight: photos.csv: 1 of the {len(rows) + 1} photos that it lists is not there: gone.png; "
    )
    result = call("train", data, "-o", out / "m", *how, "--skip-bad")
    assert result.exit_code == 0
    assert "\n1 listed photo is not there, and left out: gone.png\n" in result.stderr
    (skipped,) = json.loads((out / "m/manifest.json").read_text())["training"]["skipped"]
    assert skipped == {
        "path": "gone.png",
        "reason": "expected a file where the table says, found none",
    }
    found = call("evaluate", out / "m", data, "--skip-bad").stdout
    assert "\n  gone.png: expected a file where the table says, found none\n" in found


def test_train__skips_bad_photos_and_says_which(data: Path, recipe: Path, out: Path) -> None:
    (data / "figure-1" / "bad.png").write_bytes(b"no picture")
    new = out / "model"
    how = ("--recipe", recipe, "--weights", "random", "--folds", "0", "--skip-bad")
    result = call("train", data, "-o", new, *how)
    assert result.exit_code == 0, result.stderr
    first, *_, last = result.stdout.splitlines()
    assert first.startswith(f"{new}: trained on 8 photos in ")
    assert last == f"next: figsight predict {new} PHOTO"
    assert "your model: epoch 1 of 1  loss " in result.stderr
    (skipped,) = json.loads((new / "manifest.json").read_text())["training"]["skipped"]
    assert skipped["path"] == "figure-1/bad.png"
    assert skipped["reason"]
    assert [path.name for path in out.iterdir()] == ["model"]
    found = json.loads(call("evaluate", new, data, "--json", "--skip-bad").stdout)
    assert found["skipped"] == [skipped]
    assert found["notes"] == [
        "The model was trained on all 8 of these photos: the numbers flatter it."
    ]


# ------------------------------------------------------------------------------------ evaluate


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ('{"recipe": {}, "seed": 0, "photos": ""}', "the same command with --resume goes on"),
        ("{", "too early to keep anything"),  # the plan was not yet whole
        ("", "too early to keep anything"),  # only a folder
        (None, "too early to keep anything"),
    ],
)
def test_train__says_after_an_interruption_how_it_goes_on(
    data: Path, out: Path, monkeypatch: pytest.MonkeyPatch, kept: str | None, said: str
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        if kept is not None:
            (out / "m.training").mkdir(parents=True)
        if kept:
            (out / "m.training" / "plan.json").write_text(kept)
        raise KeyboardInterrupt

    monkeypatch.setattr("figsight.training.entry.train", interrupted)
    monkeypatch.setattr("figsight.training.train", interrupted)
    result = call("train", data, "-o", out / "m")
    assert result.exit_code == 1
    assert f"m: interrupted; {said}" in " ".join(result.stderr.split())
