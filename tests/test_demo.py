from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.evaluation.make import make_evaluation

from figsight.demo import demo_photos, tour
from figsight.training.progress import Silence

if TYPE_CHECKING:
    from figsight.dataset import Dataset
    from figsight.evaluation import Evaluation

SCRIPTS = Path(__file__).parents[1] / "scripts"
PHOTOS = sorted(demo_photos().glob("*/*.jpg"))
STRANGERS = sorted(demo_photos().with_name("unknown").glob("*.jpg"))

# Renders one shipped photo small, twice, with the script's own code, into the file that is named.
RENDER = """
import sys
import numpy as np
from make_demo import render
first, second = (render("fox", 0, size=64) for _ in range(2))
assert np.array_equal(first, second)
np.save(sys.argv[1], first)
"""


def test_demo_photos__of_a_package_in_a_zip_are_none(tmp_path: Path) -> None:
    import zipfile

    import figsight

    source = Path(figsight.__file__).parent
    with zipfile.ZipFile(tmp_path / "figsight.whl", "w") as wheel:
        for name in ("__init__.py", "errors.py", "demo/__init__.py"):
            wheel.write(source / name, f"figsight/{name}")
    code = (
        "import sys\nsys.path.insert(0, sys.argv[1])\nimport figsight\n"
        "try: figsight.demo_photos()\nexcept figsight.FigsightError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "figsight.whl")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == (
        f"{tmp_path}/figsight.whl/figsight/demo/photos: expected the demo photos in a folder, found "
        "none; install figsight, or unpack it\n"
    )


def test_demo__has_twelve_figures_of_twelve_views() -> None:
    figures = [folder for folder in demo_photos().iterdir() if folder.is_dir()]
    assert len(figures) == 12
    for figure in figures:
        names = sorted(photo.name for photo in figure.iterdir())
        assert names == [f"{view:02d}.jpg" for view in range(1, 13)]


def test_demo__strangers_are_none_of_the_figures() -> None:
    names = {photo.stem.rsplit("-", 1)[0] for photo in STRANGERS}
    assert len(STRANGERS) == 12
    assert len(names) >= 3
    assert not names & {photo.parent.name for photo in PHOTOS}


def test_demo__is_small() -> None:
    assert sum(photo.stat().st_size for photo in PHOTOS + STRANGERS) < 2_000_000


def test_demo__every_photo_is_another() -> None:
    digests = {hashlib.sha256(photo.read_bytes()).digest() for photo in PHOTOS + STRANGERS}
    assert len(digests) == len(PHOTOS + STRANGERS)


def test_demo__photos_are_square_colour_jpegs_that_show_something() -> None:
    for path in PHOTOS + STRANGERS:
        with Image.open(path) as photo:
            assert (photo.format, photo.mode, photo.size) == ("JPEG", "RGB", (256, 256)), path
            assert np.asarray(photo.convert("L")).std() > 10, path


def test_take_tour__trains_on_some_photos_and_asks_about_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Dataset] = []

    def evaluate(_: Path, data: Dataset) -> Evaluation:
        given.append(data)
        return make_evaluation([0, 1], [[0.9, 0.1], [0.2, 0.8]])

    monkeypatch.setattr(tour, "train", lambda data, *_, **__: given.append(data))
    monkeypatch.setattr(tour, "evaluate", evaluate)
    monkeypatch.setattr(tour, "save_sheets", lambda _, path: [path])
    took = tour.take_tour(tmp_path / "demo", seed=0, overwrite=False, watch=Silence())
    learned, asked = ({photo.path for photo in data.photos} for data in given)
    assert (len(learned), len(asked), learned & asked) == (108, 36, set())
    assert took.evaluation.protocol == "2 test photos of the demo"
    assert took.photo.is_file()


@pytest.mark.parametrize(("overwrite", "resumed"), [(False, [False, True]), (True, [False, False])])
def test_take_tour__goes_on_with_what_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool, resumed: list[bool]
) -> None:
    asked = []

    def stop(_: Dataset, model: Path, *, resume: bool, **__: object) -> None:
        asked.append(resume)
        model.with_name("model.training").mkdir(exist_ok=True)
        plan = {"recipe": {}, "seed": 0, "photos": []}
        (model.with_name("model.training") / "plan.json").write_text(json.dumps(plan))
        raise KeyboardInterrupt

    monkeypatch.setattr(tour, "train", stop)
    for _ in resumed:
        with pytest.raises(KeyboardInterrupt):
            tour.take_tour(tmp_path / "demo", seed=0, overwrite=overwrite, watch=Silence())
    assert asked == resumed


def test_make_demo__renders_what_is_shipped(tmp_path: Path) -> None:
    target = tmp_path / "fox.npy"
    command = [sys.executable, "-c", RENDER, str(target)]
    done = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with Image.open(demo_photos() / "fox" / "01.jpg") as photo:
        shipped = np.asarray(photo.resize((64, 64), Image.Resampling.BOX)) / 255.0
    # Not equal: the shipped one has grain and JPEG's losses, and twice the rays a pixel.
    assert np.abs(np.load(target) - shipped).mean() == pytest.approx(0.0, abs=0.02)
