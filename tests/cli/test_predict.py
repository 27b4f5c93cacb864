from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from tests.cli.make import call, refused

from figsight.classifier import Prediction, Ranked, load
from figsight.cli.predict import _describe, _echo_row
from figsight.metrics import say_probability

NEVER = (
    "this model never says 'unknown': it was trained without measuring; every photo gets a name\n"
)
KEYS = [
    *("path", "class_id", "name", "probability", "top"),
    *("unknown", "unknown_score", "set", "sought"),
]


@pytest.mark.parametrize(
    ("probability", "shown"),
    [
        (1.0, ">\u00a099.9\u00a0%"),
        (0.99951, ">\u00a099.9\u00a0%"),
        (0.9994, "99.9\u00a0%"),
        (0.43, "43.0\u00a0%"),
        (0.0, "<\u00a00.1\u00a0%"),
    ],
)
def test_predict__text_never_claims_certainty(probability: float, shown: str) -> None:
    top = (Ranked("1", "YODA", probability),)
    prediction = Prediction("a.png", "1", "YODA", probability, top)
    assert _describe(prediction, 5) == f"a.png: YODA, {shown}"
    unknown = replace(prediction, unknown=True)
    assert _describe(unknown, 5) == f"a.png: unknown (looks most like YODA, {shown})"


def test_predict__goes_on_after_a_path_that_cannot_be_examined(model: Path, photos: Path) -> None:
    result = call("predict", model, "n" * 300, photos / "1/0.png")
    assert result.exit_code == 2
    assert result.stdout.startswith(f"{photos}/1/0.png: ")
    complaint, count = result.stderr.splitlines()[-2:]
    assert complaint.startswith(
        f"figsight: {'n' * 300}: expected a readable file, found 'file name too"
    )
    assert count == "2 photos: 1 named, 1 unreadable"


def test_predict__json_is_an_object_a_line(model: Path, photos: Path) -> None:
    files = sorted(photos.rglob("*.png"))
    result = call("predict", model, *files, "--json", "--top", "2")
    assert (result.exit_code, result.stderr) == (0, f"{NEVER}6 photos: 6 named\n")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    with load(model) as classifier:
        for line, file in zip(lines, files, strict=True):
            said = classifier.predict(file.read_bytes())
            assert list(line) == KEYS
            assert (line["unknown"], line["unknown_score"], line["set"]) == (None, None, None)
            assert line["path"] == str(file)
            assert len(line["top"]) == 2
            assert line["top"] == said.to_dict(2)["top"]
            for one in line["top"]:
                assert list(one) == ["class_id", "name", "probability"]
            assert {key: line[key] for key in line["top"][0]} == line["top"][0]


def test_predict__top_is_five_unless_told(model: Path, photos: Path) -> None:
    file = photos / "1" / "0.png"
    (line,) = call("predict", model, file, "--json").stdout.splitlines()
    assert len(json.loads(line)["top"]) == 3  # this model has no more
    assert refused("predict", model, file, "--top", "0").startswith(
        "figsight: invalid value for '--t"
    )


def test_predict__csv_has_a_header_and_a_row_a_photo(
    model: Path, photos: Path, tmp_path: Path
) -> None:
    file = tmp_path / 'a, "b".png'
    (photos / "1" / "0.png").rename(file)
    result = call("predict", model, file, photos / "2", "--csv")
    assert (result.exit_code, result.stderr) == (0, f"{NEVER}3 photos: 3 named\n")
    header, *rows = csv.reader(io.StringIO(result.stdout))
    assert header == [
        *("path", "class_id", "name", "probability", "unknown", "unknown_score", "found", "set"),
        "error",
    ]
    assert [row[0] for row in rows] == [
        str(path) for path in (file, *sorted((photos / "2").iterdir()))
    ]
    with load(model) as classifier:
        for path, class_id, name, probability, *unknown in rows:
            assert unknown == ["", "", "", "", ""]
            said = classifier.predict(Path(path).read_bytes())
            assert (class_id, name) == (said.class_id, said.name)
            assert float(probability) == pytest.approx(said.probability, abs=5e-7)


