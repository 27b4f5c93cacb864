"""When a manifest contradicts itself, though each of its fields may stand alone.

Knows which fields must agree. Does not know their text, nor the files that it lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from figsight.bundle.names import OPTIONAL, REQUIRED, is_thumbnail_name, name_thumbnail
from figsight.calibration.names import GAUSSIANS, SPREADS, STYLE_SCORE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from figsight.bundle.manifest import Manifest
    from figsight.bundle.parts import Calibration, Measured, OperatingPoint, SetRule, UnknownRule

_RULES = ("unknown", "sets", "operating_point")
# Scores are divided by these and measured from those: none may make them infinite. What is fitted
# is at least a millionth, and at most some thousands.
_LEAST = {"spreads": 1e-9, "floors": 1e-30}
_FARTHEST = 1e12


def find_contradiction(manifest: Manifest) -> str | None:
    """Say what cannot be true of a well-formed manifest; ``None`` when nothing is wrong."""
    for key in ("id", "display"):
        seen: set[str] = set()
        for index, figure in enumerate(manifest.figures):
            value = getattr(figure, key)
            if value in seen:
                return f"figures[{index}].{key}: expected a unique value, found {value!a} again"
            seen.add(value)
    if manifest.network.features[0] != manifest.network.embedding_size:
        return (
            f"network.features[0]: expected network.embedding_size "
            f"({manifest.network.embedding_size}), found {manifest.network.features[0]}"
        )
    for index, score in enumerate(manifest.scores):
        if not score.low <= score.value <= score.high:
            return f"scores[{index}]: expected low <= value <= high"
        if score.correct is not None and score.correct > score.photos:
            return (
                f"scores[{index}].correct: expected at most {score.photos}, found {score.correct}"
            )
    return _find_bad_calibration(manifest) or _find_bad_list(manifest.files)


def _find_bad_calibration(manifest: Manifest) -> str | None:
    calibration = manifest.calibration
    if calibration is None:
        return None
    for key in calibration.refused:
        if key not in _RULES:
            return f"calibration.refused: expected {' or '.join(_RULES)}, found {key!a}"
        if getattr(calibration, key) is not None:
            return f"calibration.refused.{key}: expected no such rule, found calibration.{key}"
    return (
        _find_bad_unknown(calibration.unknown, manifest)
        or _find_bad_sets(calibration.sets, manifest)
        or _find_bad_positive(calibration, manifest)
        or _find_bad_point(calibration.operating_point, manifest)
    )


def _find_bad_unknown(rule: UnknownRule | None, manifest: Manifest) -> str | None:
    if rule is None:
        return None
    where = "calibration.unknown"
    several = len(rule.parts) if len(rule.parts) > 1 else 0
    for key in ("centres", "spreads"):
        found = len(getattr(rule, key))
        if found != several:
            return f"{where}.{key}: expected {several} numbers, found {found}"
    floors = len(GAUSSIANS) if not SPREADS.isdisjoint(rule.parts) else 0
    if len(rule.floors) != floors:
        return f"{where}.floors: expected {floors} numbers, found {len(rule.floors)}"
    if not 0 < rule.power <= 1:
        return f"{where}.power: expected a number above 0, at most 1, found {rule.power}"
    measured = {"measured_kept": rule.measured_kept, "auroc": rule.auroc, "accepted": rule.accepted}
    measured |= {f"candidates.{name}": one for name, one in rule.candidates.items()}
    return (
        _find_bad_numbers(where, rule)
        or _find_bad_style(where, rule, manifest)
        or _find_bad_share(where, measured)
        or _find_bad_lines(f"{where}.lines", rule)
    )


def _find_bad_numbers(where: str, rule: UnknownRule) -> str | None:
    for key, least in _LEAST.items():
        if any(number < least for number in getattr(rule, key)):
            return f"{where}.{key}: expected numbers from {least:g} up, found {getattr(rule, key)}"
    if any(abs(centre) > _FARTHEST for centre in rule.centres):
        return f"{where}.centres: expected -{_FARTHEST:g} to {_FARTHEST:g}, found {rule.centres}"
    return None


def _find_bad_lines(where: str, rule: UnknownRule) -> str | None:
    """Say what is wrong with the other lines: who keeps more of the known must ask less of them."""
    lines = [(one.kept, one.threshold) for one in rule.lines]
    shares = [share for share, _ in lines]
    if sorted(set(shares)) != shares:
        return f"{where}: expected shares that rise, found {shares}"
    thresholds = [threshold for _, threshold in sorted([*lines, (rule.kept, rule.threshold)])]
    if rule.kept in shares or sorted(thresholds) != thresholds:
        return (
            f"{where}: expected thresholds that rise with the share, and other shares than "
            f"{rule.kept}, found {lines}"
        )
    for i, one in enumerate(rule.lines):
        measured = {"measured_kept": one.measured_kept, "accepted": one.accepted}
        problem = _find_bad_share(f"{where}[{i}]", measured)
        if problem is not None:
            return problem
    return None


def _find_bad_style(where: str, rule: UnknownRule, manifest: Manifest) -> str | None:
    if STYLE_SCORE not in rule.parts:
        return None
    if not manifest.network.style_size:
        return f"{where}.parts: expected no {STYLE_SCORE}, for the network gives no styles"
    least = _LEAST["floors"]
    if rule.style_floor is None or rule.style_floor < least:
        return f"{where}.style_floor: expected a number from {least:g} up, found {rule.style_floor}"
    return None


def _find_bad_sets(rule: SetRule | None, manifest: Manifest) -> str | None:
    if rule is None:
        return None
    where = "calibration.sets"
    if len(manifest.figures) < 2:
        return f"{where}: expected at least 2 figures, found {len(manifest.figures)}"
    problem = _find_bad_share(where, {"measured": rule.measured})
    if problem is None and rule.mean_size is not None:
        problem = _find_bad_interval(f"{where}.mean_size", rule.mean_size)
        if problem is None and rule.mean_size.low < 0:
            problem = f"{where}.mean_size: expected numbers from 0 up, found {rule.mean_size.low}"
    return problem


def _find_bad_positive(calibration: Calibration, manifest: Manifest) -> str | None:
    positive, point = calibration.positive, calibration.operating_point
    if positive is None:
        return None
    where = "calibration.positive"
    if len(manifest.figures) != 2:
        return f"{where}: expected 2 figures, found {len(manifest.figures)}"
    if positive not in [figure.id for figure in manifest.figures]:
        return f"{where}: expected the id of a figure, found {positive!a}"
    if point is not None and point.positive != positive:
        return (
            f"{where}: expected {point.positive!a}, as of the operating point, found {positive!a}"
        )
    return None


def _find_bad_point(point: OperatingPoint | None, manifest: Manifest) -> str | None:
    if point is None:
        return None
    where = "calibration.operating_point"
    if len(manifest.figures) != 2:
        return f"{where}: expected 2 figures, found {len(manifest.figures)}"
    if point.positive not in [figure.id for figure in manifest.figures]:
        return f"{where}.positive: expected the id of a figure, found {point.positive!a}"
    measured = {"sensitivity": point.sensitivity, "specificity": point.specificity}
    return _find_bad_share(where, measured)


def _find_bad_share(where: str, measured: Mapping[str, Measured | None]) -> str | None:
    for key, one in measured.items():
        if one is None:
            continue
        problem = _find_bad_interval(f"{where}.{key}", one)
        if problem is not None:
            return problem
        if one.low < 0 or one.high > 1:
            return f"{where}.{key}: expected 0..1, found {one.low} to {one.high}"
    return None


def _find_bad_interval(where: str, one: Measured) -> str | None:
    if one.low <= one.value <= one.high:
        return None
    return f"{where}: expected low <= value <= high, found {one.low}, {one.value}, {one.high}"


def _find_bad_list(files: dict[str, str]) -> str | None:
    """Say what is wrong with the list of files; an empty one is a manifest still to be filled."""
    if not files:
        return None
    for name in sorted(REQUIRED - files.keys()):
        return f"files: expected {name}, found no such entry"
    allowed = REQUIRED | OPTIONAL
    thumbnails = 0
    for name in sorted(files):
        if name in allowed:
            continue
        if not is_thumbnail_name(name):
            return f"files: expected only a model's own files, found {name!a}"
        thumbnails += 1
    for index in range(thumbnails):
        if name_thumbnail(index) not in files:
            return f"files: expected {name_thumbnail(index)}, found no such entry"
    return None
