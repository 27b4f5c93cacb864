"""The recipe that figsight set out from, in Keras 3 on torch: DenseNet121, a new head, 50 epochs.

Pictures of 224 x 224 x 3, the whole network learns. Where the description is silent, the same is
chosen as in figsight's recipe ``densenet121``: Adam at 1e-4, batches of 16, mirrored photos. Its
ImageNet weights have to be downloaded, so that here it starts from random ones: the arithmetic and
hence the time is the same, its accuracy would say nothing and is not measured. Two epochs are run by
default and the rest is taken to go at the pace of the second.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.peers.tasks import Peer

if TYPE_CHECKING:
    from benchmarks.peers.tasks import Run

EPOCHS = 50
SIDE = 224


def train(run: Run) -> None:
    """Train as the origin did; there is nothing to ask afterwards."""
    os.environ["KERAS_BACKEND"] = "torch"
    keras: Any = import_module("keras")
    numpy: Any = import_module("numpy")
    task = run.task
    keras.utils.set_random_seed(task.seed)
    pictures = [keras.utils.load_img(path, target_size=(SIDE, SIDE)) for path in task.train]
    pixels = numpy.stack([keras.utils.img_to_array(picture) for picture in pictures])  # [N,S,S,3]
    densenet = keras.applications.densenet
    base = densenet.DenseNet121(
        weights=None, include_top=False, pooling="avg", input_shape=(SIDE, SIDE, 3)
    )
    network = keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal"),
            base,
            keras.layers.Dense(len(task.classes), activation="softmax"),
        ]
    )
    network.compile(
        optimizer=keras.optimizers.Adam(1e-4),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )

    class Watch(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
            run.mark(None)
            if run.is_enough:
                self.model.stop_training = True

    inputs = densenet.preprocess_input(pixels)
    run.begin(EPOCHS)
    network.fit(
        inputs,
        numpy.array(task.train_labels),
        batch_size=16,
        epochs=EPOCHS,
        verbose=0,
        callbacks=[Watch()],
    )


PEERS = (
    Peer(
        name="origin",
        title="The origin's recipe, Keras 3 on torch",
        about="DenseNet121, 224 px, new head, 50 epochs, everything learns; from random weights, "
        "because its ImageNet weights are not to be had from pip. For its time only.",
        settings=("50-epochs",),
        train=train,
        install="keras torch",
        headline="50-epochs",
        part=2,
    ),
)
