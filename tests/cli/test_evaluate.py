from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.bundle.make import make_bundle, make_calibration, make_manifest, make_unknown
from tests.cli.make import call, refused
from tests.evaluation.make import make_evaluation
from tests.training.make import plant_photos

from figsight.classifier import load
from figsight.cli.telling import LISTED, tell
from figsight.errors import PhotoError
from figsight.evaluation import Evaluation
from figsight.evaluation.results import Caveat, OperatingScore, Resembling
from figsight.metrics import SCORE_WORDS, say_probability, say_share, wilson


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
    found = json.loads(call("evaluate", model, photos, "--json", "--no-record").stdout)
    assert found["mistakes"], "the test needs some"
    lines = call("evaluate", model, photos).stdout.splitlines()
    assert lines[0] == "6 photos: photos"
    assert lines[1].startswith(
        f"accuracy {say_share(found['accuracy'])}: {found['correct']} of 6 right ("
    )
    assert lines[2].startswith("So few photos leave room: ")
    wrong = found["mistakes"][0]
    assert (
        f"  {wrong['path']}: {wrong['name']}, taken for {wrong['predicted_name']} "
        f"({say_probability(wrong['probability'])})"
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
    assert found["roc_auc"] == found["scores"]["roc_auc"]["value"]
    assert found["positive_class_id"] == "figure-1"
    assert found["operating_point"]["refused"].startswith(
        "a threshold that finds 95 % of the photos of a figure needs at least 19 of them, found 2"
    )
    assert "test 2: epoch 1 of 1  loss " in result.stderr
    everything = {hashlib.sha256(path.read_bytes()).digest() for path in data.rglob("*.png")}
    learned = []
    for number in (1, 2):
        with load(out / "work" / f"repeat-1-fold-{number}") as classifier:
            learned.append({row.tobytes() for row in classifier.bundle.gallery().sha256})
    # What one network learned is what the other was asked about, and nothing else.
    assert learned[0] | learned[1] == everything
    assert not learned[0] & learned[1]
    again = call("evaluate", "--folds", "2", data, *how, "--report", out / "page.html")
    assert again.exit_code == 0, again.stderr
    page = (out / "page.html").read_text("utf-8")
    assert "How training went" in page
    assert page.count("Most similar training photos") == len(found["mistakes"])
    other = json.loads(again.stdout)
    for one in (found, other):
        del one["seconds"], one["about"]["time"]
    assert other == found


def test_evaluate__refuses_what_it_cannot_do(
    model: Path, photos: Path, recipe: Path, out: Path
) -> None:
    expected = "figsight: expected: figsight evaluate"
    assert refused("evaluate", photos) == (
        f"{expected} MODEL DATA; or, without a model: figsight evaluate --folds 5 DATA"
    )
    assert refused("evaluate", model, photos, photos) == f"{expected} MODEL DATA"
    assert refused("evaluate", "--folds", "2", model, photos) == f"{expected} --folds N DATA"
    assert refused("evaluate") == "figsight: missing argument '[MODEL] DATA'"
    assert refused("evaluate", "--folds", "1", photos).startswith(
        "figsight: invalid value for '--fol"
    )
    assert refused("evaluate", model, photos, "--epochs", "3") == (
        "figsight: --epochs goes with --folds only"
    )
    assert refused("evaluate", model, photos, "--budget", "60s") == (
        "figsight: --budget goes with --folds only"
    )
    assert refused("evaluate", "--folds", "2", photos, "--budget", "60s", "--epochs", "3") == (
        "figsight: --budget plans the epochs itself: leave it or --epochs out"
    )
    assert refused("evaluate", "--folds", "2", photos, "--split", "test") == (
        "figsight: --split does not go with --folds"
    )
    assert refused("evaluate", model, photos, "--sensitivity", "0.9") == (
        "figsight: --sensitivity goes with --folds only"
    )
    assert refused("evaluate", model, photos, "--positive", "1") == (
        "figsight: --positive goes with --folds only"
    )
    assert refused("evaluate", "--folds", "2", photos, "--positive", "1") == (
        "figsight: photos: expected two figures for one that is looked for, found 3; leave positive out"
    )
    assert refused("evaluate", "--folds", "2", photos, "--keep", "0.9") == (
        "figsight: --keep goes with --unknown only where there is no MODEL"
    )
    assert refused("evaluate", "--folds", "2", photos, "--unknown", out / "none") == (
        f"figsight: {out / 'none'}: expected a folder or a zip of pictures, found neither"
    )
    assert refused("evaluate", "--folds", "2", photos, "--sensitivity", "0.9") == (
        "figsight: photos: expected two figures for a stated sensitivity, found 3; leave the "
        "sensitivity out"
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


def test_evaluate__writes_a_report(model: Path, photos: Path, out: Path) -> None:
    result = call("evaluate", model, photos, "--report", out / "page.html", "--json", "--no-record")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == f"report: {out / 'page.html'}\nreport: {out / 'page.json'}\n"
    found = json.loads(result.stdout)
    numbers = json.loads((out / "page.json").read_text())
    audit = numbers.pop("audit")
    assert audit["photos"] == 6
    assert audit["notes"] == [
        "labels that look wrong were not looked for here; figsight audit looks for them"
    ]
    assert numbers == found
    assert all(len(one["neighbours"]) == 3 for one in found["mistakes"])
    page = (out / "page.html").read_text("utf-8")
    assert found["mistakes"][0]["path"] in page.replace("<wbr>", "")


def test_evaluate__refuses_a_report_before_it_measures(
    model: Path, photos: Path, out: Path
) -> None:
    before = sorted(model.iterdir())
    said = refused("evaluate", model, photos, "--report", out / "page.pdf")
    assert said == (
        f"figsight: {out / 'page.pdf'}: expected a file ending in .html or .htm, found '.pdf'; write "
        "for example page.html"
    )
    mine = out / "page.json"
    mine.write_text("[]")
    assert refused("evaluate", model, photos, "--report", out / "page.html") == (
        f"figsight: {mine}: expected no file, or the JSON of a report that figsight wrote, found "
        "another; choose another name, or remove it first"
    )
    assert mine.read_text() == "[]"
    assert sorted(model.iterdir()) == before


def test_evaluate__leaves_a_trace_unless_told(photos: Path, out: Path) -> None:
    model = make_bundle(out / "model")
    assert call("evaluate", model, photos, "--no-record").exit_code == 0
    assert not (model / "evaluations.jsonl").exists()
    call("evaluate", model, photos)
    assert "2nd time that this model is tested" in call("evaluate", model, photos).stdout
    assert len((model / "evaluations.jsonl").read_text().splitlines()) == 2


def test_evaluate__measures_strangers(photos: Path, out: Path) -> None:
    rule = make_unknown(threshold=0.004)
    model = make_bundle(out / "m", make_manifest(calibration=make_calibration(unknown=rule)))
    plant_photos(out / "x", figures=1, photos=4)
    how = (model, photos, "--unknown", out / "x", "--no-record")
    found = json.loads(call("evaluate", *how, "--json").stdout)
    assert found["unknown"]["n_unknown"] == 4
    said = call("evaluate", *how).stdout
    unknown = found["unknown"]
    assert (
        "unknown: 4 photos of none of the figures: strangers given a name "
        f"{say_share(unknown['accepted'])} (" in said
    )
    assert f", known photos refused {say_share(1 - unknown['kept'])} (" in said
    assert f"; AUROC {unknown['auroc']:.3f} (" in said
    assert refused("evaluate", *how, "--keep", "0.9").endswith(
        "expected a share of known photos to keep that it has a line for (0.95), found 0.9; "
        "choose one of these"
    )


def test_tell__says_why_a_model_never_says_unknown() -> None:
    def say(**more: Any) -> list[str]:
        said = tell(make_evaluation([0, 1], [[0.9, 0.1], [0.2, 0.8]], **more)).splitlines()
        return [line for line in said if "unknown" in line]

    never = "unknown figures: this model never says 'unknown', because "
    assert say(refused={"unknown": "to keep 95% it needs 19 photos"}) == [
        f"{never}to keep 95\u00a0% it needs 19 photos"
    ]
    assert say(about={"model": {"calibration": None}}) == [
        f"{never}it was trained without measuring"
    ]
    assert say(about={"model": {"calibration": {"temperature": 1.0}}}) == []
    assert say() == []


def test_tell__of_two_figures_and_repeats() -> None:
    share = wilson(19, 20)
    made = make_evaluation(
        [0, 1, 0, 1],
        [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.00001, 0.99999]],
        repeats=2,
        groups=("a", "b") * 2,
        operating=OperatingScore("1", 0.95, (0.3,), share, share),
    )
    lines = tell(made).splitlines()
    plain = tell(made).replace("\u00a0%", " %")
    assert lines[1].startswith(
        "accuracy 75.0\u00a0%: 3 of 4 answers to 2 photos right (Wilson, each photo"
    )
    assert "threshold for a sensitivity of 95 %: sensitivity 95.0 % (76.4 % to 99.1 %), " in plain
    assert "scores, with 95 % intervals; the figure that is looked for is SAME (1):" in plain
    assert any(line.startswith("  ROC AUC ") and " 1.000   " in line for line in lines)
    assert any(
        line.startswith("  Sensitivity ") and " 100.0 %   " in line for line in plain.splitlines()
    )
    assert "  SAME (0): 0.5 of 1" in lines
    assert "  0.png: SAME (0), taken for SAME (1) (60.0\u00a0%, repeat 2)" in lines


def test_tell__says_first_what_a_test_on_training_photos_is_worth() -> None:
    notes = ("2nd time that it is asked", Caveat("It saw one of these photos"))
    lines = tell(make_evaluation([0, 1], [[0.9, 0.1], [0.2, 0.8]], notes=notes)).splitlines()
    worth, accuracy, other = (
        next(i for i, line in enumerate(lines) if words in line)
        for words in ("It saw one", "accuracy", "2nd time")
    )
    assert worth < accuracy < other


def test_tell__counts_only_what_is_a_test_and_names_the_rest() -> None:
    n = 20
    likes = tuple(Resembling(f"{i}.png", f"old/{i}.png", 0.99) for i in range(3, 12))
    made = make_evaluation(
        [0, 1] * 10,
        [[0.9, 0.1], [0.6, 0.4]] * 10,  # every other one is wrong
        trained_on=("0.png", "2.png", "4.png"),
        resembles_trained=likes,
        notes=(Caveat("It has seen some."), "A note."),
    )
    lines = tell(made).splitlines()
    score = wilson(4, 9)
    assert lines[1:3] == [
        "It has seen some.",
        (
            f"accuracy {say_share(4 / 9)}: 4 right of the 9 photos that it had not seen (Wilson: "
            f"{say_share(score.low)} to {say_share(score.high)})"
        ),
    ]
    first = lines.index("photos that are no test of the model:")
    assert lines[first + 1] == "  3.png: looks much like old/3.png, a training photo"
    assert lines[first + 10 : first + 12] == [
        "  0.png: was trained on",
        "  and 2 more: --json has all",
    ]
    # The table is of these, what comes after the last of the notes of all.
    table = next(i for i, line in enumerate(lines) if line.startswith("scores, with "))
    assert lines[table + 1].split()[:2] == ["Accuracy", f"{100 * 4 / 9:.1f}\u00a0%".split()[0]]
    rest = lines.index(f"of all {n} photos:")
    assert first < table < lines.index("A note.") < rest
    assert lines[rest + 1 :][:2] == [
        "figures with mistakes, and how many photos are right:",
        "  SAME (1): 0 of 10",
    ]


def test_tell__gives_no_number_where_nothing_is_a_test() -> None:
    made = make_evaluation(
        [0, 1],
        [[0.9, 0.1], [0.2, 0.8]],
        trained_on=("0.png", "1.png"),
        notes=(Caveat("It saw them: the numbers flatter it."),),
        skipped=(),
    )
    assert tell(made).splitlines() == [
        "some photos",
        "No test: the model was trained on all 2 of these photos.",
        (
            "It names 2 of 2 right: that shows what it remembers, not how it does on other photos. Test "
            "it on photos that you kept aside, or let figsight evaluate --folds 5 train and test on these "
            "in turn."
        ),
    ]


def test_tell__puts_scores_and_their_intervals_in_columns() -> None:
    made = make_evaluation([0, 1, 2], [[0.9, 0.1, 0], [0.2, 0.8, 0], [0.1, 0.8, 0.1]])
    lines = tell(made).replace("\u00a0", "_").splitlines()
    table = lines[lines.index("scores, with 95_% intervals:") + 1 :][: len(made.scores)]
    scores = [made.scores[key] for key in SCORE_WORDS if key in made.scores]
    for line, score in zip(table, scores, strict=True):
        _, value, low, high = re.split(r"  +| to +", line.strip())
        for shown, number in ((value, score.value), (low, score.low), (high, score.high)):
            share = shown.endswith("_%")
            assert float(shown.removesuffix("_%")) == pytest.approx(
                100 * number if share else number, abs=0.0501 if share else 0.000501
            )
    assert len({line.rindex(" to ") for line in table}) == 1


def test_tell__says_what_was_left_out_and_why_something_was_not_measured() -> None:
    made = make_evaluation(
        [0, 1],
        [[0.9, 0.1], [0.2, 0.8]],
        skipped=tuple(PhotoError(f"{i}.png", "it is damaged") for i in range(12)),
        refused={"sets": "they need 50 photos", "operating_point": "it needs 10% more"},
    )
    lines = tell(made).splitlines()
    first = lines.index("12 photos left out, which cannot be decoded:")
    assert lines[first + 1] == "  0.png: it is damaged"
    assert lines[first + 11] == "  and 2 more: --json has all"
    assert "no sets of names: they need 50 photos" in lines
    assert "no threshold: it needs 10\u00a0% more" in lines


def test_evaluate__tells_of_photos_that_it_was_to_skip(model: Path, photos: Path) -> None:
    (photos / "1" / "bad.png").write_bytes(b"no picture")
    said = call("evaluate", model, photos, "--skip-bad", "--no-record").stdout
    assert "\n1 photo left out, which cannot be decoded:\n  1/bad.png: expected " in said


def test_evaluate__json_has_what_each_mistake_resembles(model: Path, photos: Path) -> None:
    mistakes = json.loads(call("evaluate", model, photos, "--json", "--no-record").stdout)[
        "mistakes"
    ]
    assert mistakes
    for one in mistakes:
        distances = [other["distance"] for other in one["neighbours"]]
        assert len(distances) == 3
        assert distances == sorted(distances)


def test_tell__makes_no_json_of_all_answers_to_print_a_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Evaluation, "to_dict", lambda _: pytest.fail("all of it was written"))
    lines = tell(make_evaluation([0, 1], [[0.9, 0.1], [0.8, 0.2]])).splitlines()
    assert "  SAME (1): 0 of 1" in lines
    assert "  1.png: SAME (1), taken for SAME (0) (80.0\u00a0%)" in lines


def test_tell__lists_some_mistakes_and_what_the_rule_for_unknowns_makes_of_them() -> None:
    n = LISTED + 7
    made = make_evaluation(
        [0] * n,
        [[0.1, 0.9]] * n,
        strangeness=np.zeros(n),
        unknown=np.array([True] + [False] * (n - 1)),
        about={"model": {"calibration": {"unknown": {"kept": 0.99}}}},
    )
    lines = tell(made).splitlines()
    assert (
        f"If the model may say 'unknown': 0 named right, {n - 1} wrongly, 1 called unknown" in lines
    )
    assert "  0.png: SAME (0), taken for SAME (1) (90.0\u00a0%, called unknown)" in lines
    assert "  1.png: SAME (0), taken for SAME (1) (90.0\u00a0%)" in lines
    assert len([line for line in lines if ", taken for " in line]) == LISTED
    assert lines[-1] == "  and 7 more mistakes: --report and --json have all"
