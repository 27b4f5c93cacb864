from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest
from tests.bundle.make import make_bundle, make_manifest
from tests.evaluation.make import make_remembering, plant, plant_desk

from figsight.bundle import verify
from figsight.classifier import load
from figsight.dataset.fingerprints import fingerprint_photos
from figsight.errors import OutputError
from figsight.evaluation import evaluate, log
from figsight.evaluation.log import (
    Log,
    Retested,
    _ordinal,
    add_to_log,
    find_log,
    list_each,
    read_log,
    say_retested,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "model")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return plant(tmp_path / "set", "1", "2", "17")


def plant_others(folder: Path) -> Path:
    """Write photos that are not those of ``photos``."""
    plant(folder, "a", "b", "c", "1", "2")
    for name in "abc":
        shutil.rmtree(folder / name)
    return folder


def entries(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_evaluate__writes_down_what_was_tested(model: Path, photos: Path) -> None:
    found = evaluate(model, photos)
    (entry,) = entries(model / "evaluations.jsonl")
    hashes = sorted(hashlib.sha256(photo.read()).hexdigest() for photo in found.photos)
    assert entry == {
        "time": found.about["time"],
        "photos": hashlib.sha256("".join(hashes).encode()).hexdigest(),
        "each": "".join(one[:12] for one in hashes),
        "model": verify(model).seal,
        "n": 9,
        "correct": found.correct,
        "accuracy": found.accuracy.value,
        "interval": [found.accuracy.low, found.accuracy.high],
        "protocol": "9 photos: set",
        "trained_on": 0,
        "figsight": found.about["figsight"],
    }
    assert found.tested_before == ()


def test_evaluate__says_when_the_same_photos_were_tested_before(
    model: Path, photos: Path, tmp_path: Path
) -> None:
    first = evaluate(model, photos)
    second = evaluate(model, photos)
    # The photos count, not their names or order.
    (photos / "2" / "0.png").rename(photos / "2" / "z.png")
    third = evaluate(model, photos)
    other = evaluate(model, plant_others(tmp_path / "other"))
    day = str(first.about["time"])[:10]
    again = (
        f"that this model is tested on these photos (first on {day}): a choice made by looking at "
        "the result is no longer tested by it."
    )
    assert first.remarks == other.remarks == ()
    assert second.remarks == (f"2nd time {again}",)
    assert third.remarks == (f"3rd time {again}",)
    assert third.to_dict()["tested_before"] == [first.about["time"], second.about["time"]]
    assert len(entries(model / "evaluations.jsonl")) == 4
    verify(model)  # the model is as good as before


def retrain(path: Path) -> None:
    make_bundle(path, make_manifest(created="2025-05-05T05:05:05Z"), overwrite=True)


@pytest.mark.parametrize("name", ["model", "model.zip"])
def test_evaluate__says_what_an_earlier_model_of_the_name_was_tested_on(
    tmp_path: Path, photos: Path, name: str
) -> None:
    model = make_bundle(tmp_path / name)
    first = evaluate(model, photos)
    retrain(model)
    verify(model)
    second = evaluate(model, photos)
    day = str(first.about["time"])[:10]
    choice = ": a choice made by looking at the result is no longer tested by it."
    assert second.notes == (
        (
            f"All 9 photos were tested before (first on {day}, by an earlier model of this name)"
            f"{choice}"
        ),
    )
    assert second.tested_before == (first.about["time"],)
    assert second.to_dict()["retested"] == {
        "n": 9,
        "first": first.about["time"],
        "earlier_model": True,
    }
    assert evaluate(model, photos).notes == (
        (
            f"2nd time that this model is tested on these photos (first on {day}, an earlier model of "
            f"this name on {day}){choice}"
        ),
    )
    assert len(entries(find_log(str(model)))) == 3


def test_evaluate__knows_photos_of_an_earlier_test_among_others(
    model: Path, photos: Path, tmp_path: Path
) -> None:
    first = evaluate(model, photos)
    for figure in ("1", "2", "17"):
        (photos / figure / "0.png").unlink()
    for path in sorted(plant_others(tmp_path / "other").rglob("*.png")):
        path.rename(photos / path.parent.name / f"new-{path.name}")
    found = evaluate(model, photos)
    day = str(first.about["time"])[:10]
    assert found.tested_before == ()
    assert found.retested == Retested(6, str(first.about["time"]), False, None)
    assert found.notes == (
        (
            f"6 of these {found.n} photos were tested before (first on {day}): a choice made by looking "
            "at the result is no longer tested by it."
        ),
    )
    # What a set consists of is written down once.
    evaluate(model, photos)
    assert ["each" in entry for entry in entries(model / "evaluations.jsonl")] == [
        True,
        True,
        False,
    ]


def test_evaluate__says_of_no_training_photo_that_it_was_tested_before(tmp_path: Path) -> None:
    plant_desk(tmp_path)
    model = make_remembering(tmp_path / "model", tmp_path / "old")
    first = evaluate(model, tmp_path / "old")
    again = evaluate(model, tmp_path / "old")
    assert again.tested_before == (first.about["time"],)
    assert again.retested is None
    assert again.remarks == ()
    shutil.copy(tmp_path / "old" / "1" / "0.png", tmp_path / "new" / "1" / "old.png")
    assert evaluate(model, tmp_path / "new").remarks == ()
    (note,) = evaluate(model, tmp_path / "new").remarks
    assert note.startswith("2nd time that this model is tested on these photos (first on ")
    (tmp_path / "new" / "2" / "0.png").unlink()
    (note,) = evaluate(model, tmp_path / "new").remarks
    assert note.startswith("All 8 photos were tested before (first on ")


def test_read_log__understands_lines_of_older_versions(tmp_path: Path) -> None:
    path, files = tmp_path / "log", [f"{i:064x}" for i in range(3)]
    add_to_log(path, {"time": "2024-01-01", "photos": fingerprint_photos(files), "model": "old"})
    add_to_log(path, {"time": "2024-02-02", "photos": fingerprint_photos(files), "model": "seal"})
    assert read_log(path, files, "seal") == Log(
        ("2024-02-02",), ("2024-01-01",), False, Retested(3, "2024-01-01", True, "2024-01-01"), 0
    )
    assert read_log(path, files[:2], "seal").retested is None


def test_read_log__takes_a_line_of_many_photos(tmp_path: Path) -> None:
    path = tmp_path / "log"
    files = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(50_000)]
    entry = {"time": "2024-01-01", "photos": fingerprint_photos(files), "each": list_each(files)}
    add_to_log(path, entry)
    assert path.stat().st_size < 700_000
    found = read_log(path, [*files[:7], "f" * 64], "seal")
    assert (found.retested, found.damaged) == (Retested(7, "2024-01-01", False, None), 0)


