"""How well the bundles of a cross-validation tell pictures of none of their figures.

    figsight evaluate --folds 5 DATA --work FOLDER
    python benchmarks/unknown.py DATA FOLDER [FOLDER ...] --unknown NAME=FOLDER_OR_ZIP ... [--most N]

Known are the photos of DATA that a bundle was not trained on; folds keep their copies out, too. Unknown
are all pictures below each folder or in each zip, or ``--most`` of them at even distances. The networks
of a cross-validation leave no figure out, so their bundles carry no rule. It is made here from their
known photos by what training uses where nothing is left out, and then applied to each bundle as
prediction does. No unknown picture takes part in it.

AUROC and the share accepted are those of all bundles' scores together, as one threshold meets them. A
picture that several bundles were asked about counts once in their intervals, and so do its copies.
"Each" is the mean, the least and the greatest AUROC of the bundles by themselves. Nothing is written.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from figsight import bundle, load, metrics
from figsight.dataset import Dataset, read
from figsight.dataset.choosing import training_part
from figsight.dataset.groups import read_groups
from figsight.dataset.trees import folder_tree, zip_tree
from figsight.errors import FigsightError
from figsight.images import is_picture_name
from figsight.training.answers import Answers, Outputs
from figsight.training.parts import Part
from figsight.training.strangers import KEPT, equip, judge_unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from figsight.calibration import UnknownDetector
    from figsight.classifier import Classifier
    from figsight.dataset import Photo
    from figsight.dataset.groups import Grouped


@dataclass(frozen=True, eq=False)
class Photos:
    """The photos of the cross-validation.

    Attributes:
        found: The readable ones, with the keys of their groups.
        labels: Class index of each, int64 [N].
    """

    found: Grouped
    labels: NDArray[np.int64]

    @property
    def groups(self) -> list[str]:
        """Key of each photo's group."""
        return self.found.groups


@dataclass(frozen=True, eq=False)
class Asked:
    """What one bundle was trained on, and what it said of other photos.

    Attributes:
        answers: Of the known photos.
        unknown: Of each set of unknown pictures, in the order given.
    """

    answers: Answers
    unknown: list[Outputs]


def ask(classifier: Classifier, photos: Sequence[Photo]) -> Outputs:
    """Return what the network of a bundle says of photos."""
    network = classifier.manifest.network
    widths = (len(classifier.manifest.figures), network.embedding_size, network.style_size)
    rows = [[np.empty((0, width), np.float32)] for width in widths]
    for result in classifier.run_each(photos):
        if isinstance(result, FigsightError):
            raise result
        said = result[1]
        for one, output in zip(rows, (said.logits, said.embedding, said.style), strict=True):
            one.append(np.empty((1, 0), np.float32) if output is None else output)
    return Outputs(*(np.concatenate(one) for one in rows))


def ask_bundle(path: Path, photos: Photos, strangers: Sequence[Grouped]) -> Asked:
    """Ask one bundle about the photos that it was not trained on, and about the strangers."""
    all_photos = photos.found.dataset.photos
    index = {photo.path: i for i, photo in enumerate(all_photos)}
    with load(path) as classifier:
        gallery = classifier.bundle.gallery()
        kept = np.array([index.get(name, -1) for name in gallery.paths], np.intp)
        sha256 = [bytes(row).hex() for row in gallery.sha256]
        if kept.min() < 0 or sha256 != [photos.found.sha256[i] for i in kept]:
            sys.exit(f"{path}: was trained on other photos than DATA; give what its folds are of")
        held = np.setdiff1d(np.arange(len(index)), kept)
        nobody = np.empty(0, np.intp)
        figures = np.arange(len(classifier.manifest.figures))
        part = Part(path.name, figures, kept, held, nobody)
        of = (ask(classifier, [all_photos[i] for i in which]) for which in (held, kept, nobody))
        answers = Answers(part, *of)
        return Asked(answers, [ask(classifier, one.dataset.photos) for one in strangers])


