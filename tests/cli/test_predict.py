from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from tests.cli.make import call, refused

from figsight.classifier import load


def test_predict__json_is_an_object_a_line(model: Path, photos: Path) -> None:
    files = sorted(photos.rglob("*.png"))
    result = call("predict", model, *files, "--json", "--top", "2")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    with load(model) as classifier:
        for line, file in zip(lines, files, strict=True):
            said = classifier.predict(file.read_bytes())
            assert list(line) == ["path", "class_id", "name", "probability", "top"]
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
    assert refused("predict", model, file, "--top", "0").startswith("Error: Invalid value for '--t")


def test_predict__csv_has_a_header_and_a_row_a_photo(
    model: Path, photos: Path, tmp_path: Path
) -> None:
    file = tmp_path / 'a, "b".png'
    (photos / "1" / "0.png").rename(file)
    result = call("predict", model, file, photos / "2", "--csv")
    assert (result.exit_code, result.stderr) == (0, "")
    header, *rows = csv.reader(io.StringIO(result.stdout))
    assert header == ["path", "class_id", "name", "probability"]
    assert [row[0] for row in rows] == [
        str(path) for path in (file, *sorted((photos / "2").iterdir()))
    ]
    with load(model) as classifier:
        for path, class_id, name, probability in rows:
            said = classifier.predict(Path(path).read_bytes())
            assert (class_id, name) == (said.class_id, said.name)
            assert float(probability) == pytest.approx(said.probability, abs=5e-7)


def test_predict__text_names_the_figure_and_what_else_it_may_be(model: Path, photos: Path) -> None:
    file = photos / "1" / "0.png"
    with load(model) as classifier:
        first, *others = classifier.predict(file.read_bytes()).top
    others = [one for one in others if one.probability >= 0.005]
    expected = f"{file}: {first.name} {first.probability:.1%}"
    if others:
        then = ", ".join(f"{one.name} {one.probability:.1%}" for one in others)
        expected += f"  (then {then})"
    assert call("predict", model, file).stdout == f"{expected}\n"
    alone = call("predict", model, file, "--top", "1").stdout
    assert alone == f"{file}: {first.name} {first.probability:.1%}\n"


def test_predict__looks_through_folders(model: Path, photos: Path) -> None:
    lines = call("predict", model, photos, "--json").stdout.splitlines()
    paths = [json.loads(line)["path"] for line in lines]
    assert paths == sorted(str(path) for path in photos.rglob("*.png"))


def test_predict__writes_a_picture(model: Path, photos: Path, out: Path) -> None:
    result = call("predict", model, photos, "--picture", out / "page.png")
    assert result.exit_code == 0
    assert result.stderr == f"picture: {out / 'page.png'}\n"
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
    assert [json.loads(line)["path"] for line in result.stdout.splitlines()] == [
        str(path) for path in good
    ]
    first, second, picture = result.stderr.splitlines()
    assert first.startswith(f"figsight: {bad}: ")
    assert second == (
        f"figsight: {gone}: expected a picture file, found nothing at this path; check how it is "
        f"written"
    )
    assert picture == f"picture: {out / 'page.png'}"


def test_predict__names_a_bad_photo_in_one_line(model: Path, photos: Path) -> None:
    bad = photos / "two\nlines\x1b[31m.png"
    bad.write_bytes(b"no picture")
    result = call("predict", model, bad)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"figsight: {photos}/two\\nlines\\x1b[31m.png: ")


@pytest.mark.skipif(sys.platform != "linux", reason="needs file names that are any bytes")
@pytest.mark.parametrize("how", ["--json", "--csv", None])
def test_predict__takes_a_name_that_is_no_text(model: Path, photos: Path, how: str | None) -> None:
    file = os.fsencode(photos) + b"/caf\xe9.png"
    os.rename(photos / "1" / "0.png", file)  # noqa: PTH104 - pathlib takes no bytes
    result = call("predict", model, os.fsdecode(file), *([how] if how else []))
    assert (result.exit_code, result.stderr) == (0, "")
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
        "Error: choose one of --json and --csv"
    )
    assert refused("predict", model) == "Error: Missing argument 'PHOTO|FOLDER...'."


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
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 6


@pytest.mark.parametrize("how", ["--json", "--csv"])
def test_predict__ends_quietly_when_nobody_reads(model: Path, photos: Path, how: str) -> None:
    command = [sys.executable, "-m", "figsight", "predict", str(model), str(photos), how]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait()


# --------------------------------------------------------------------------------------- train