@pytest.mark.skipif(sys.platform == "win32", reason="needs file names with control characters")
def test_predict__csv_keeps_every_name_whole(model: Path, photos: Path) -> None:
    names = ["two\nlines.png", "back\rslash.png", "\x1b[31mred.png", "plain.png"]
    files = [(photos / "1" / "0.png").rename(photos / names[0])]
    for name in names[1:]:
        files.append(photos / name)
        files[-1].write_bytes(files[0].read_bytes())
    # Not through a runner in this process: what click takes out it takes out for files only.
    command = [sys.executable, "-m", "figsight", "predict", str(model), *map(str, files), "--csv"]
    done = subprocess.run(command, capture_output=True, check=True)
    _, *rows = csv.reader(io.StringIO(done.stdout.decode(), newline=""))
    assert [(row[0], len(row)) for row in rows] == [(str(file), 9) for file in files]
    assert b"\r\n" not in done.stdout


def test_predict__csv_does_not_steer_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    _echo_row(["\x1b[31mred,\n.png", "1"])
    assert capsys.readouterr().out == '"\\x1b[31mred,\\n.png",1\n'


def test_predict__text_names_the_figure_and_what_else_it_may_be(model: Path, photos: Path) -> None:
    file = photos / "1" / "0.png"
    with load(model) as classifier:
        first, *others = classifier.predict(file.read_bytes()).top
    others = [one for one in others if one.probability >= 0.005]
    expected = f"{file}: {first.name}, {say_probability(first.probability)}"
    if others:
        then = "; ".join(f"{one.name}, {say_probability(one.probability)}" for one in others)
        expected += f"  (then {then})"
    assert call("predict", model, file).stdout == f"{expected}\n"
    alone = call("predict", model, file, "--top", "1").stdout
    assert alone == f"{file}: {first.name}, {say_probability(first.probability)}\n"


def test_predict__looks_through_folders(model: Path, photos: Path) -> None:
    lines = call("predict", model, photos, "--json").stdout.splitlines()
    paths = [json.loads(line)["path"] for line in lines]
    assert paths == sorted(str(path) for path in photos.rglob("*.png"))


def test_predict__writes_a_picture(model: Path, photos: Path, out: Path) -> None:
    result = call("predict", model, photos, "--picture", out / "page.png")
    assert result.exit_code == 0
    assert result.stderr == f"{NEVER}picture: {out / 'page.png'}\n6 photos: 6 named\n"
    with Image.open(out / "page.png") as image:
        assert image.format == "PNG"
    result = call("predict", model, photos, "--picture", out / "page.doc")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"figsight: {out / 'page.doc'}: expected a file ending")
    assert [path.name for path in out.iterdir()] == ["page.png"]


def test_predict__answers_the_good_photos_among_bad_ones(
    model: Path, photos: Path, out: Path
) -> None:
    bad, gone = photos / "bad.png", photos / "gone.png"
    bad.write_bytes(b"no picture")
    good = [photos / "1" / "0.png", photos / "2" / "0.png"]
    result = call(
        "predict", model, good[0], bad, gone, good[1], "--json", "--picture", out / "page.png"
    )
    assert result.exit_code == 2
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["path"] for line in lines] == [str(path) for path in (good[0], bad, gone, good[1])]
    assert [list(line) for line in lines] == [KEYS, ["path", "error"], ["path", "error"], KEYS]
    never, first, second, picture, last = result.stderr.splitlines()
    assert never == NEVER.strip()
    assert last == "4 photos: 2 named, 2 unreadable"
    assert first.startswith(f"figsight: {bad}: ")
    assert second == (
        f"figsight: {gone}: expected a picture file, found nothing at this path; check how it is "
        f"written"
    )
    assert lines[2]["error"] == second.removeprefix(f"figsight: {gone}: ")
    assert picture == f"picture: {out / 'page.png'}"
    table = call("predict", model, good[0], gone, "--csv")
    assert table.exit_code == 2
    header, named, missing = csv.reader(io.StringIO(table.stdout))
    assert [len(row) for row in (header, named, missing)] == [9, 9, 9]
    assert (header[-1], named[-1]) == ("error", "")
    assert missing == [str(gone), *[""] * 7, lines[2]["error"]]


