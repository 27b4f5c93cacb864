"""The report as a whole: what is in it, that it is one file, and that nothing breaks out of it."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.bundle.make import make_calibration, make_measured, make_sets, make_unknown
from tests.evaluation.make import make_evaluation, make_remembering, plant_desk
from tests.evaluation.report.page import Page, check_page

from figsight.audit import SuspectLabel, examine
from figsight.dataset import Dataset, Figure, Photo, read
from figsight.errors import MissingExtraError, OutputError
from figsight.evaluation import Evaluation, evaluate
from figsight.evaluation.report import check_report, write_report
from figsight.evaluation.report.classes import write_classes
from figsight.evaluation.report.mistakes import write_mistakes
from figsight.evaluation.report.photos import write_photos

if TYPE_CHECKING:
    from figsight.audit import Audit


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    plant_desk(folder)
    shutil.copy(folder / "new" / "1" / "0.png", folder / "new" / "1" / "copy.png")
    rule = make_unknown(threshold=0.004, auroc=make_measured(0.97, 0.9, 0.99))
    calibration = make_calibration(unknown=rule, sets=make_sets(threshold=0.7))
    make_remembering(folder / "model", folder / "old", calibration)
    return folder


@pytest.fixture(scope="module")
def found(desk: Path) -> Evaluation:
    return evaluate(desk / "model", desk / "new", unknown=desk / "x", explain=True, record=False)


@pytest.fixture(scope="module")
def audit(desk: Path) -> Audit:
    return examine(read(desk / "new"), labels=False)


@pytest.fixture(scope="module")
def page(desk: Path, found: Evaluation, audit: Audit) -> Page:
    write_report(found, desk / "out.html", audit=audit)
    return check_page((desk / "out.html").read_text("utf-8"))


def test_report__tells_everything(page: Page, found: Evaluation) -> None:
    accuracy = found.accuracy
    assert (
        f"{found.correct} of 10 photos named right: {100 * accuracy.value:.1f} %, with a 95 % "
        f"interval from {100 * accuracy.low:.1f} % to {100 * accuracy.high:.1f} %."
    ) in page.text
    assert found.limits
    assert found.limits.replace("\u00a0", " ") in page.text
    for key in (
        *("scores", "photos", "confusion", "classes", "doubt", "mistakes"),
        *("unknowns", "audit", "provenance"),
    ):
        assert key in page.ids
        assert ("href", f"#{key}") in page.attributes
    sections = (
        "mistakes",
        "classes",
        "confusion",
        "unknowns",
        "doubt",
        "scores",
        "photos",
        "audit",
    )
    places = [page.ids.index(key) for key in (*sections, "provenance")]
    assert places == sorted(places), "what goes wrong comes first"
    for photo in found.photos:
        assert photo.path in page.text
    wrong = found.wrong[0]
    names = [figure.display for figure in found.figures]
    true, taken = names[found.labels[wrong]], names[found.predicted[wrong]]
    assert f"{true}, taken for {taken}" in page.text
    assert f"true: {true}" in page.text
    assert "Most similar training photos" in page.text
    assert "AUROC 0.970 (0.900 to 0.990)" in page.text
    assert "3 photos of x" in page.text
    assert "1 exact copy" in page.text
    assert str(found.about["photos_fingerprint"]) in page.text


def test_report__escapes_nothing_where_names_are_ordinary(page: Page) -> None:
    assert " %" in page.text
    assert "\\" not in page.text
    assert not [value for _, value in page.attributes if "\\" in value]


def test_report__shows_wrong_photos_first(page: Page, found: Evaluation) -> None:
    text = page.text[page.text.index("The photos and their names") :]
    places = [text.index(found.photos[i].path) for i in found.wrong]
    assert places == sorted(places)
    right = [i for i in range(found.n) if i not in set(found.wrong.tolist())]
    assert right, "the test needs some"
    assert max(places) < min(text.index(found.photos[i].path) for i in right)


def test_report__folds_what_is_right_and_marks_what_is_called_unknown(found: Evaluation) -> None:
    unknown = np.zeros(found.n, np.bool_)
    right = np.flatnonzero(found.predicted == found.labels)
    unknown[right[0]] = True
    html = write_photos(replace(found, unknown=unknown))
    first, folded = html.split("<details>")
    assert folded.startswith(f"<summary>{len(right)} photos named right</summary>")
    assert first.count('class="tile wrong"') == found.n - len(right)
    assert folded.count('class="tile right"') == len(right) - 1
    assert folded.count('class="tile right unsure"') == 1
    assert html.count('<span class="unsure">called unknown</span>') == 1
    assert "called unknown" not in write_mistakes(replace(found, unknown=unknown))
    unknown[found.wrong[0]] = True
    assert write_mistakes(replace(found, unknown=unknown)).count("called unknown") == 1


def test_report__has_its_numbers_as_json_beside_it(
    desk: Path, page: Page, found: Evaluation
) -> None:
    numbers = json.loads((desk / "out.json").read_text())
    audit = numbers.pop("audit")
    assert numbers == found.to_dict()
    assert audit["duplicates"] == [["1/0.png", "1/copy.png"]]
    (note,) = audit["notes"]  # nobody has asked
    assert note.startswith("labels that look wrong were not looked for here")
    assert note in page.text
    assert all(len(one["neighbours"]) == 3 for one in numbers["mistakes"])


def test_report__repeats_no_reason_of_an_audit(
    found: Evaluation, audit: Audit, tmp_path: Path
) -> None:
    for more in ({"notes": ("no torch",)}, {"suspect_labels": (_suspect(audit),)}):
        write_report(found, tmp_path / "out.html", audit=replace(audit, **more))
        assert "not looked for" not in (tmp_path / "out.html").read_text("utf-8")


def _suspect(audit: Audit) -> SuspectLabel:
    figure = audit.dataset.figures[0]
    return SuspectLabel(audit.dataset.photos[0], figure, figure, 0.1, False)


def test_report__is_the_same_for_the_same_evaluation(
    desk: Path, page: Page, found: Evaluation, audit: Audit, tmp_path: Path
) -> None:
    written = write_report(found, tmp_path / "again.html", audit=audit)
    assert [path.name for path in written] == ["again.html", "again.json"]
    for path, first in zip(written, (desk / "out.html", desk / "out.json"), strict=True):
        assert path.read_bytes() == first.read_bytes()


HOSTILE = (
    "</style><script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "<!-- ",
    "]]></svg>&lt;b&gt; &amp; %s {} $x$",
    "\u202egpj.exe\u2066",
    "a\nb\x00\x1b[31m",
    "\udcff\ud800",
)


def test_report__lets_no_name_break_out(found: Evaluation, audit: Audit, tmp_path: Path) -> None:
    figures = tuple(
        Figure(HOSTILE[i], HOSTILE[i + 1], HOSTILE[i] + HOSTILE[i + 3]) for i in range(3)
    )
    photos = tuple(
        replace(photo, path=f"{HOSTILE[i % len(HOSTILE)]}/{photo.path}")
        for i, photo in enumerate(found.photos)
    )
    grounds = {
        place: replace(
            one,
            chosen=replace(
                one.chosen,
                neighbours=tuple(
                    replace(n, path=HOSTILE[i], name=HOSTILE[i + 1], thumbnail=HOSTILE[0].encode())
                    for i, n in enumerate(one.chosen.neighbours)
                ),
            ),
        )
        for place, one in found.grounds.items()
    }
    assert found.strangers is not None
    about = json.loads(json.dumps(dict(found.about)))
    about["model"] |= {"path": HOSTILE[0], "backbone": HOSTILE[1], "created": HOSTILE[2]}
    about["model"]["recipe"] = {"name": HOSTILE[0], HOSTILE[1]: HOSTILE[3]}
    about["model"]["versions"] = {HOSTILE[0]: HOSTILE[1]}
    about["model"]["calibration"]["unknown"] |= {"score": HOSTILE[0], "protocol": HOSTILE[1]}
    changed = replace(
        found,
        protocol=HOSTILE[0] * 3,
        figures=figures,
        photos=photos,
        grounds=grounds,
        notes=HOSTILE,
        strangers=replace(found.strangers, source=HOSTILE[1]),
        trained_on=HOSTILE,
        refused={"operating_point": HOSTILE[0]},
        history=f"run,epoch,loss,accuracy,seconds\n{HOSTILE[0]},1,0.5,0.5,1\nfinal,1,0.5,0.5,1\n",
        about=about,
    )
    write_report(changed, tmp_path / "out.html", audit=audit)
    html = (tmp_path / "out.html").read_text("utf-8")
    page = check_page(html)
    assert "training" in page.ids
    assert "<script" not in html
    assert "alert(1)" in page.text
    assert html.count("</style>") == 1
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", html)
    json.loads((tmp_path / "out.json").read_text())


def test_report__of_two_figures_shows_their_curve(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    p = rng.random((40, 2)).tolist()
    made = make_evaluation([0, 1] * 20, p, refused={"operating_point": "too few of them"})
    write_report(made, tmp_path / "two.html")
    page = check_page((tmp_path / "two.html").read_text("utf-8"))
    assert ("aria-label", "ROC curve") in page.attributes
    assert "No threshold for it: too few of them." in page.text
    assert "The figure that is looked for is SAME (1)." in page.text


def test_report__of_repeats_shows_each_photo_once(tmp_path: Path) -> None:
    p = [[0.9, 0.1, 0.0], [0.2, 0.8, 0], [0.7, 0.3, 0], [0.1, 0.9, 0], [0.4, 0.6, 0], [0.3, 0.7, 0]]
    made = make_evaluation([0, 1, 1] * 2, p, repeats=2, groups=("x", "y", "z") * 2)
    write_report(made, tmp_path / "out.html")
    page = check_page((tmp_path / "out.html").read_text("utf-8"))
    assert "4 of 6 answers to 3 photos right: 66.7 %" in page.text
    assert page.text.count("right in 1 of 2") == 2
    assert page.text.count("right in 2 of 2") == 1
    assert "0.5 of 1" in page.text


def test_report__of_photos_that_are_gone_says_so(tmp_path: Path) -> None:
    made = make_evaluation([0, 1], [[0.9, 0.1, 0], [0.8, 0.2, 0]])
    write_report(made, tmp_path / "out.html")
    page = check_page((tmp_path / "out.html").read_text("utf-8"))
    assert page.text.count("1.pngNo such file or directory") >= 2


def test_report__without_a_mistake_says_so(tmp_path: Path) -> None:
    made = make_evaluation([0, 1], [[0.9, 0.1, 0], [0.1, 0.9, 0]])
    write_report(made, tmp_path / "out.html")
    page = check_page((tmp_path / "out.html").read_text("utf-8"))
    assert "There are none among these photos." in page.text
    assert "Nothing was taken for anything else." in page.text


def test_report__of_many_photos_shows_some(tmp_path: Path) -> None:
    n = 1000
    rng = np.random.default_rng(1)
    made = make_evaluation(rng.integers(0, 3, n).tolist(), rng.random((n, 3)).tolist())
    shown = replace(made, photos=made.photos)
    write_report(shown, tmp_path / "out.html")
    page = check_page((tmp_path / "out.html").read_text("utf-8"))
    assert "Shown are 300 of 1000 photos." in page.text
    assert len(page.attributes) < 20_000


@pytest.mark.parametrize("name", ["out.html", "out.json"])
def test_report__replaces_a_report_and_no_other_file(
    desk: Path, page: Page, found: Evaluation, tmp_path: Path, name: str
) -> None:
    assert page.ids
    for one in ("out.html", "out.json"):
        shutil.copy(desk / one, tmp_path / one)
    write_report(found, tmp_path / "out.html")
    assert (tmp_path / name).read_bytes() != (desk / name).read_bytes()  # it has no audit
    (tmp_path / name).write_text(json.dumps({"protocol": "another's", "n": 3}))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    what = {
        "out.html": "a page that figsight wrote",
        "out.json": "the JSON of a report that figsight wrote",
    }[name]
    with pytest.raises(OutputError) as caught:
        check_report(tmp_path / "out.html")
    assert str(caught.value) == (
        f"{tmp_path / name}: expected no file, or {what}, found another; choose another name, or "
        "remove it first"
    )
    with pytest.raises(OutputError, match="found another"):
        write_report(found, tmp_path / "out.html")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_report__replaces_what_evaluate_json_wrote(found: Evaluation, tmp_path: Path) -> None:
    quoted = replace(found, protocol='10 photos: "new" \\\n')
    (tmp_path / "out.json").write_text(json.dumps(quoted.to_dict()) + "\n")
    write_report(found, tmp_path / "out.html")
    assert json.loads((tmp_path / "out.json").read_text())["protocol"] == found.protocol


def test_report__folds_figures_without_a_mistake_where_figures_are_many() -> None:
    labels = np.repeat(np.arange(20), 2)
    said = np.eye(22)[labels]
    said[0] = np.eye(22)[1]  # so that two figures have a mistake, and two have no photo
    page = write_classes(make_evaluation(labels.tolist(), said.tolist()))
    first, folded, absent = page.split("<details>")
    assert first.count('<th scope="row">') == 2
    assert folded.startswith("<summary>18 figures all right</summary>")
    assert absent.startswith("<summary>2 figures without a photo here</summary>")
    assert page.count('<th scope="row">') == 22
    few = write_classes(make_evaluation([0, 1], [[0.9, 0.1], [0.2, 0.8]]))
    assert "<details>" not in few


def test_report__says_how_intervals_were_made_where_it_is_looked_for(page: Page) -> None:
    assert "How the intervals were made" in page.text
    assert "Accuracy, Top 3: Wilson" in page.text or "Accuracy: Wilson" in page.text


def test_report__says_what_to_install(
    tmp_path: Path, found: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    expected = "needs an optional part: pip install 'figsight[report]'"
    with pytest.raises(MissingExtraError, match=re.escape(expected)):
        write_report(found, tmp_path / "out.html")
    assert not any(tmp_path.iterdir())


def test_report__shows_a_dataset_of_a_zip_too(
    desk: Path, found: Evaluation, tmp_path: Path
) -> None:
    shutil.make_archive(str(tmp_path / "set"), "zip", desk / "new")
    dataset: Dataset = read(tmp_path / "set.zip")
    zipped = evaluate(desk / "model", dataset, record=False)
    assert isinstance(zipped.photos[0], Photo)
    write_report(zipped, tmp_path / "out.html")
    html = Path(tmp_path / "out.html").read_text("utf-8")
    assert html.count("<img ") >= zipped.n


def test_report__shows_each_stranger_once_however_many_networks_were_asked(
    found: Evaluation, audit: Audit, tmp_path: Path
) -> None:
    others = found.strangers
    assert others is not None
    asked = replace(
        others,
        photos=others.photos[:2] * 3,
        predicted=np.array([0, 1, 1, 0, 2, 0]),
        probability=np.full(6, 0.5),
        scores=np.array([2.0, 0.3, 0.2, 0.4, 3.0, 0.1]),
        unknown=np.array([True, False, False, False, True, False]),
        groups=None,
        networks=3,
    )
    rule = {"score": "mixed", "kept": 0.95, "thresholds": [0.6, 0.5, 0.7]}
    about = {key: value for key, value in found.about.items() if key != "model"} | {"unknown": rule}
    write_report(replace(found, strangers=asked, about=about), tmp_path / "out.html", audit=audit)
    words = check_page((tmp_path / "out.html").read_text("utf-8")).text
    assert "Each fold has a line of its own, set to keep 95 % of the other folds' photos." in words
    assert "The lines are from 0.5 to 0.7 of the score mixed." in words
    assert "the folds' thresholds" in words
    assert "of 2 photos of none of the figures (3 photos of x), each shown to 3 networks," in words
    assert "the least strange first, by at least one network (2)" in words
    assert "were taken for one, on average over the networks" in words
    first, second = (words.index(f", {times} of 3 networks") for times in (3, 1))
    assert first < second
