"""Pictures of photos with names above them: predictions, evaluations, a look at a data set.

Joins what the other rooms found with ``drawing``. Does not predict or measure.
"""

from __future__ import annotations

import os
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from figsight.drawing import (
    GAP,
    Inset,
    Tile,
    check_picture,
    draw_sheets,
    overlay_heat,
    place_heat,
    save_picture,
    scale_heat,
)
from figsight.errors import OutputError, PhotoError
from figsight.images import decode, shrink
from figsight.metrics import say_distance, say_probability
from figsight.phrases import count
from figsight.sources import read_photo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL.Image import Image

    from figsight.classifier import Evidence, Neighbour, Prediction
    from figsight.dataset import Dataset, Photo
    from figsight.drawing import Pages, Picture, Tone
    from figsight.evaluation.results import Evaluation
    from figsight.images import InputSpec, Source

# The longer side of a photo that waits to be drawn: enough for the largest tile of a page of many.
_KEPT = 480
_NO_PICTURE = np.full((8, 8, 3), 0xE4, np.uint8)  # of a model that carries no thumbnails
_HOW_TO_READ = (
    "The bright places spoke for the name, each photo on a scale of its own. On the right, the most "
    "similar training photos: at distance 0 they look the same to the network, at 1 they have nothing in "
    "common."
)


def draw_predictions(results: Iterable[tuple[Source, Prediction]]) -> Pages:
    """Draw each photo with its predicted name and probability above it.

    Photos of none of the figures are marked, in another colour, and say what they look most like.
    The last line says which file it is.
    Photos are decoded when their page is drawn, and not all at once.
    """
    results = list(results)
    feet = _trace([result.path for _, result in results])
    return draw_sheets(
        [
            Tile(partial(_small, source), *_caption(result), foot=foot)
            for (source, result), foot in zip(results, feet, strict=True)
        ]
    )


def _small(source: Source) -> NDArray[np.uint8]:
    return shrink(decode(source), _KEPT)


def draw_evidence(results: Iterable[tuple[Source, Prediction, Evidence]], spec: InputSpec) -> Pages:
    """Draw each photo as ``draw_predictions`` does, with what speaks for its name beside it.

    Beside it are the map over the photo and the training photos that look most alike, with their
    figures and distances.

    Args:
        results: A photo, what the model says of it and why.
        spec: The model's input (``Classifier.input``).
    """
    results = list(results)
    feet = _trace([result.path for _, result, _ in results])
    tiles = [
        Tile(
            partial(_small, source),
            *_caption(result),
            foot=foot,
            second=partial(_lay_heat, source, evidence, spec),
            insets=tuple(map(_show_neighbour, evidence.neighbours)),
        )
        for (source, result, evidence), foot in zip(results, feet, strict=True)
    ]
    return draw_sheets(tiles, note=_HOW_TO_READ)


def _trace(paths: list[str]) -> list[str]:
    """Return what tells files apart: their names, with the folders that differ where names do not."""
    names = [os.path.basename(path) for path in paths]  # noqa: PTH119 - "<bytes>" is no path
    if len(set(names)) == len(names):
        return names
    try:
        shared = os.path.commonpath(paths)
    except ValueError:  # of two drives, or not all from the root
        return names
    longer = [os.path.relpath(path, shared) for path in paths]
    return names if "." in longer else longer


def _lay_heat(source: Source, evidence: Evidence, spec: InputSpec) -> NDArray[np.uint8]:
    pixels = _small(source)
    return overlay_heat(pixels, place_heat(scale_heat(evidence.heat), spec, *pixels.shape[:2]))


def _show_neighbour(neighbour: Neighbour) -> Inset:
    thumbnail = neighbour.thumbnail
    pixels: Picture = _NO_PICTURE
    if thumbnail is not None:
        pixels = partial(decode, thumbnail, name=neighbour.path)
    return Inset(pixels, neighbour.name, f"distance {say_distance(neighbour.distance)}")


def _caption(prediction: Prediction) -> tuple[str, tuple[str, ...], Tone]:
    """Return the title, the further lines and the tone of a tile."""
    title = _title(prediction.name, prediction.probability)
    sought = prediction.sought
    counts: tuple[str, ...] = ()
    if sought is not None and sought.found != (prediction.class_id == sought.class_id):
        counts = (f"{'counts' if sought.found else 'does not count'} as {sought.name}",)
    if prediction.unknown:
        return "unknown", (f"most like {title}", *counts), "unsure"
    others = [one.name for one in prediction.names or () if one.class_id != prediction.class_id]
    lines = (f"or {', '.join(others)}",) if others else ()
    return title, counts or lines, "plain"


