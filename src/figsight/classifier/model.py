"""A bundle as a function: photo in, named prediction out.

Knows how to prepare a photo, run the network and name the result. Does not know how networks are
trained, where sets of photos come from, or how results are drawn; it never imports torch.

Each photo is run by itself. On a CPU a batch saves nothing (measured: 12.4 ms a photo alone, 12.8
to 15.6 ms in batches of 3 to 16), and a photo's numbers then cannot depend on its neighbours:
alone, in a list and in a folder they are the same, bit for bit, by construction. What a batch would
gain elsewhere is gained here by decoding the next photos while the network looks at this one.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeAlias, overload

import numpy as np

from figsight import images
from figsight.bundle import Bundle, Gallery, Manifest, open_bundle
from figsight.bundle.graph import INPUT
from figsight.bundle.runtime import Runtime, count_threads
from figsight.classifier.results import Outputs, Prediction, Ranked
from figsight.errors import BundleError, PhotoError
from figsight.sources import Readable, Source, expand_sources, is_folder, name_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

    from numpy.typing import NDArray
    from PIL.Image import Image

    from figsight.dataset.model import Figure

_MAX_DECODERS = 8


def load(path: str | os.PathLike[str], *, threads: int | None = None) -> Classifier:
    """Open a model for prediction.

    Args:
        path: A model's folder, or a zip of it.
        threads: How many work on one photo; ``None`` means the environment's ``FIGSIGHT_THREADS``,
            or one for each physical core.

    Raises:
        BundleError: There is no model, or it is damaged, hostile or from a newer figsight.
    """
    bundle = open_bundle(path)
    try:
        return Classifier(bundle, threads=threads)
    except BaseException:
        bundle.close()
        raise


class Classifier:
    """A model that names the figure on a photo. Safe to use from several threads.

    Attributes:
        bundle: The files of the model.
        manifest: What the model says of itself.
    """

    def __init__(self, bundle: Bundle, *, threads: int | None = None) -> None:
        self.bundle = bundle
        self.manifest: Manifest = bundle.manifest
        entry = bundle.manifest.input
        self._input = images.InputSpec(entry.width, entry.height, entry.fit, entry.resample)
        self._threads = count_threads(threads)
        self._runtime = Runtime(
            bundle.model_bytes(), threads=self._threads, where=f"{bundle.path}: model.onnx"
        )
        self._gallery: Gallery | None = None

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """The classes, in the order of the network's logits."""
        # The room of data sets is not needed to name one photo, and takes 40 ms to import.
        from figsight.dataset.model import Figure

        return tuple(
            Figure(entry.id, entry.name, entry.display, entry.metadata)
            for entry in self.manifest.figures
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the model's files. Predicting still works; reading evidence does not."""
        self.bundle.close()

    @overload
    def predict(self, source: bytes | NDArray[np.uint8] | Image | Readable) -> Prediction: ...
    @overload
    def predict(self, source: list[Any] | tuple[Source, ...]) -> list[Prediction]: ...
    @overload
    def predict(self, source: str | os.PathLike[str]) -> Prediction | list[Prediction]: ...
    def predict(
        self, source: Source | list[Any] | tuple[Source, ...]
    ) -> Prediction | list[Prediction]:
        """Name the figure on a photo, or on each of many.

        Args:
            source: A photo: a path, bytes of a picture file, uint8 pixels [H, W, 3] in sRGB, an
                open image, a photo of a data set. Or many: a list or tuple of these, or a folder,
                whose pictures are taken in the order of their paths, folders inside included.

        Returns:
            One prediction for a photo; a list for a list, a tuple or a folder. A photo's numbers
            are the same in every form.

        Raises:
            PhotoError: A photo cannot be decoded. ``predict_each`` goes on instead.
            DataError: A folder holds no pictures.
        """
        if isinstance(source, (list, tuple)) or is_folder(source):
            predictions = []
            for result in self.predict_each(source):
                if isinstance(result, PhotoError):
                    raise result
                predictions.append(result)
            return predictions
        return self._name(name_source(source), self.run(self.prepare(source)[np.newaxis]))

    def predict_each(self, sources: Source | Iterable[Source]) -> Iterator[Prediction | PhotoError]:
        """Name the figure on each photo, in order, as they come.

        Needs no more memory for 100,000 photos than for ten.

        Args:
            sources: As for ``predict``; any iterable will do, and folders in it are looked through.

        Yields:
            A prediction, or the error of a photo that cannot be decoded.

        Raises:
            DataError: A folder holds no pictures.
        """
        for result in self.run_each(sources):
            yield result if isinstance(result, PhotoError) else self._name(*result)

    def run_each(
        self, sources: Source | Iterable[Source], *, features: bool = False
    ) -> Iterator[tuple[str, Outputs] | PhotoError]:
        """Run the network on each photo, in order, as they come.

        Args:
            sources: As for ``predict_each``.
            features: Whether to return the feature maps too.

        Yields:
            What the photo is called and the outputs for N = 1; or the error of a photo that cannot
            be decoded.
        """
        for name, pixels in self._prepare_each(expand_sources(sources)):
            if isinstance(pixels, PhotoError):
                yield pixels
            else:
                yield name, self.run(pixels[np.newaxis], features=features)

    def prepare(self, source: Source) -> NDArray[np.uint8]:
        """Decode a photo and fit it to the network's input: uint8 [height, width, 3].

        Raises:
            PhotoError: It cannot be decoded.
        """
        name = name_source(source)
        if isinstance(source, Readable):
            source = source.read()
        return images.open_photo(source, self._input, name)

    def run(self, pixels: NDArray[np.uint8], *, features: bool = False) -> Outputs:
        """Run the network on prepared pixels.

        Args:
            pixels: uint8 [N, height, width, 3], as ``prepare`` makes them.
            features: Whether to return the feature maps too.

        Raises:
            ValueError: The pixels have another type or shape.
            BundleError: The network fails, or gives something else than the manifest says.
        """
        names = ("logits", "embedding", "features") if features else ("logits", "embedding")
        return Outputs(*self._run(pixels, names))

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Turn logits into probabilities: softmax(logits / temperature), computed in float64.

        The temperature is the manifest's, fitted out-of-sample (Guo et al. 2017,
        https://arxiv.org/abs/1706.04599); without calibration it is 1 and the probabilities are
        likely to be too sure.

        Args:
            logits: [N, K].

        Returns:
            [N, K] in [0, 1]; rows sum to one.
        """
        calibration = self.manifest.calibration
        scaled = logits.astype(np.float64) / (calibration.temperature if calibration else 1.0)
        exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
        ratios: NDArray[np.float64] = exponentials / exponentials.sum(axis=-1, keepdims=True)
        return ratios

    def activation_map(self, source: Source, class_id: str) -> NDArray[np.float32]:
        """Return what spoke for a figure where on the photo: float32 [h, w].

        The class activation map of Zhou et al. 2016 (https://arxiv.org/abs/1512.04150): the head's
        row of the class times the features at each place. The head is linear and the pooling is a
        mean, so the map is exact: its mean plus the head's bias is the figure's logit. It covers
        the prepared photo evenly, and is in units of logits; negative places spoke against.

        Args:
            source: The photo.
            class_id: The figure.

        Raises:
            PhotoError: The photo cannot be decoded.
            ValueError: The model has no such figure.
            BundleError: The head of the gallery is not that of the network.
        """
        entries = self.manifest.figures
        index = next((i for i, figure in enumerate(entries) if figure.id == class_id), None)
        if index is None:
            raise ValueError(f"class_id: expected one of this model's figures, found {class_id!r}")
        pixels = self.prepare(source)[np.newaxis]  # [1, height, width, 3]
        (logits,), (features,) = self._run(pixels, ("logits", "features"))  # [K], [D, h, w]
        if self._gallery is None:
            self._gallery = self.bundle.gallery()
        row, bias = self._gallery.head_weight[index], self._gallery.head_bias[index]
        heat: NDArray[np.float32] = np.tensordot(row, features, axes=1)  # [h, w]
        if not np.isclose(heat.mean() + bias, logits[index], rtol=1e-3, atol=1e-2):
            raise BundleError(
                f"{self.bundle.path}: expected the head in gallery.safetensors to be that of "
                "model.onnx, found another: train the model again"
            )
        return heat

    def _prepare_each(
        self, sources: Iterable[Source]
    ) -> Iterator[tuple[str, NDArray[np.uint8] | PhotoError]]:
        """Prepare photos a few ahead of the one that is asked for; yield them in order."""
        decoders = min(self._threads, _MAX_DECODERS)
        waiting: deque[tuple[str, _Prepared]] = deque()
        with ThreadPoolExecutor(decoders, thread_name_prefix="figsight-decode") as pool:
            try:
                for source in sources:
                    waiting.append((name_source(source), self._start(pool, source)))
                    if len(waiting) > 2 * decoders:
                        yield _finish(*waiting.popleft())
                while waiting:
                    yield _finish(*waiting.popleft())
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _start(self, pool: ThreadPoolExecutor, source: Source) -> _Prepared:
        # An array may be overwritten by its owner once we return, and an open image is not safe to
        # load in two threads at once; both are prepared here and now.
        if isinstance(source, (str, os.PathLike, bytes, Readable)):
            return pool.submit(self._try_prepare, source)
        return self._try_prepare(source)

    def _try_prepare(self, source: Source) -> NDArray[np.uint8] | PhotoError:
        try:
            return self.prepare(source)
        except PhotoError as error:
            return error

    def _name(self, path: str, outputs: Outputs) -> Prediction:
        probabilities = self.probabilities(outputs.logits)[0]  # [K]
        order = np.argsort(-probabilities, kind="stable")
        entries = self.manifest.figures
        top = tuple(
            Ranked(entries[i].id, entries[i].display, float(probabilities[i])) for i in order
        )
        return Prediction(path, top[0].class_id, top[0].name, top[0].probability, top)

    def _run(self, pixels: NDArray[np.uint8], names: tuple[str, ...]) -> list[NDArray[np.float32]]:
        """Run the network on each of N photos; return the named outputs, each [N, ...]."""
        height, width = self.manifest.input.height, self.manifest.input.width
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != (height, width, 3):
            raise ValueError(
                f"pixels: expected uint8 [N, {height}, {width}, 3], found {pixels.dtype} "
                f"{list(pixels.shape)}: use Classifier.prepare"
            )
        network = self.manifest.network
        shapes: dict[str, tuple[int, ...]] = {
            "logits": (len(self.manifest.figures),),
            "embedding": (network.embedding_size,),
            "features": network.features,
        }
        results = [np.empty((len(pixels), *shapes[name]), np.float32) for name in names]
        for index in range(len(pixels)):
            one = np.ascontiguousarray(pixels[index : index + 1])  # [1, height, width, 3]
            outputs = self._runtime.run(INPUT, one, names)
            for name, output, result in zip(names, outputs, results, strict=True):
                self._check(name, output, shapes[name])
                result[index] = output[0]
        return results

    def _check(self, name: str, output: NDArray[Any], shape: tuple[int, ...]) -> None:
        """Hold what the network gave for one photo against the manifest."""
        wanted = (1, *shape)
        if output.dtype != np.float32 or output.shape != wanted or not np.isfinite(output).all():
            raise BundleError(
                f"{self.bundle.path}: model.onnx: expected {name} as finite float32 "
                f"{list(wanted)}, found {output.dtype} {list(output.shape)} or numbers that are "
                "not finite: train the model again"
            )


_Prepared: TypeAlias = "Future[NDArray[np.uint8] | PhotoError] | NDArray[np.uint8] | PhotoError"


def _finish(name: str, prepared: _Prepared) -> tuple[str, NDArray[np.uint8] | PhotoError]:
    if isinstance(prepared, (np.ndarray, PhotoError)):
        return name, prepared
    return name, prepared.result()
