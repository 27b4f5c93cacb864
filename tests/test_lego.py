"""The main job on the real photographs. Skips without them; fails in CI."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import timm
import torch

from figsight import bundle, evaluate, load, read, train

if TYPE_CHECKING:
    from pathlib import Path


def test_lego__file_and_torch_network_agree_on_every_photo(lego: Path, tmp_path: Path) -> None:
    dataset = read(lego / "index-27.csv")
    train(dataset, tmp_path / "m", epochs=1, folds=0)
    with load(tmp_path / "m") as classifier:
        state = {k: torch.from_numpy(v.copy()) for k, v in classifier.bundle.network().items()}
        backbone = classifier.manifest.network.backbone
        network: Any = timm.create_model(backbone, num_classes=27).eval()
        network.load_state_dict(state)
        scale = (torch.tensor(network.default_cfg[key]).view(3, 1, 1) for key in ("mean", "std"))
        mean, std = scale
        for photo in dataset.photos:
            pixels = classifier.prepare(photo)
            views = (torch.from_numpy(pixels).permute(2, 0, 1).float() / 255 - mean) / std
            with torch.no_grad():
                theirs = classifier.probabilities(network(views[None]).numpy())[0]
            ours = classifier.probabilities(classifier.run(pixels[np.newaxis]).logits)[0]
            assert ours.argmax() == theirs.argmax(), photo.path
            assert np.abs(ours - theirs).max() < 1e-4, photo.path


def test_lego__a_few_epochs_learn_figures_that_were_held_out(lego: Path, tmp_path: Path) -> None:
    dataset = read(lego / "index-27.csv")
    some = {figure.id for figure in dataset.figures[:6]}
    photos = [photo for photo in dataset.photos if photo.figure_id in some]
    kept = [photo for i, photo in enumerate(photos) if i % 3]
    train(dataset.only(kept), tmp_path / "m", epochs=6, folds=0)
    held = dataset.only(photo for i, photo in enumerate(photos) if i % 3 == 0)
    found = evaluate(tmp_path / "m", held)
    # By chance one in 27; 6 of 36 epochs get most of them.
    assert found.accuracy.value > 0.6
    assert found.notes == (
        "21 of 27 figures have no photo here; the scores are over the 6 that have.",
    )


def test_lego__the_origin_s_recipe_runs_and_its_bundle_predicts(lego: Path, tmp_path: Path) -> None:
    for name in ("0001", "0002"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for picture in sorted((lego / "marvel" / name).glob("*.jpg"))[:4]:
            shutil.copy(picture, tmp_path / "set" / name)
    target = tmp_path / "m"
    train(tmp_path / "set", target, recipe="densenet121", weights="random", epochs=1, folds=0)
    with bundle.open_bundle(target) as opened:
        assert opened.manifest.network.backbone == "densenet121"
        assert (opened.manifest.input.width, opened.manifest.input.height) == (224, 224)
    predictions = load(target).predict(tmp_path / "set")
    assert isinstance(predictions, list)
    assert len(predictions) == 8
    for prediction in predictions:
        assert abs(sum(one.probability for one in prediction.top) - 1) < 1e-6
