"""Training from photos to a bundle: repeatable, resumable, honest, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from tests.training.make import TINY, Interruption, Told, plant_photos

from figsight import bundle, load, train
from figsight.errors import DataError, OutputError, RecipeError, UnreadablePhotosError
from figsight.training import change_recipe
from figsight.training.recipe import Recipe
from figsight.training.workplace import MARK

if TYPE_CHECKING:
    from figsight.training.checkpoint import EpochRecord


def weights_of(path: Path) -> dict[str, bytes]:
    with bundle.open_bundle(path) as opened:
        return {name: array.tobytes() for name, array in opened.network().items()}


def test_train__writes_a_bundle_that_names_its_figures(photos: Path, model: Path) -> None:
    bundle.verify(model)
    with load(model) as classifier:
        assert [figure.id for figure in classifier.figures] == ["figure-0", "figure-1"]
        for path in sorted(photos.glob("*/*.png")):
            logits = classifier.run(classifier.prepare(path)[np.newaxis]).logits[0]
            expected = ["figure-0", "figure-1"][logits.argmax()]
            assert classifier.predict(path.read_bytes()).name == expected
    assert not model.with_name("model.training").exists()


def test_train__reports_accuracy_on_unseen_photos_with_its_interval(model: Path) -> None:
    with bundle.open_bundle(model) as opened:
        manifest = opened.manifest
    score = next(score for score in manifest.scores if score.metric == "accuracy")
    assert score.photos == 12
    assert score.correct is not None
    assert score.value == pytest.approx(score.correct / 12)
    assert score.low <= score.value <= score.high
    assert score.interval.startswith("Wilson")
    assert score.protocol == (
        "2-fold cross-validation, copies kept together, by networks trained like this one"
    )
    assert manifest.calibration is not None
    assert manifest.training.photos == 12


@pytest.mark.usefixtures("graph_at_hand")
@pytest.mark.parametrize("folds", [1, 3])
def test_train__says_how_more_photos_are_held_out(photos: Path, tmp_path: Path, folds: int) -> None:
    recipe = change_recipe(TINY, folds=folds, epochs=1)
    how: dict[str, Any] = {"recipe": recipe, "weights": "random"}
    made = train(photos, tmp_path / "m", sensitivity=0.5, **how)
    assert made.calibration is not None
    reasons = made.calibration.refused
    # Of 12 photos all in turn are too few for sets, too, but enough for the others.
    assert reasons["sets"].endswith("; add photos")
    if folds == 1:
        advice = "; add photos, or hold out all 12 in turn (--folds 5)"
        assert reasons["operating_point"].endswith(f"found 1{advice}")
        assert reasons["unknown"].endswith(f"found 2{advice}")
    else:
        assert set(reasons) == {"sets"}


@pytest.mark.usefixtures("graph_at_hand")
@pytest.mark.parametrize("budget", [None, 60.0])
def test_train__says_which_networks_that_leave_figures_out_cannot_be(
    tmp_path: Path, budget: float | None
) -> None:
    # Of three figures one has two shots: without it there is nobody to hold a stranger against.
    photos = plant_photos(tmp_path / "set", figures=3, photos=4)
    for name in ("figure-1", "figure-2"):
        for number in (1, 2, 3):
            shutil.copy(photos / name / "0.png", photos / name / f"{number}.png")
    recipe = change_recipe(TINY, folds=1, left_out=3, epochs=None if budget else 1)

    class Stopped(Told, Interruption):
        """Hears what is said before the first epoch."""

        def __init__(self) -> None:
            Told.__init__(self)
            Interruption.__init__(self, 0)

    told = Stopped()
    with pytest.raises(KeyboardInterrupt):
        train(photos, tmp_path / "m", recipe=recipe, weights="random", budget=budget, watch=told)
    (said,) = [line for line in told.lines if "leave figures out" in line]
    assert said == (
        "1 of the 3 networks that were to leave figures out is left away: the figures that it would "
        "learn have but one shot each, or belong together with those left out"
    )


def test_train__writes_every_value_of_its_recipe_down(model: Path) -> None:
    with bundle.open_bundle(model) as opened:
        recipe = dict(opened.manifest.training.recipe)
    assert recipe.pop("weights") == {"source": "random", "sha256": ""}
    assert set(recipe) == set(Recipe.__struct_fields__)
    assert recipe["epochs"] == TINY.epochs


def test_train__records_loss_and_accuracy_of_every_epoch(model: Path) -> None:
    with bundle.open_bundle(model) as opened:
        history = opened.history()
        assert opened.curves() is not None
    assert history is not None
    header, *rows = history.splitlines()
    assert header == "run,epoch,loss,accuracy,seconds"
    assert [row.split(",")[:2] for row in rows] == [
        [run, str(epoch)] for run in ("fold 1", "fold 2", "final") for epoch in (1, 2)
    ]


@pytest.mark.usefixtures("graph_at_hand")
def test_train__twice_gives_the_same_weights_to_the_bit(
    photos: Path, model: Path, tmp_path: Path
) -> None:
    train(photos, tmp_path / "again", recipe=TINY, weights="random", device="cpu")
    assert weights_of(tmp_path / "again") == weights_of(model)
    train(photos, tmp_path / "other", recipe=TINY, weights="random", device="cpu", seed=1)
    assert weights_of(tmp_path / "other") != weights_of(model)


@pytest.mark.usefixtures("graph_at_hand")
def test_train__gives_the_same_weights_one_by_one_and_all_at_once(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for threads in ("1", "3"):  # of three networks: one at a time, and all of them
        monkeypatch.setenv("FIGSIGHT_THREADS", threads)
        train(photos, tmp_path / threads, recipe=TINY, weights="random", device="cpu")
    assert weights_of(tmp_path / "1") == weights_of(tmp_path / "3")


# After the first or second epoch of the two folds and the final network.
@pytest.mark.parametrize("after", [0, 1, 2, 4, 5])
@pytest.mark.usefixtures("graph_at_hand")
def test_train__resumed_ends_with_the_weights_of_an_uninterrupted_run(
    photos: Path, model: Path, tmp_path: Path, after: int
) -> None:
    def run(**options: object) -> None:
        train(photos, tmp_path / "m", recipe=TINY, weights="random", device="cpu", **options)  # type: ignore[arg-type]

    with pytest.raises(KeyboardInterrupt):
        run(watch=Interruption(after))
    assert not (tmp_path / "m").exists()
    with pytest.raises(OutputError, match="an unfinished training lies here; --resume goes on"):
        run()
    run(resume=True)
    assert weights_of(tmp_path / "m") == weights_of(model)
    with bundle.open_bundle(tmp_path / "m") as resumed, bundle.open_bundle(model) as whole:
        assert resumed.manifest.scores == whole.manifest.scores


@pytest.mark.usefixtures("graph_at_hand")
def test_train__averages_ingredients_also_when_resumed(photos: Path, tmp_path: Path) -> None:
    how: dict[str, Any] = {
        "recipe": change_recipe(TINY, ingredients=2, folds=1),
        "weights": "random",
        "device": "cpu",
    }
    train(photos, tmp_path / "whole", **how)
    with bundle.open_bundle(tmp_path / "whole") as opened:
        history = opened.history()
    assert history is not None
    runs = {row.split(",")[0] for row in history.splitlines()[1:]}
    assert runs == {"holdout", "holdout (2)", "final", "final (2)"}
    with pytest.raises(KeyboardInterrupt):
        train(photos, tmp_path / "m", **how, watch=Interruption(6))
    train(photos, tmp_path / "m", **how, resume=True)
    assert weights_of(tmp_path / "m") == weights_of(tmp_path / "whole")
    train(photos, tmp_path / "one", **how | {"recipe": change_recipe(TINY, folds=1)})
    assert weights_of(tmp_path / "one") != weights_of(tmp_path / "whole")


@pytest.mark.usefixtures("graph_at_hand")
def test_train__survives_kill_9(photos: Path, model: Path, tmp_path: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from tests.training.make import TINY\n"
        "from figsight import train\n"
        "train(sys.argv[2], sys.argv[3], recipe=TINY, weights='random', device='cpu')\n"
    )
    tests = str(Path(__file__).parents[2])
    target = tmp_path / "m"
    process = subprocess.Popen(
        [sys.executable, "-c", script, tests, str(photos), str(target)],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    checkpoint = tmp_path / "m.training" / "fold-1.safetensors"
    outputs = tmp_path / "m.training" / "fold-1.outputs.safetensors"
    deadline = time.monotonic() + 120
    while not (checkpoint.exists() or outputs.exists()) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not target.exists()
    train(photos, target, recipe=TINY, weights="random", device="cpu", resume=True)
    assert weights_of(target) == weights_of(model)


def test_train__goes_on_from_the_weights_of_a_model(
    photos: Path, model: Path, tmp_path: Path
) -> None:
    started: list[tuple[str, str, Any]] = []
    for weights in (model / "network.safetensors", "random"):
        target, how = tmp_path / str(len(started)), replace(TINY, epochs=1, folds=0)
        train(photos, target, recipe=how, weights=weights, seed=1)
        with bundle.open_bundle(target) as opened:
            history = opened.history() or ""
            source = opened.manifest.training.recipe["weights"]["source"]
        loss = history.splitlines()[1].split(",")[2]
        filters = np.frombuffer(weights_of(target)["conv_head.weight"], np.float32)
        started.append((source, loss, filters))
    (source, loss, near), (random, other, far) = started
    assert (source, random) == ("file:network.safetensors", "random")
    assert loss != other
    before = np.frombuffer(weights_of(model)["conv_head.weight"], np.float32)
    assert np.abs(near - before).max() < 0.1 * np.abs(far - before).max()


def test_train__with_nothing_to_resume_says_so(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="expected an unfinished training to resume, found none"):
        train(photos, tmp_path / "m", recipe=TINY, weights="random", resume=True)
    assert not list(tmp_path.iterdir())


def test_train__never_replaces_a_model_unasked(photos: Path, model: Path, tmp_path: Path) -> None:
    before = weights_of(model)
    with pytest.raises(OutputError):
        train(photos, model, recipe=TINY, weights="random", seed=3)
    assert weights_of(model) == before
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("dear")
    with pytest.raises(OutputError):
        train(photos, tmp_path / "letters", recipe=TINY, weights="random", overwrite=True)
    assert (tmp_path / "letters" / "dear.txt").read_text() == "dear"


@pytest.mark.usefixtures("graph_at_hand")
def test_train__stops_at_unreadable_photos_before_the_first_epoch(tmp_path: Path) -> None:
    photos = plant_photos(tmp_path / "set")
    (photos / "figure-0" / "0.png").write_bytes(b"not a picture")
    with pytest.raises(UnreadablePhotosError, match=r"1 of 12 photos cannot .*figure-0/0\.png"):
        train(photos, tmp_path / "m", recipe=TINY, weights="random")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set"]
    train(photos, tmp_path / "m", recipe=TINY, weights="random", skip_bad=True)
    with bundle.open_bundle(tmp_path / "m") as opened:
        training = opened.manifest.training
    assert [one.path for one in training.skipped] == ["figure-0/0.png"]
    assert training.photos == 11


def test_train__without_what_it_needs_leaves_nothing_behind(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="timm knows no network"):
        train(photos, tmp_path / "m", recipe=TINY, backbone="nosuchnet", weights="random")
    with pytest.raises(DataError):
        train(tmp_path / "nowhere", tmp_path / "m", recipe=TINY)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("graph_at_hand")
def test_train__without_thumbnails_carries_no_picture(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path / "m", recipe=TINY, weights="random", folds=0, thumbnails=False)
    assert not (tmp_path / "m" / "thumbnails").exists()


@pytest.mark.usefixtures("graph_at_hand")
@pytest.mark.parametrize("before", [False, True])
def test_train__leaves_torch_as_it_was(photos: Path, tmp_path: Path, before: bool) -> None:
    settings: Any = torch.utils.deterministic

    def look() -> tuple[Any, ...]:
        return (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            settings.fill_uninitialized_memory,
            torch.get_num_threads(),
            torch.random.get_rng_state().tolist(),
        )

    usual = look()
    try:
        torch.use_deterministic_algorithms(before, warn_only=before)
        settings.fill_uninitialized_memory = before
        torch.set_num_threads(3)
        torch.random.manual_seed(123)
        found = look()
        train(photos, tmp_path / "m", recipe=TINY, weights="random", folds=0, epochs=1)
        assert look() == found
    finally:
        torch.use_deterministic_algorithms(usual[0], warn_only=usual[1])
        settings.fill_uninitialized_memory = usual[2]
        torch.set_num_threads(usual[3])


def test_bundle__answers_as_the_torch_network_does(photos: Path, model: Path) -> None:
    import timm

    with bundle.open_bundle(model) as opened:
        state = {k: torch.from_numpy(v.copy()) for k, v in opened.network().items()}
    network: Any = timm.create_model(TINY.backbone, num_classes=2).eval()
    network.load_state_dict(state)
    mean, std = (torch.tensor(network.default_cfg[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    with load(model) as classifier:
        for path in sorted(photos.glob("*/*.png")):
            pixels = classifier.prepare(path)[np.newaxis]
            with torch.no_grad():
                views = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
                theirs = classifier.probabilities(network((views - mean) / std).numpy())[0]
            ours = classifier.probabilities(classifier.run(pixels).logits)[0]
            assert ours.argmax() == theirs.argmax()
            assert np.abs(ours - theirs).max() < 1e-4


def test_train__on_a_device_that_is_not_there_says_which_are(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"device: expected auto or one of .*cpu.*found 'tpu'"):
        train(photos, tmp_path / "m", recipe=TINY, weights="random", device="tpu")
    assert not list(tmp_path.iterdir())


def test_train__after_a_crash_before_the_first_epoch_begins_anew(
    photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "m.training").mkdir()
    (tmp_path / "m.training" / MARK).touch()
    (tmp_path / "m.training" / "tmp0123abcd").write_bytes(b"half")
    with pytest.raises(KeyboardInterrupt):
        train(photos, tmp_path / "m", recipe=TINY, weights="random", watch=Interruption(0))


@pytest.mark.parametrize("overwrite", [False, True])
def test_train__never_deletes_its_own_photos(tmp_path: Path, overwrite: bool) -> None:
    photos = plant_photos(tmp_path / "m.training")
    before = sorted(photos.rglob("*"))
    with pytest.raises(OutputError, match=r"m\.training: expected nothing, or .*move it away"):
        train(photos, tmp_path / "m", recipe=TINY, weights="random", overwrite=overwrite)
    assert sorted(photos.rglob("*")) == before


def test_train__is_alone_in_its_folder(photos: Path, tmp_path: Path) -> None:
    class Second(Interruption):
        def epoch(self, record: EpochRecord) -> None:
            with pytest.raises(OutputError, match=rf"at work here \(process {os.getpid()}\); wait"):
                train(photos, tmp_path / "m", recipe=TINY, weights="random", overwrite=True)
            super().epoch(record)

    with pytest.raises(KeyboardInterrupt):
        train(photos, tmp_path / "m", recipe=TINY, weights="random", watch=Second(0))
    with pytest.raises(OutputError, match="an unfinished training lies here"):
        train(photos, tmp_path / "m", recipe=TINY, weights="random")


def test_history__is_json_clean(model: Path) -> None:
    manifest = json.loads((model / "manifest.json").read_text())
    assert manifest["training"]["versions"]["torch"] == version("torch")
