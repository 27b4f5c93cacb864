from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest
from tests.bundle.make import make_bundle
from tests.evaluation.make import plant

from figsight.bundle import verify
from figsight.errors import OutputError
from figsight.evaluation import evaluate
from figsight.evaluation.log import add_to_log, find_log, fingerprint_photos, read_log
from figsight.evaluation.measure import _ordinal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "model")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return plant(tmp_path / "set", "1", "2", "17")


def entries(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_evaluate__writes_down_what_was_tested(model: Path, photos: Path) -> None:
    found = evaluate(model, photos)
    (entry,) = entries(model / "evaluations.jsonl")
    hashes = sorted(hashlib.sha256(photo.read()).hexdigest() for photo in found.photos)
    assert entry == {
        "time": found.about["time"],
        "photos": hashlib.sha256("".join(hashes).encode()).hexdigest(),
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
    other = evaluate(model, plant(tmp_path / "other", "1", "2", photos=2))
    day = str(first.about["time"])[:10]
    again = (
        f"that this model is tested on these photos (first on {day}): a choice made by looking at "
        "the result is no longer tested by it."
    )
    assert first.notes == other.notes == ()
    assert second.notes == (f"2nd time {again}",)
    assert third.notes == (f"3rd time {again}",)
    assert third.to_dict()["tested_before"] == [first.about["time"], second.about["time"]]
    assert len(entries(model / "evaluations.jsonl")) == 4
    verify(model)  # the model is as good as before


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


def test_read_log__of_nothing_is_nothing(tmp_path: Path) -> None:
    assert read_log(tmp_path / "none", "x").times == ()
    assert find_log(str(tmp_path)) == tmp_path / "evaluations.jsonl"
    assert not any(tmp_path.iterdir())


def test_fingerprint_photos__does_not_depend_on_the_order() -> None:
    assert fingerprint_photos(["b", "a"]) == fingerprint_photos(["a", "b"])
    assert fingerprint_photos(["a", "a"]) != fingerprint_photos(["a"])


@pytest.mark.parametrize(
    ("n", "said"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (112, "112th")]
)
def test_ordinal__is_english(n: int, said: str) -> None:
    assert _ordinal(n) == said
