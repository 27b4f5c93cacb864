"""The rules of a bundle as functions: known or unknown, and sets of names.

Knows which fields and arrays make up a rule of ``figsight.calibration``. Does not know how rules
are fitted, nor what is done with their answers.
"""

from __future__ import annotations

from math import isclose
from numbers import Real
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from figsight.bundle.names import MANIFEST
from figsight.bundle.parts import UnknownLine
from figsight.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from figsight.bundle.manifest import Manifest
    from figsight.bundle.parts import SetRule, UnknownRule
    from figsight.bundle.tensors import Gallery
    from figsight.calibration import PredictionSets, UnknownDetector


def build_detector(
    rule: UnknownRule,
    unknown: Mapping[str, NDArray[np.float32]],
    embeddings: NDArray[np.float16] | NDArray[np.float32],
    *,
    where: str = MANIFEST,
) -> UnknownDetector:
    """Return the detector that a rule describes.

    Args:
        rule: Of the manifest.
        unknown: Of the gallery.
        embeddings: Likewise, [M, D]: the photos that ``knn`` looks among. They are copied twice in
            the making; who searches them otherwise may give the first ``rule.k`` only.
        where: What the rule is called in messages.

    Raises:
        BundleError: The rule asks for a score that this figsight does not have, or its numbers are
            out of range.
    """
    from figsight.calibration import UnknownDetector  # not needed by a model without rules

    arrays = {**unknown, "gallery": np.asarray(embeddings, np.float32)}
    try:
        return UnknownDetector.from_parts(msgspec.structs.asdict(rule), arrays)
    except BundleError as error:
        raise BundleError(f"{where}: {error}") from None


def list_lines(rule: UnknownRule) -> list[UnknownLine]:
    """Return every line between known and unknown that a rule has, its own among them, rising."""
    own = UnknownLine(
        kept=rule.kept,
        threshold=rule.threshold,
        measured_kept=rule.measured_kept,
        accepted=rule.accepted,
    )
    return sorted([own, *rule.lines], key=lambda line: line.kept)


def choose_line(manifest: Manifest, keep: float, *, where: str = MANIFEST) -> Manifest:
    """Return the manifest with another line between known and unknown.

    Args:
        manifest: Of a model.
        keep: Share of known photos to be kept, one of those that the model has a line for.
        where: What the manifest is called in messages.

    Raises:
        BundleError: It has no such line, or no rule for unknown photos.
        ValueError: The share is not a number.
    """
    if not _is_number(keep):
        raise ValueError(f"keep: expected a number, such as 0.9, found {keep!r:.40}")
    calibration = manifest.calibration
    rule = calibration.unknown if calibration is not None else None
    if calibration is None or rule is None:
        reason = calibration.refused.get("unknown") if calibration is not None else None
        raise BundleError(
            f"{where}: expected a rule for unknown photos, of which so many known ones are kept, "
            f"found none{f' ({reason})' if reason else ''}; leave the share out"
        )
    lines = list_lines(rule)
    # 0.7 + 0.2 is 0.8999999999999999, and 0.9 in float32 is 0.8999999762.
    line = next((one for one in lines if isclose(one.kept, keep, abs_tol=1e-6)), None)
    if line is None:
        raise BundleError(
            f"{where}: expected a share of known photos to keep that it has a line for "
            f"({', '.join(f'{one.kept:g}' for one in lines)}), found {keep:g}; choose one of these"
        )
    others = [one for one in lines if one != line]
    chosen = msgspec.structs.replace(rule, **msgspec.structs.asdict(line), lines=others)
    new = msgspec.structs.replace(calibration, unknown=chosen)
    return msgspec.structs.replace(manifest, calibration=new)


def _is_number(value: object) -> bool:
    if not isinstance(value, Real):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


def build_sets(rule: SetRule, *, where: str = MANIFEST) -> PredictionSets:
    """Return the rule that turns probabilities into sets of names.

    Args:
        rule: Of the manifest.
        where: What it is called in messages.

    Raises:
        BundleError: The method is none that this figsight has, or a number is out of range.
    """
    from figsight.calibration import PredictionSets  # not needed by a model without rules

    fields = {key: getattr(rule, key) for key in ("method", "coverage", "threshold", "n")}
    try:
        return PredictionSets.from_dict(fields)
    except BundleError as error:
        raise BundleError(f"{where}: {error}") from None


def check_rules(manifest: Manifest, gallery: Gallery, *, where: str = MANIFEST) -> None:
    """Build every rule once, as prediction will.

    Raises:
        BundleError: A rule cannot be built.
    """
    calibration = manifest.calibration
    if calibration is not None and calibration.unknown is not None:
        rule = calibration.unknown
        build_detector(rule, gallery.unknown, gallery.embeddings[: rule.k], where=where)
    if calibration is not None and calibration.sets is not None:
        build_sets(calibration.sets, where=where)
