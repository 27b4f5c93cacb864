"""scikit-learn's logistic regression on the pooled features of the shared network, frozen.

Photos are prepared as timm prepares them for these weights (224 px). ``plain`` is
``LogisticRegression`` with its own defaults but for enough iterations, ``scaled`` has a
``StandardScaler`` before it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.peers.tasks import Peer
from benchmarks.peers.with_torch import Pictures, load_network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.peers.tasks import Run


def train(run: Run) -> list[int]:
    """Embed the photos, fit the regression, ask it."""
    data: Any = import_module("timm.data")
    linear: Any = import_module("sklearn.linear_model")
    preparing: Any = import_module("sklearn.preprocessing")
    pipeline: Any = import_module("sklearn.pipeline")
    task = run.task
    network = load_network(task, head=False).eval()
    change = data.create_transform(**data.resolve_data_config({}, model=network))
    regression = linear.LogisticRegression(max_iter=1000, random_state=task.seed)
    if task.setting == "scaled":
        regression = pipeline.make_pipeline(preparing.StandardScaler(), regression)
    regression.fit(_embed(network, task.train, change), task.train_labels)
    with run.clock.paused():
        answers = regression.predict(_embed(network, task.held, change))
    predicted = [int(answer) for answer in answers]
    run.mark(run.share_right(predicted))
    return predicted


def _embed(network: Any, paths: Sequence[str], change: Any) -> Any:
    """Return float32 [N, D]."""
    torch: Any = import_module("torch")
    photos = Pictures(paths, [0] * len(paths), change)
    with torch.inference_mode():
        batches = torch.utils.data.DataLoader(photos, batch_size=8)
        return torch.cat([network(pixels) for pixels, _ in batches]).numpy()


PEERS = (
    Peer(
        name="sklearn",
        title="scikit-learn on frozen features",
        about="`LogisticRegression` on the pooled features of the same network and weights at 224 "
        "px.",
        settings=("plain", "scaled"),
        train=train,
        install="scikit-learn torch timm",
        headline="plain",
    ),
)