def read_strangers(words: str, most: int | None) -> tuple[str, Grouped]:
    """Read ``NAME=FOLDER_OR_ZIP``: the name, and the pictures that are there."""
    name, _, where = words.partition("=")
    path = Path(where)
    if not where or not path.exists():
        sys.exit(f"--unknown {words}: expected NAME=FOLDER_OR_ZIP that exists")
    tree = folder_tree(path) if path.is_dir() else zip_tree(path)
    paths = [one for one in tree.files if is_picture_name(one)]
    if not paths:
        sys.exit(f"--unknown {words}: expected pictures, found none")
    if most is not None and len(paths) > most:
        paths = [paths[i] for i in np.linspace(0, len(paths) - 1, most).round().astype(int)]
    dataset = Dataset(name, (), tuple(tree.photo(one) for one in paths))
    return name, read_groups(dataset, skip_bad=False)


def report(asked: Sequence[Asked], photos: Photos, strangers: dict[str, Grouped]) -> None:
    """Fit the rule, apply it, and print how well it did."""
    rule = judge_unknown([one.answers for one in asked], photos)
    if not isinstance(rule, bundle.UnknownRule):
        sys.exit(rule.reason)
    detectors = []
    for one in asked:
        own = one.answers.own
        whole, arrays = equip(rule, own, photos.labels[one.answers.part.kept])
        detectors.append(bundle.build_detector(whole, arrays, own.embeddings))
    low = [
        _score(detector, one.answers.held) for detector, one in zip(detectors, asked, strict=True)
    ]
    low_groups = [photos.groups[i] for one in asked for i in one.answers.part.held]
    kept = rule.measured_kept
    print(
        f"{len(asked)} bundles, {len(low_groups)} answers to {len(set(low_groups))} known photos, "
        f"copies counted once; score: {rule.score} of {', '.join(rule.parts)}"
    )
    if kept is not None:
        print(f"known photos kept: {kept.value:.3f} ({kept.low:.3f} to {kept.high:.3f})")
    print(f"{'':16}{'pictures':>9}  {'AUROC':22}  {f'accepted at {KEPT:.0%}':22}  each")
    for k, (name, found) in enumerate(strangers.items()):
        high = [
            _score(detector, one.unknown[k]) for detector, one in zip(detectors, asked, strict=True)
        ]
        groups = found.groups * len(asked)
        joined = np.concatenate(low), np.concatenate(high)
        area = metrics.auroc(*joined, known_groups=low_groups, unknown_groups=groups)
        passed = metrics.false_accept_at(
            *joined, KEPT, known_groups=low_groups, unknown_groups=groups
        )
        each = [metrics.auroc(a, b).value for a, b in zip(low, high, strict=True)]
        print(
            f"{name:16}{len(found.groups):9,}  {_show(area)}  {_show(passed)}  "
            f"{np.mean(each):.4f} ({min(each):.4f} to {max(each):.4f})"
        )


def _score(detector: UnknownDetector, said: Outputs) -> NDArray[np.float64]:
    return detector.score(said.logits, said.embeddings, said.styles)


def _show(one: metrics.Estimate) -> str:
    return f"{one.value:.4f} ({one.low:.3f} to {one.high:.3f})".ljust(22)


def main() -> None:
    """Read the command line, ask every bundle, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data")
    parser.add_argument("work", type=Path, nargs="+")
    parser.add_argument("--unknown", action="append", required=True, metavar="NAME=FOLDER_OR_ZIP")
    parser.add_argument("--most", type=int, help="of each set of unknown pictures")
    options = parser.parse_args()
    paths = [path for work in options.work for path in sorted(work.glob("repeat-*-fold-*/"))]
    paths = [path for path in paths if (path / "manifest.json").exists()]
    if not paths:
        sys.exit(f"{options.work[0]}: expected the bundles of a cross-validation, found none")
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {time.strftime('%Y-%m-%d')}")
    try:
        strangers = dict(read_strangers(words, options.most) for words in options.unknown)
        found = read_groups(training_part(read(options.data)), skip_bad=True)
        photos = Photos(found, np.array(found.dataset.labels(), np.int64))
        asked = [ask_bundle(path, photos, list(strangers.values())) for path in paths]
    except FigsightError as error:
        sys.exit(str(error))
    report(asked, photos, strangers)


if __name__ == "__main__":
    main()
