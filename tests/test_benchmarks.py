"""What the benchmarks say of their own results."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import cameras, growth, provenance
from benchmarks.main_job import extrapolate
from benchmarks.peers import __main__ as peers
from benchmarks.peers.planning import Photos
from benchmarks.peers.registry import PEERS
from benchmarks.peers.results import Result, find_old
from benchmarks.peers.tables import summarise, time_to_marks, to_dict, to_markdown
from PIL import Image

import figsight

SOURCE = Path(figsight.__file__).parent
PLAIN = ("errors.py", "files.py")


def copy_of(folder: Path) -> Path:
    """A package of two modules and a recipe."""
    folder.mkdir()
    for name in PLAIN:
        shutil.copy(SOURCE / name, folder / name)
    shutil.copy(SOURCE / "training" / "recipes" / "quick.toml", folder / "quick.toml")
    return folder


def test_read_code__finds_the_figsight_that_is_imported_here() -> None:
    assert provenance.read_code() == provenance.read_code(SOURCE)
    assert len(provenance.read_code()["sha256"]) == 64


def test_read_code__goes_by_names_and_contents_of_modules_and_recipes(tmp_path: Path) -> None:
    one, two = copy_of(tmp_path / "one"), copy_of(tmp_path / "two")
    (two / "__pycache__").mkdir()
    (two / "__pycache__" / "errors.pyc").write_bytes(b"compiled")
    code = provenance.read_code(one)
    assert provenance.read_code(two) == code
    assert code["commit"] == ""  # lies in no repository
    seen = {code["sha256"]}
    with (two / "quick.toml").open("a") as recipe:
        recipe.write("# another\n")
    seen.add(provenance.read_code(two)["sha256"])
    with (two / "errors.py").open("a") as module:
        module.write("# another\n")
    seen.add(provenance.read_code(two)["sha256"])
    (two / "files.py").rename(two / "rows.py")
    seen.add(provenance.read_code(two)["sha256"])
    assert len(seen) == 4


def test_say_other_code__names_what_is_not_this_or_not_known() -> None:
    now = {"sha256": "a" * 64, "commit": "c" * 40}
    then = {"sha256": "b" * 64, "commit": "d" * 40 + "+"}
    assert provenance.say_other_code(now, now) == ""
    assert provenance.say_other_code({**now, "commit": ""}, now) == ""  # the same, elsewhere
    assert provenance.say_other_code(then, now) == f"code {'b' * 10}, commit {'d' * 10}+"
    assert provenance.say_other_code({}, now) == "unknown code"
    assert provenance.say_other_code(then, {}) == f"code {'b' * 10}, commit {'d' * 10}+"


def test_say_other_packages__counts_what_is_in_both() -> None:
    then = {"python": "3.11.1", "figsight": "0.1.0", "torch": "2.1", "fastai": "2.7"}
    now = {"python": "3.12.0", "figsight": "0.2.0", "torch": "2.2", "keras": "3.0"}
    assert provenance.say_other_packages(then, now) == "torch 2.1, not 2.2"
    assert provenance.say_other_packages(then, {**now, "torch": "2.1"}) == ""


NOW = {"sha256": "a" * 64, "commit": ""}
VERSIONS = {"figsight": "0.1.0", "torch": "2.2", "fastai": "2.7"}  # no keras: it cannot be run
PHOTOS = Photos("data", ["0.png", "1.png"], [0, 1], ["0", "1"], ["a", "b"], 2, "")


def make_result(peer: str, setting: str, seconds: float, **changes: Any) -> Result:
    """A run that was right in the end."""
    given: dict[str, Any] = {
        "held": [0, 1],
        "predicted": [0, 1],
        "curve": [(seconds, 1.0)],
        "of_epochs": 1,
        "versions": VERSIONS,
        "code": NOW if PEERS[peer].is_figsight else {},
    }
    given |= changes
    return Result(peer=peer, setting=setting, seed=0, fold=0, status="finished", **given)


def now() -> dict[str, dict[str, dict[str, str]]]:
    return {name: {"code": NOW, "versions": VERSIONS} for name in PEERS}


def test_peers__have_a_headline_among_their_settings() -> None:
    assert {name: peer.headline for name, peer in PEERS.items()}.items() >= {
        "figsight": "default",
        "fastai": "fine_tune-10",
    }.items()
    assert all(peer.headline in peer.settings for peer in PEERS.values())
    assert {name for name, peer in PEERS.items() if peer.is_figsight} == {
        "figsight",
        "figsight-measuring",
    }


def test_time_to_marks__is_that_of_the_headline_unless_the_best_is_asked_for() -> None:
    results = [
        make_result("figsight", "default", 60),
        make_result("figsight", "epochs-4", 20),
        make_result("fastai", "fine_tune-10", 90),
        make_result("fastai-quick", "fine_tune-5", 30),  # not its headline
    ]
    rows = summarise(results, PHOTOS)
    for best_of, seconds, setting in ((False, 60, "default"), (True, 20, "epochs-4")):
        best = time_to_marks(rows, "figsight", best_of=best_of)[0.95]
        assert best is not None
        assert (best[0], best[1].setting) == (seconds, setting)
    found = to_dict(rows, results, PHOTOS, {})
    assert found["peers"]["fastai"]["0.95"]["ratio_to_ours"] == 1.5
    assert found["peers_best_of_settings"]["fastai"]["0.95"]["ratio_to_ours"] == 4.5
    assert found["peers"]["fastai-quick"]["0.95"] is None
    text = to_markdown(rows, results, PHOTOS, {})
    fixed, _, chosen = text.partition("### With the best setting of each, chosen afterwards")
    assert "| fastai | 90 (fine_tune-10, 1.5 times)" in fixed
    assert "| fastai, quick start | not measured |" in fixed
    assert "| figsight | 20 (epochs-4, of 2)" in chosen
    assert "| fastai | 90 (fine_tune-10, of 1, 4.5 times)" in chosen


def test_find_old__goes_by_code_for_figsight_and_by_packages_for_all() -> None:
    other = {"sha256": "b" * 64, "commit": ""}
    results = [
        make_result("figsight", "default", 60),
        make_result("figsight", "epochs-4", 20, code=other),
        make_result("figsight", "epochs-8", 20, code={}),
        make_result("fastai", "fine_tune-10", 90, versions={**VERSIONS, "torch": "2.1"}),
        make_result("fastai", "fine_tune-5", 90),
        make_result("origin", "50-epochs", 90, versions={"torch": "1"}),
    ]
    old = find_old(results, now())
    assert old == {
        ("figsight", "epochs-4", 0, 0): f"code {'b' * 10}",
        ("figsight", "epochs-8", 0, 0): "unknown code",
        ("fastai", "fine_tune-10", 0, 0): "torch 2.1, not 2.2",
    }
    text = to_markdown(summarise(results, PHOTOS), results, PHOTOS, old)
    assert "| figsight, epochs-8 | 1, 1 old |" in text
    assert "| figsight, default | 1 |" in text
    assert "figsight:epochs-8 (unknown code)" in text
    assert f"fastai 2.7; figsight's code {'a' * 10} (figsight)" in text
    assert len(to_dict([], results, PHOTOS, old)["old"]) == 3


def test_require_new__refuses_old_results_that_are_not_to_be_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = {("figsight", "default", 0, 1): "unknown code"}
    words = ["data", "--out", str(tmp_path)]
    with pytest.raises(SystemExit, match="found 1 of others; name another folder, remove them, or"):
        peers.require_new(old, peers.read_command(words))
    peers.require_new(old, peers.read_command([*words, "--keep-old"]))
    line = "old: seed 0 fold 1 figsight:default (unknown code)\n"
    assert capsys.readouterr().out == 2 * line
    peers.require_new({}, peers.read_command(words))


USED = {"seconds": 2.0, "processor": 3.0, "peak_mb": 300.0, "own_mb": 200.0}


def keep(folder: Path, photos: int, **more: Any) -> None:
    """Write a result as an earlier run left it."""
    row: dict[str, Any] = {
        "photos": photos,
        "classes": 27,
        "folds": 0,
        "asked": 10,
        "train": USED,
        "predict_one": USED,
        "predict": {**USED, "seconds": 4.0},
        "model_mb": 15.0,
        "load": [[0, 0, 0], [0, 0, 0]],
        **more,
    }
    place = folder / f"{photos}-27"
    place.mkdir()
    (place / "result-0.json").write_text(json.dumps(row))


def test_growth__refuses_results_of_other_code_or_says_which_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(tmp_path, 30)
    keep(tmp_path, 300, code=provenance.read_code())
    words = ["growth", str(tmp_path), "--photos", "30,300"]
    monkeypatch.setattr("sys.argv", words)
    monkeypatch.setattr(growth, "run", lambda *_: pytest.fail("it was measured again"))
    with pytest.raises(
        SystemExit, match="found 1 of other code; name another folder, remove them, or"
    ):
        growth.main()
    assert capsys.readouterr().out == ""
    monkeypatch.setattr("sys.argv", [*words, "--keep-old"])
    growth.main()
    text = capsys.readouterr().out
    assert "- 30 photos of 27 classes are of other code than this: unknown code\n" in text
    assert "300 photos of 27 classes are of" not in text


def test_extrapolate__counts_the_epoch_that_warms_up_once() -> None:
    history = "run,epoch,loss,accuracy,seconds\nfinal,1,3.0,0.1,70\nfinal,2,2.5,0.2,40\n"
    assert extrapolate(history, 50) == (40, 70 + 49 * 40)


@pytest.mark.parametrize("name", list(PEERS))
def test_peers__are_packages_whose_versions_are_noted(name: str) -> None:
    assert PEERS[name].package in provenance.NOTED


def test_cameras__change_every_photo_and_each_the_same_way_again() -> None:
    pixels = np.random.default_rng(0).integers(40, 216, (48, 64, 3), np.uint8)
    photo = Image.fromarray(pixels)
    for name, change in cameras.CHANGES.items():
        once, again = (np.asarray(change(photo, np.random.default_rng(1))) for _ in range(2))
        assert once.ndim == 3
        assert once.dtype == np.uint8
        assert (once == again).all(), name
        same = once.shape == pixels.shape and bool((once == pixels).all())
        assert same == (name == "as they are")
