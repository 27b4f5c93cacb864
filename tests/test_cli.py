from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from tests.bundle.make import make_bundle
from tests.training.make import plant_photos

from figsight.classifier import load
from figsight.cli import main

if TYPE_CHECKING:
    from click.testing import Result

RECIPE = """
backbone = "test_efficientnet"
image_size = 32
store_size = 40
epochs = 1
batch_size = 4
folds = 2
norms = "train"
[optimizer]
name = "adamw"
learning_rate = 1e-3
head_learning_rate = 1e-2
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("cli") / "model")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two photos of each of the model's three figures."""
    for number, name in enumerate(("1", "2", "17")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(2):
            random = np.random.default_rng([number, index])
            pixels = random.integers(0, 256, (20, 30, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{index}.png")
    return tmp_path / "photos"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return plant_photos(tmp_path / "data", figures=2, photos=4)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder for results."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def call(*words: object) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.stderr
    return result


def refused(*words: object) -> str:
    """Run a command that must fail: the last line that it says, nothing on standard output."""
    result = call(*words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    return result.stderr.splitlines()[-1]


# ------------------------------------------------------------------------------------- predict


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
    assert refused("train", data) == "Error: Missing option '-o' / '--output'."
    assert refused("train", out / "none", *how) == (
        f"figsight: {out / 'none'}: expected a folder, a CSV, a zip or kaggle:owner/name, found "
        f"nothing there; check the path"
    )
    assert refused("train", single, *how) == (
        "figsight: single: expected photos of at least two figures, found only figure-0; add "
        "another class"
    )
    assert refused("train", data, "-o", new, "--recipe", wrong) == (
        f"figsight: recipe {wrong}: top level: Object contains unknown field `colour`"
    )
    assert refused("train", data, "-o", new, "--recipe", ranged) == (
        f"figsight: recipe {ranged}: optimizer.learning_rate: Expected `float` > 0.0"
    )
    assert refused("train", data, "-o", new, "--recipe", "slow") == (
        "figsight: recipe: expected one of densenet121, quick or a .toml file, found 'slow'"
    )
    assert refused("train", data, *how, "--backbone", "densenet9999").startswith(
        "figsight: backbone: timm knows no network named 'densenet9999'"
    )
    assert refused("train", data, *how, "--weights", out / "none.safetensors").startswith(
        f"figsight: --weights {out / 'none.safetensors'}: expected a safetensors file, found: No su"
    )
    assert refused("train", data, *how, "--resume").startswith(
        f"figsight: {new}.training: expected an unfinished training to resume, found none"
    )
    assert refused("train", data, "-o", out / "no" / "model").startswith(
        f"figsight: {out / 'no' / 'model'}: the folder {out / 'no'} does not exist"
    )
    assert refused("train", data, "-o", "/").startswith("figsight: /: expected the name of a new m")
    assert refused("train", data, *how, "--device", "gpu").startswith(
        "Error: Invalid value for '--device': 'gpu' is not one of"
    )
    assert refused("train", data, *how, "--seed", "-1").startswith("Error: Invalid value for '--s")
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


def test_train__skips_bad_photos_and_says_which(data: Path, recipe: Path, out: Path) -> None:
    (data / "figure-1" / "bad.png").write_bytes(b"no picture")
    new = out / "model"
    how = ("--recipe", recipe, "--weights", "random", "--folds", "0", "--skip-bad")
    result = call("train", data, "-o", new, *how)
    assert result.exit_code == 0, result.stderr
    first, *_, last = result.stdout.splitlines()
    assert first.startswith(f"{new}: trained on 8 photos in ")
    assert last == f"next: figsight predict {new} PHOTO"
    assert "final: epoch 1 of 1  loss " in result.stderr
    (skipped,) = json.loads((new / "manifest.json").read_text())["training"]["skipped"]
    assert skipped["path"] == "figure-1/bad.png"
    assert skipped["reason"]
    assert [path.name for path in out.iterdir()] == ["model"]
    found = json.loads(call("evaluate", new, data, "--json", "--skip-bad").stdout)
    assert found["skipped"] == [skipped]
    assert found["notes"] == [
        "The model was trained on 8 of these 8 photos: the numbers flatter it."
    ]


# ------------------------------------------------------------------------------------ evaluate


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


def test_show__draws_examples(photos: Path, out: Path) -> None:
    result = call("show", photos, "-o", out / "x.png", "--each", "1")
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{out / 'x.png'}\n", "")
    with Image.open(out / "x.png") as image:
        assert image.format == "PNG"
    assert refused("show", out / "none", "-o", out / "y.png").startswith("figsight: ")
    assert refused("show", photos, "-o", out / "no" / "y.png").startswith(
        f"figsight: {out / 'no' / 'y.png'}: expected an existing folder"
    )
    assert [path.name for path in out.iterdir()] == ["x.png"]


def test_show__reads_the_named_columns_of_a_csv(photos: Path, out: Path) -> None:
    table = photos / "list.csv"
    table.write_text("where,who\n1/0.png,ann\n2/0.png,bob\n")
    columns = ("--path-column", "where", "--label-column", "who")
    assert call("show", table, "-o", out / "x.png", *columns).exit_code == 0
    assert "nowhere" in refused("show", table, "-o", out / "y.png", "--path-column", "nowhere")


def test_help__mentions_every_command() -> None:
    result = call("--help")
    assert result.exit_code == 0
    assert sorted(main.commands) == ["demo", "evaluate", "predict", "show", "train"]
    listed = result.stdout.partition("Commands:")[2]
    for name, command in main.commands.items():
        assert f"\n  {name} " in listed
        assert command.help
        usage = call(name, "-h")
        assert (usage.exit_code, usage.stderr) == (0, "")


def test_version__is_that_of_the_package() -> None:
    from figsight import __version__

    assert call("--version").stdout == f"figsight, version {__version__}\n"
