from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tests.cli.make import call, refused

from figsight.classifier import load


def test_evaluate__json_says_everything(model: Path, photos: Path, out: Path) -> None:
    result = call("evaluate", model, photos, "--json", "--picture", out / "page.png")
    assert (result.exit_code, result.stderr) == (0, f"picture: {out / 'page.png'}\n")
    found = json.loads(result.stdout)
    assert {"n", "correct", "accuracy", "interval", "per_class", "confusion"} <= found.keys()
    answers = [json.loads(x) for x in call("predict", model, photos, "--json").stdout.splitlines()]
    right = sum(Path(one["path"]).parent.name == one["class_id"] for one in answers)
    assert (found["n"], found["correct"], found["accuracy"]) == (6, right, right / 6)
    assert (out / "page.png").exists()


def test_evaluate__tells_people_what_is_wrong(model: Path, photos: Path) -> None:
    found = json.loads(call("evaluate", model, photos, "--json").stdout)
    assert found["mistakes"], "the test needs some"
    lines = call("evaluate", model, photos).stdout.splitlines()
    assert lines[0] == "6 photos: photos"
    assert lines[1].startswith(f"accuracy {found['accuracy']:.1%}: {found['correct']} of 6 right (")
    assert lines[2].startswith("With 6 photos, ")
    wrong = found["mistakes"][0]
    assert (
        f"  {wrong['path']}: {wrong['name']}, taken for {wrong['predicted_name']} "
        f"({wrong['probability']:.1%})"
    ) in lines


def test_evaluate__folds_cross_validates_the_whole_path(
    data: Path, recipe: Path, out: Path
) -> None:
    how = ("--recipe", recipe, "--weights", "random", "--work", out / "work", "--json")
    result = call("evaluate", "--folds", "2", data, *how)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["n"] == 8 == sum(row["n"] for row in found["per_class"])
    assert found["protocol"].startswith("2-fold cross-validation of data, recipe tiny")
    assert "fold 2: epoch 1 of 1  loss " in result.stderr
    everything = {hashlib.sha256(path.read_bytes()).digest() for path in data.rglob("*.png")}
    learned = []
    for number in (1, 2):
        with load(out / "work" / f"repeat-1-fold-{number}") as classifier:
            learned.append({row.tobytes() for row in classifier.bundle.gallery().sha256})
    # What one network learned is what the other was asked about, and nothing else.
    assert learned[0] | learned[1] == everything
    assert not learned[0] & learned[1]
    again = call("evaluate", "--folds", "2", data, *how)
    assert json.loads(again.stdout) | {"seconds": 0} == found | {"seconds": 0}


def test_evaluate__refuses_what_it_cannot_do(
    model: Path, photos: Path, recipe: Path, out: Path
) -> None:
    expected = "Error: expected: figsight evaluate"
    assert refused("evaluate", model) == f"{expected} MODEL DATA"
    assert refused("evaluate", model, photos, photos) == f"{expected} MODEL DATA"
    assert refused("evaluate", "--folds", "2", model, photos) == f"{expected} --folds N DATA"
    assert refused("evaluate") == "Error: Missing argument '[MODEL] DATA'."
    assert refused("evaluate", "--folds", "1", photos).startswith("Error: Invalid value for '--fol")
    assert refused("evaluate", model, photos, "--epochs", "3") == (
        "Error: --epochs goes with --folds only"
    )
    assert refused("evaluate", "--folds", "2", photos, "--split", "test") == (
        "Error: --split does not go with --folds"
    )
    assert refused("evaluate", model, photos, "--split", "test") == (
        "figsight: photos: expected photos of a split test, found none"
    )
    assert refused("evaluate", model, out / "none").startswith(
        f"figsight: {out / 'none'}: expected"
    )
    assert refused("evaluate", out / "none", photos).startswith(f"figsight: {out / 'none'}: expec")
    (photos / "1" / "bad.png").write_bytes(b"no picture")
    result = call("evaluate", model, photos)
    assert (result.exit_code, result.stdout) == (2, "")
    listed, last = result.stderr.splitlines()
    assert listed.startswith("unreadable: 1/bad.png: ")
    assert last.startswith("figsight: 1 of 7 photos cannot be decoded, first 1/bad.png: ")


# ------------------------------------------------------------------------------- show, and all
