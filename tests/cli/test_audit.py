from __future__ import annotations

import importlib.util
import json
import sys
from typing import TYPE_CHECKING

import pytest
from tests.audit.make import flawed, plant, png
from tests.cli.make import call, refused
from tests.make import scene

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return plant(tmp_path / "set", flawed())


def test_audit__tells_people_what_was_found(root: Path) -> None:
    result = call("audit", root, "--no-labels")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("set: 23 pictures, 22 labels, 2 figures; 3 problems to fix")
    assert "train/red/broken.png: expected a sound PNG, found a damaged one" in result.stdout


def test_audit__ends_with_what_can_be_typed_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{x}/{k}.png": png(scene(9 * i + k)) for i, x in enumerate("ab") for k in (0, 1)}
    rows = "".join(f"{path},{path[0]}\n" for path in files)
    plant(tmp_path / "-my set", {**files, "photos.csv": f"path,is what\n{rows}".encode()})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["/venv/bin/figsight"])
    result = call("audit", "--no-labels", "--label-column", "is what", "--", "-my set")
    assert result.stdout.splitlines()[-1] == (
        "next: /venv/bin/figsight train './-my set' --label-column 'is what' -o model"
    )


def test_audit__lists_photos_that_are_not_there(tmp_path: Path) -> None:
    files = {f"{x}/{k}.png": png(scene(9 * i + k)) for i, x in enumerate("ab") for k in (0, 1)}
    gone = [f"a/gone{k}.png" for k in range(12)]
    rows = "".join(f"{path},{path[0]}\n" for path in [*gone, *files])
    root = plant(tmp_path / "set", {**files, "photos.csv": f"path,label\n{rows}".encode()})
    result = call("audit", root, "--no-labels")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "\n! 12 listed photos are not there\n" in result.stdout
    assert "\n    a/gone9.png\n    and 2 more\n" in result.stdout
    found = json.loads(call("audit", root, "--no-labels", "--json").stdout)
    assert (found["missing"], found["labelled"]) == (gone, 4)


def test_audit__writes_one_json_object(root: Path) -> None:
    result = call("audit", root, "--no-labels", "--json")
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    found = json.loads(result.stdout)
    assert ["train/red/0.png", "train/red/again.png"] in found["duplicates"]
    assert [bad["path"] for bad in found["unreadable"]] == ["train/red/broken.png"]


def test_audit__writes_a_page(root: Path, out: Path) -> None:
    result = call("audit", root, "--no-labels", "--html", out / "a.html")
    assert (result.exit_code, result.stderr) == (0, f"page: {out / 'a.html'}\n")
    assert (out / "a.html").read_text("utf-8").startswith("<!doctype html>")


def test_audit__says_what_is_wrong_in_one_line(root: Path, out: Path) -> None:
    assert refused("audit", out / "none").endswith("found nothing there; check the path")
    assert refused("audit", root, "--html", out / "no" / "a.html") == (
        f"figsight: {out / 'no' / 'a.html'}: expected an existing folder {out / 'no'}, found none; "
        f"make it first"
    )
    assert list(out.iterdir()) == []


def test_audit__reads_the_named_columns_of_a_csv(tmp_path: Path) -> None:
    plant(tmp_path, {f"{k}.png": png(scene(k)) for k in range(3)})
    (tmp_path / "list.csv").write_text("where,who\n0.png,ann\n1.png,bob\n")
    columns = ("--path-column", "where", "--label-column", "who")
    result = call("audit", tmp_path / "list.csv", "--no-labels", "--json", *columns)
    assert json.loads(result.stdout)["unlisted"] == ["2.png"]


def test_audit__without_torch_does_the_rest(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *more: None if name == "torch" else real(name, *more),
    )
    monkeypatch.setitem(sys.modules, "figsight.training.features", None)
    result = call("audit", root, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["suspect_labels"] == []
    assert len(found["duplicates"]) == 3
    (note,) = found["notes"]
    assert note.endswith("they need an optional part: pip install 'figsight[train]'")
