"""AutoGluon's ``MultiModalPredictor``, the automatic tool, from the shared network and weights.

Presets, optimiser, schedule, validation split and stopping are its own. The network is named by a local
folder (``config.json``, ``pytorch_model.bin``), which it documents for its own dumps; what it would
choose itself has to be downloaded. Its way to end earlier is ``time_limit``; one point a run.

AutoGluon 1.6 wants torch below 2.14, timm below 1.0.7 and Pillow below 13, so that it needs a virtual
environment of its own (``requirements-autogluon.txt`` and ``--python autogluon=...``).

Others that were looked at, and why they are not here: AutoKeras 3.0 (its pretrained blocks load what
Keras downloads, or nothing), Ludwig 0.11 (its pretrained encoders are torchvision's downloads, and
EfficientNet-Lite0 is not among them), FLAML 2.7 (tables and text, no pictures), lightly-train (AGPL).
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.tasks import Peer
from benchmarks.peers.with_torch import load_network

if TYPE_CHECKING:
    from benchmarks.peers.tasks import Run, Task


def train(run: Run) -> list[int]:
    """Let AutoGluon train, within the time that the setting names."""
    task = run.task
    multimodal: Any = import_module("autogluon.multimodal")
    pandas: Any = import_module("pandas")
    with run.clock.paused():
        start = _dump_weights(task)
    limit = task.setting.partition("time_limit-")[2].removesuffix("s")
    predictor = multimodal.MultiModalPredictor(
        label="label", problem_type="multiclass", path=f"{task.folder}/model", verbosity=1
    )
    predictor.fit(
        pandas.DataFrame({"image": task.train, "label": task.train_labels}),
        hyperparameters={
            "model.names": ["timm_image"],
            "model.timm_image.checkpoint_name": str(start),
        },
        time_limit=int(limit) if limit else None,
        seed=task.seed,
    )
    with run.clock.paused():
        answers = predictor.predict(pandas.DataFrame({"image": task.held}))
    predicted = [int(answer) for answer in answers]
    run.mark(run.share_right(predicted))
    return predicted


def _dump_weights(task: Task) -> Path:
    """Write the starting weights in the form that AutoGluon reads."""
    torch: Any = import_module("torch")
    network = load_network(task, head=False)
    folder = Path(task.folder) / "start"
    folder.mkdir()
    torch.save(network.state_dict(), folder / "pytorch_model.bin")
    config = {
        "architecture": task.backbone,
        "num_features": network.num_features,
        "pretrained_cfg": network.default_cfg,
    }
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


PEERS = (
    Peer(
        name="autogluon",
        title="AutoGluon multimodal",
        about="`MultiModalPredictor.fit` with its default preset, on the same network and weights, "
        "which are given as a local checkpoint; with and without `time_limit`. AutoKeras, Ludwig "
        "and FLAML cannot start from these weights, lightly-train is under the AGPL.",
        settings=("default", "time_limit-180s", "time_limit-600s"),
        train=train,
        install="autogluon.multimodal",
        headline="default",
    ),
)
