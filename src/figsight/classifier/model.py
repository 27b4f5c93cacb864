"""A bundle as a function: photo in, named prediction out.

Knows how to prepare a photo, run the network and name the result. Does not know how networks are
trained, where sets of photos come from, or how results are drawn; it never imports torch.

Each photo is run by itself. On a CPU a batch saves nothing (measured: 12.4 ms a photo alone, 12.8
to 15.6 ms in batches of 3 to 16), and a photo's numbers then cannot depend on its neighbours:
alone, in a list and in a folder they are the same, bit for bit, by construction. What a batch would
gain elsewhere is gained here by several photos at once, each in a thread of its own from its file
to its answer; the copy of the network that takes over when there are many (see ``SideBySide``) must
first give the same bits.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import compress
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO, Self, overload

import numpy as np

from figsight import images
from figsight.bundle import Bundle, Manifest, choose_line
from figsight.bundle.names import MANIFEST, MODEL
from figsight.bundle.runtime import Runtime, SideBySide, count_threads
from figsight.calibration import softmax
from figsight.classifier.ahead import run_side_by_side
from figsight.classifier.evidence import check_count, find_places, gather_evidence
from figsight.classifier.memory import Memory
from figsight.classifier.outputs import ask_network
from figsight.classifier.results import Evidence, Outputs, Prediction, Ranked
from figsight.classifier.rules import Rules
from figsight.errors import PhotoError, letting_go
from figsight.sources import (
    Readable,
    Source,
    expand_sources,
    is_folder,
    name_source,
    read_photo,
    take,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from PIL.Image import Image

    from figsight.dataset.model import Figure


class Classifier:
    """A model that names the figure on a photo. Safe to use from several threads.

    It goes to another process, by ``pickle`` or ``copy``, as the place of its files, where it is opened
    anew: they must lie there, and be those of the same model.

    Attributes:
        bundle: The files of the model.
        manifest: What the model says of itself; with another line to unknown, where one was chosen.
        input: What photos are brought to for the network.
    """

    def __init__(
        self, bundle: Bundle, *, threads: int | None = None, keep: float | None = None
    ) -> None:
        self.bundle = bundle
        self._asked = threads, keep
        self.manifest: Manifest = bundle.manifest
        if keep is not None:
            self.manifest = choose_line(bundle.manifest, keep, where=str(bundle.path))
        entry = bundle.manifest.input
        self.input = images.InputSpec(entry.width, entry.height, entry.fit, entry.resample)
        self._threads = count_threads(threads)
        self._memory: Memory | None = None
        self._remembering = Lock()
        where, self._network = (f"{bundle.path}: {name}" for name in (MANIFEST, MODEL))
        # Here and not at the first prediction: a damaged rule is found when the model is opened, and
        # predicting needs no files later. ONNX Runtime lets go of Python's lock, so that beside it
        # the rules take hardly any time of their own.
        with ThreadPoolExecutor(1) as pool:
            rules = pool.submit(Rules, self.manifest.calibration, self._remember, where=where)
            self._runtime = Runtime(
                bundle.model_bytes(), threads=self._threads, where=self._network
            )
            self._rules = rules.result()
        self._side_by_side = SideBySide(self._runtime, bundle.model_bytes, where=self._network)

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """The classes, in the order of the network's logits."""
        # The room of data sets is not needed to name one photo, and takes 40 ms to import.
        from figsight.dataset.model import Figure

        return tuple(
            Figure(entry.id, entry.name, entry.display, entry.metadata)
            for entry in self.manifest.figures
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to another process, or into a copy, as where it lies and what was asked of it."""
        from figsight.classifier.opening import reopen

        return reopen, (self.bundle.location, *self._asked, self.bundle.manifest.seal)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the model's files. Predicting still works; reading evidence does not."""
        self.bundle.close()

    @overload
    def predict(self, source: list[Any] | tuple[Source, ...]) -> list[Prediction]: ...
    @overload  # a path may be a photo's or a folder's: whoever wrote it knows which
    def predict(self, source: str | os.PathLike[str]) -> Any: ...
    @overload
    def predict(
        self,
        source: bytes | bytearray | memoryview | BinaryIO | NDArray[np.uint8] | Image | Readable,
    ) -> Prediction: ...
    @letting_go
    def predict(
        self, source: Source | list[Any] | tuple[Source, ...]
    ) -> Prediction | list[Prediction]:
        """Name the figure on a photo, or on each of many.

        Args:
            source: A photo: a path, bytes of a picture file, such a file that is open for reading,
                uint8 pixels [H, W, 3] in sRGB, an open image, a photo of a data set. Or many: a
                list or tuple of these, or a folder, whose pictures are taken in the order of their
                paths, folders inside included.

        Returns:
            One prediction for a photo; a list for a list, a tuple or a folder. A photo's numbers
            are the same in every form.

        Raises:
            PhotoError: A photo cannot be decoded, or a folder holds none. ``predict_each`` goes on
                instead.
            BundleError: The network fails on a photo, or a rule of the model gives no number.
        """
        if isinstance(source, (list, tuple)) or is_folder(source):
            predictions = []
            for result in self.predict_each(source):
                if isinstance(result, PhotoError):
                    raise result
                predictions.append(result)
            return predictions
        taken = take(source)
        return self.name(name_source(taken), self.run(self.prepare(taken)[np.newaxis]))

    def predict_each(self, sources: Source | Iterable[Source]) -> Iterator[Prediction | PhotoError]:
        """Name the figure on each photo, in order, as they come.

        Needs no more memory for 100,000 photos than for ten. Takes some photos (two for each thread,
        and one) before it gives the first answer: where each is to be answered before the next one
        is there, call ``predict``.

        Args:
            sources: As for ``predict``; any iterable will do, and folders in it are looked through.

        Yields:
            A prediction, or the error of a photo that cannot be decoded, or of a folder that
            cannot be listed or holds no pictures.

        Raises:
            BundleError: As for ``predict``.
        """
        for result in self.run_each(sources):
            yield result if isinstance(result, PhotoError) else self.name(*result)

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

        Raises:
            BundleError: As for ``run``.
        """

        def run(pixels: NDArray[np.uint8]) -> Outputs:
            one = pixels[np.newaxis]
            return ask_network(self._side_by_side, one, self.manifest, self._network, features)

        photos = expand_sources(sources)
        for name, outputs in run_side_by_side(self.prepare, run, photos, self._threads):
            yield outputs if isinstance(outputs, PhotoError) else (name, outputs)

    @letting_go
    def prepare(self, source: Source) -> NDArray[np.uint8]:
        """Decode a photo and fit it to the network's input: uint8 [height, width, 3].

        Raises:
            PhotoError: It cannot be decoded.
        """
        taken = take(source)
        name = name_source(taken)
        photo = read_photo(taken) if isinstance(taken, Readable) else taken
        return images.open_photo(photo, self.input, name)

    def run(self, pixels: NDArray[np.uint8], *, features: bool = False) -> Outputs:
        """Run the network on prepared pixels.

        Args:
            pixels: uint8 [N, height, width, 3], as ``prepare`` makes them.
            features: Whether to return the feature maps too.

        Raises:
            ValueError: The pixels have another type or shape.
            BundleError: The network fails, or gives something else than the manifest says.
        """
        return ask_network(self._runtime, pixels, self.manifest, self._network, features)

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Turn logits into probabilities: softmax(logits / temperature), computed in float64.

        The temperature is the manifest's, fitted out-of-sample (Guo et al. 2017,
        https://arxiv.org/abs/1706.04599); without calibration it is 1 and nothing is promised: networks
        that learned from smoothed labels tend to be right more often than they say.

        Args:
            logits: [N, K].

        Returns:
            [N, K] in [0, 1]; rows sum to one.

        Raises:
            ValueError: The logits have another shape, or are not finite.
        """
        calibration = self.manifest.calibration
        if (shape := np.shape(logits))[1:] != (len(self.manifest.figures),):
            wanted = f"[N, {len(self.manifest.figures)}]"
            raise ValueError(
                f"logits: expected {wanted}, a number for each figure, found {list(shape)}"
            )
        return softmax(logits, calibration.temperature if calibration else 1.0)

    def name(self, path: str, outputs: Outputs) -> Prediction:
        """Turn what the network gave for one photo into a prediction.

        Args:
            path: What the photo is called.
            outputs: As ``run`` gives them for N = 1.

        Raises:
            ValueError: They are those of more photos, or of none; or of another model.
            BundleError: A rule of the model gives no number.
        """
        if len(outputs.logits) != 1:
            raise ValueError(f"outputs: expected those of one photo, found {len(outputs.logits)}")
        probabilities = self.probabilities(outputs.logits)  # [1, K]
        order = np.argsort(-probabilities[0], kind="stable")
        entries = self.manifest.figures
        # Plain lists: numpy takes its time for each single number, and there may be thousands.
        top = tuple(
            Ranked(entries[i].id, entries[i].display, probability)
            for i, probability in zip(order.tolist(), probabilities[0, order].tolist(), strict=True)
        )
        scores = self._rules.score_unknown(outputs)
        sets = self._rules.choose_sets(probabilities)
        return Prediction(
            path=path,
            class_id=top[0].class_id,
            name=top[0].name,
            probability=top[0].probability,
            top=top,
            unknown=None if scores is None else self._rules.is_unknown(float(scores[0])),
            unknown_score=None if scores is None else float(scores[0]),
            names=None if sets is None else tuple(compress(top, sets[0, order].tolist())),
            sought=self._rules.look_for(top),
        )

    def unknown_scores(self, outputs: Outputs) -> NDArray[np.float64] | None:
        """Return how strange each of N photos looks, [N], higher is stranger; see ``calibration``.

        Photos that score above ``manifest.calibration.unknown.threshold`` are unknown. ``None``
        when the model has no such rule.
        """
        return self._rules.score_unknown(outputs)

    @letting_go
    def activation_map(self, source: Source, class_id: str) -> NDArray[np.float32]:
        """Return what spoke for a figure where on the photo: float32 [h, w]; see ``explain``.

        Args:
            source: The photo.
            class_id: The figure.

        Raises:
            PhotoError: The photo cannot be decoded.
            ValueError: The model has no such figure.
            BundleError: The head of the gallery is not that of the network.
        """
        return self.explain(source, class_id, neighbours=0).heat

    @overload
    def explain(
        self, source: Source, class_id: str | None = None, neighbours: int = 3
    ) -> Evidence: ...
    @overload
    def explain(
        self, source: Source, class_id: list[str] | tuple[str, ...], neighbours: int = 3
    ) -> list[Evidence]: ...
    @letting_go
    def explain(
        self,
        source: Source,
        class_id: str | list[str] | tuple[str, ...] | None = None,
        neighbours: int = 3,
    ) -> Evidence | list[Evidence]:
        """Show what speaks for a figure: where on the photo, and which training photos look alike.

        The map is the class activation map of Zhou et al. 2016 (https://arxiv.org/abs/1512.04150):
        ``heat[y, x] = sum over d of head_weight[c, d] features[d, y, x]``. The head is linear and
        the pooling is a mean, so the map is exact: its mean plus the head's bias is the figure's
        logit. The neighbours are the training photos whose embeddings have the least cosine
        distance to this photo's.

        What neither promises: the map has a cell for 32 x 32 pixels or so, and each cell has seen
        far beyond its borders, so it points to a place and not to an outline. It says what spoke
        for the figure, not why no other was chosen; nor that a person would look there. The
        neighbours did not vote: the head decides, and it may disagree with them, which is worth
        knowing. With ten photos a figure, even the nearest one may be far.

        Args:
            source: The photo.
            class_id: The figure; ``None`` means the most probable one. A list or tuple of figures
                is answered in one pass of the network, by one piece of evidence for each.
            neighbours: How many training photos to return; fewer when there are fewer.

        Raises:
            PhotoError: The photo cannot be decoded.
            ValueError: The model has no such figure, or ``neighbours`` is no whole number from 0 on.
            BundleError: The head of the gallery is not that of the network, or the gallery is
                damaged.
        """
        asked: Sequence[str | None]
        asked = class_id if isinstance(class_id, (list, tuple)) else [class_id]
        places = find_places(self.manifest, asked)
        check_count(neighbours)
        outputs = self.run(self.prepare(source)[np.newaxis], features=True)
        found = gather_evidence(self.bundle, self._remember(), outputs, places, neighbours)
        return found if asked is class_id else found[0]

    def explain_each(
        self, sources: Source | Iterable[Source], neighbours: int = 3
    ) -> Iterator[tuple[Prediction, Evidence] | PhotoError]:
        """Name the figure on each photo and show what speaks for it, in one pass of the network.

        Args:
            sources: As for ``predict_each``.
            neighbours: As for ``explain``.

        Yields:
            A prediction with the evidence for its figure, or the error of a photo that cannot be
            decoded.

        Raises:
            ValueError: ``neighbours`` is no whole number from 0 on.
            BundleError: As for ``predict`` and ``explain``.
        """
        check_count(neighbours)
        memory = self._remember()
        for result in self.run_each(sources, features=True):
            if isinstance(result, PhotoError):
                yield result
                continue
            (evidence,) = gather_evidence(self.bundle, memory, result[1], [None], neighbours)
            yield self.name(*result), evidence

    def _remember(self) -> Memory:
        """Read the gallery when something needs it, once."""
        with self._remembering:
            if self._memory is None:
                self._memory = Memory(self.bundle.gallery())
            return self._memory