def test_list_each__leaves_out_what_is_too_long_for_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log, "_LONGEST", 64)
    assert list_each(["a" * 64, "b" * 64]) == "a" * 12 + "b" * 12
    assert list_each([f"{i:064}"[::-1] for i in range(9)]) is None


def test_say_retested__of_one_photo() -> None:
    of_one = Log((), (), True, Retested(1, "2024-01-01T00:00:00Z", False, None), 0)
    assert say_retested(of_one, 1).startswith(
        "This photo was tested before (first on 2024-01-01): "
    )


def test_evaluate__loses_nothing_where_the_name_of_the_log_is_too_long(
    tmp_path: Path, photos: Path
) -> None:
    model = make_bundle(tmp_path / f"{'m' * 240}.zip")
    found = evaluate(model, photos)
    assert found.n == 9
    (note,) = found.notes
    assert note.startswith("That these photos were tested could not be recorded: ")
    assert note.endswith("cannot be read (File name too long).")


def test_evaluate__leaves_no_trace_when_told(model: Path, photos: Path) -> None:
    before = sorted(path.name for path in model.iterdir())
    assert evaluate(model, photos, record=False).notes == ()
    assert sorted(path.name for path in model.iterdir()) == before
    evaluate(model, photos)
    # What was written before is told all the same.
    assert evaluate(model, photos, record=False).notes[0].startswith("2nd time ")
    assert len(entries(model / "evaluations.jsonl")) == 1


def test_evaluate__writes_beside_a_zip(model: Path, photos: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        for path in sorted(model.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(model).as_posix())
    data = (tmp_path / "model.zip").read_bytes()
    evaluate(tmp_path / "model.zip", photos)
    assert evaluate(tmp_path / "model.zip", photos).notes[0].startswith("2nd time ")
    assert len(entries(tmp_path / "model.zip.evaluations.jsonl")) == 2
    assert (tmp_path / "model.zip").read_bytes() == data


@pytest.mark.parametrize("name", ["model", "model.zip"])
def test_evaluate__writes_to_the_model_when_the_program_has_gone_elsewhere(
    photos: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_bundle(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with load(name) as opened:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        evaluate(opened, photos)
    assert not list((tmp_path / "elsewhere").iterdir())
    assert len(entries(find_log(str(tmp_path / name)))) == 1


def test_evaluate__goes_on_where_nothing_can_be_written(
    model: Path, photos: Path, tmp_path: Path
) -> None:
    shutil.make_archive(str(tmp_path / "model"), "zip", model)
    (tmp_path / "model.zip.evaluations.jsonl").mkdir()
    (note,) = evaluate(tmp_path / "model.zip", photos).notes
    assert note == (
        "That these photos were tested could not be recorded: "
        f"{tmp_path / 'model.zip.evaluations.jsonl'}: cannot be read (Is a directory)."
    )


def test_add_to_log__follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("")
    (tmp_path / "log").symlink_to(tmp_path / "target")
    with pytest.raises(OutputError, match="log: cannot be written"):
        add_to_log(tmp_path / "log", {"time": "now"})
    assert (tmp_path / "target").read_text() == ""


def test_read_log__passes_over_what_is_damaged(model: Path, photos: Path) -> None:
    evaluate(model, photos)
    path = model / "evaluations.jsonl"
    whole = path.read_bytes()
    path.write_bytes(
        b'{"time": 1}\n[' * 3 + b"\n\xff\n" + b"[" * 9000 + b"\n\n" + whole + whole[:40]
    )
    found = evaluate(model, photos)
    assert len(found.tested_before) == 1
    assert found.notes[0] == ("evaluations.jsonl: 7 lines cannot be read and were passed over.")
    # A line that was cut off does not take the next one with it.
    assert len(evaluate(model, photos).tested_before) == 2
    path.write_bytes(b"{}\n" + whole)
    notes = evaluate(model, photos).notes
    assert notes[0] == "evaluations.jsonl: 1 line cannot be read and was passed over."


def test_read_log__of_nothing_is_nothing(tmp_path: Path) -> None:
    assert read_log(tmp_path / "none", ["x"], "seal") == Log((), (), False, None, 0)
    assert find_log(str(tmp_path)) == tmp_path / "evaluations.jsonl"
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("n", "said"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (112, "112th")]
)
def test_ordinal__is_english(n: int, said: str) -> None:
    assert _ordinal(n) == said