def draw_evaluation(evaluation: Evaluation) -> Pages:
    """Draw the answers of an evaluation, the true name where one is wrong; the surest mistakes first.

    After them come photos that are named rightly but called unknown, which a model does not name.
    Of a repeated cross-validation each photo is drawn once, as in its worst repeat. Photos that the
    model was trained on, or near-copies of such, are no test: they are marked, and the heading, which
    is the verdict of the report, does not count them.
    """
    from figsight.evaluation.tested import list_seen, say_repeats, say_verdict

    places = _find_worst(evaluation)
    answers, sure = evaluation.predicted, evaluation.probabilities.max(axis=1)
    wrong, unknown = answers != evaluation.labels, _called_unknown(evaluation)
    seen = list_seen(evaluation)
    order = np.lexsort((np.where(wrong, -sure, ~unknown)[places], ~wrong[places]))
    tiles = [
        _tile(evaluation, int(place), unknown=bool(unknown[place]), seen=seen)
        for place in places[order]
    ]
    heading = say_verdict(evaluation).rstrip(".")
    counted = (evaluation.tested or evaluation).answered
    if counted is not None and counted[2]:
        heading += f"; {counted[2]} called unknown{say_repeats(evaluation.repeats)}"
    return draw_sheets(tiles, heading=heading)


def _called_unknown(evaluation: Evaluation) -> NDArray[np.bool_]:
    """Return which answers were "unknown", [R * N]."""
    if evaluation.unknown is None:
        return np.zeros(len(evaluation.labels), np.bool_)
    return evaluation.unknown


def _find_worst(evaluation: Evaluation) -> NDArray[np.intp]:
    """Return of each photo's answers the surest wrong one, else one that is unknown, else the first."""
    wrong = evaluation.predicted != evaluation.labels
    badness = np.where(wrong, 2 + evaluation.probabilities.max(axis=1), _called_unknown(evaluation))
    n = evaluation.n
    return np.asarray(badness.reshape(evaluation.repeats, n).argmax(axis=0) * n + np.arange(n))


def _tile(evaluation: Evaluation, place: int, *, unknown: bool, seen: set[str]) -> Tile:
    """Return the tile of one answer."""
    names, photo = [figure.display for figure in evaluation.figures], evaluation.photos[place]
    answer, label = int(evaluation.predicted[place]), int(evaluation.labels[place])
    wrong = answer != label
    lines = [f"true: {names[label]}"] if wrong else []
    if evaluation.repeats > 1:
        every = evaluation.predicted[place % evaluation.n :: evaluation.n]
        lines.append(f"right in {int((every == label).sum())} of {evaluation.repeats}")
    lines += ["called unknown"] if unknown else []
    if photo.path in seen:
        lines.append(
            "trained on" if photo.path in evaluation.trained_on else "like a training photo"
        )
    tone: Tone = "bad" if wrong else "unsure" if unknown else "good"
    if photo.path in seen and tone == "good":
        tone = "plain"
    title = _title(names[answer], float(evaluation.probabilities[place, answer]))
    return Tile(partial(_small_photo, photo), title, tuple(lines), tone)


def draw_dataset(
    dataset: Dataset, each: int, on_bad: Callable[[PhotoError], None] | None = None
) -> Pages:
    """Draw up to ``each`` example photos of every figure, side by side where a page is wide enough.

    Photos that cannot be decoded are blank, and ``on_bad`` is told; without it they end the drawing.
    """

    def draw(photo: Photo) -> NDArray[np.uint8]:
        try:
            return _small_photo(photo)
        except PhotoError as error:
            if on_bad is None:
                raise
            on_bad(error)
            return _NO_PICTURE

    photos = defaultdict(list)
    for photo in dataset.photos:
        photos[photo.figure_id].append(photo)
    each = min(each, max(map(len, photos.values()), default=1))
    tiles = []
    for figure in dataset.figures:
        own = photos[figure.id]
        photos_of_it = count(len(own), "photo").replace(" ", "\u00a0")
        title = f"{figure.display}, {photos_of_it}"
        # Spread over the figure's photos: the first few are often of one session.
        spread = np.linspace(0, len(own) - 1, min(each, len(own))).round().astype(int)
        tiles += [Tile(partial(draw, own[i]), "" if i else title) for i in np.unique(spread)]
        tiles += [GAP] * (max(0, each - len(own)) if own else 0)
    heading = f"{dataset.name}: {count(len(dataset.figures), 'figure')}, "
    heading += count(len(dataset.photos), "photo")
    return draw_sheets(tiles, heading=heading, together=each)


def _small_photo(photo: Photo) -> NDArray[np.uint8]:
    return shrink(decode(read_photo(photo), name=photo.path), _KEPT)


def save_sheets(sheets: Sequence[Image], path: Path) -> list[Path]:
    """Write one picture, or several as NAME.png, NAME-2.png, ...; return what was written.

    Raises:
        OutputError: There is nothing to draw, or one of the pictures cannot be written; when another
            file has the name of one, none is.
    """
    if not sheets:
        raise OutputError(f"{path}: expected photos to draw, found none")
    paths = [path] + [path.with_stem(f"{path.stem}-{n}") for n in range(2, len(sheets) + 1)]
    for page in paths:
        check_picture(page)
    for sheet, page in zip(sheets, paths, strict=True):
        save_picture(sheet, page)
    return paths


def _title(name: str, probability: float) -> str:
    # A comma: many names end in a number.
    return f"{name}, {say_probability(probability)}"