def test_predict__says_which_files_of_a_folder_it_passed_over(model: Path, photos: Path) -> None:
    for name in (".hidden", "Thumbs.db", "1/raw.CR2", "1/scan", "2/layers.psd"):
        (photos / name).write_bytes(b"something")
    result = call("predict", model, photos, photos / "1/0.png")
    assert result.exit_code == 0
    assert result.stderr.splitlines()[1:] == [
        f"3 files are no pictures that figsight opens (first {photos}/1/raw.CR2)",
        "7 photos: 7 named",
    ]
    result = call("predict", model, photos / "2")
    assert f"\n1 file is no picture that figsight opens ({photos}/2/layers.psd)\n" in result.stderr


def test_predict__names_a_bad_photo_in_one_line(model: Path, photos: Path) -> None:
    bad = photos / "two\nlines\x1b[31m.png"
    bad.write_bytes(b"no picture")
    result = call("predict", model, bad)
    assert (result.exit_code, result.stdout) == (2, "")
    _, line = result.stderr.splitlines()
    assert line.startswith(f"figsight: {photos}/two\\nlines\\x1b[31m.png: ")


@pytest.mark.skipif(sys.platform != "linux", reason="needs file names that are any bytes")
@pytest.mark.parametrize("how", ["--json", "--csv", None])
def test_predict__takes_a_name_that_is_no_text(model: Path, photos: Path, how: str | None) -> None:
    file = os.fsencode(photos) + b"/caf\xe9.png"
    os.rename(photos / "1" / "0.png", file)  # noqa: PTH104 - pathlib takes no bytes
    result = call("predict", model, os.fsdecode(file), *([how] if how else []))
    assert (result.exit_code, result.stderr) == (0, NEVER)
    last = result.stdout.splitlines()[-1]
    if how == "--json":
        assert json.loads(last)["path"] == os.fsdecode(file)
    else:
        assert last.startswith(f"{photos}/caf\\udce9.png")


def test_predict__refuses_what_it_cannot_do(model: Path, photos: Path, out: Path) -> None:
    file = photos / "1" / "0.png"
    assert refused("predict", out / "none", file).startswith(
        f"figsight: {out / 'none'}: expected a figsight model, found nothing"
    )
    assert refused("predict", model, out) == (
        f"figsight: {out}: expected a folder with pictures, found none in it"
    )
    assert refused("predict", model, file, "--json", "--csv") == (
        "figsight: choose one of --json and --csv"
    )
    assert refused("predict", model) == "figsight: missing argument 'PHOTO|FOLDER...'"


def test_predict__never_imports_what_only_training_needs(model: Path, photos: Path) -> None:
    script = (
        "import sys\n"
        "from figsight.cli import main\n"
        "main(['predict', *sys.argv[1:], '--json'], standalone_mode=False)\n"
        "heavy = {'torch', 'torchvision', 'timm', 'onnx', 'rich', 'matplotlib', 'scipy', 'sklearn'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
    )
    command = [sys.executable, "-c", script, str(model), str(photos)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, f"{NEVER}6 photos: 6 named\n")
    assert len(done.stdout.splitlines()) == 6


@pytest.mark.parametrize("how", ["--json", "--csv"])
def test_predict__ends_quietly_when_nobody_reads(model: Path, photos: Path, how: str) -> None:
    command = [sys.executable, "-m", "figsight", "predict", str(model), str(photos), how]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == NEVER
    process.stderr.close()
    process.wait()


def test_predict__a_folder_is_no_photo(model: Path, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = call("predict", model, photos / "1", tmp_path / "empty")
    assert result.exit_code == 2
    assert len(result.stdout.splitlines()) == 2
    assert "expected a folder with pictures, found none in it" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("2 photos: 2 named")
