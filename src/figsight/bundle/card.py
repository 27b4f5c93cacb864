"""The model card: a manifest as a README.md in the form of the Hugging Face Hub.

Knows words, Markdown and YAML. Does not know files. Figures are named by whoever labelled the
photos, so every text of the manifest is escaped: a name cannot become a heading, a link, HTML or a
YAML key.

The form: https://huggingface.co/docs/hub/model-cards.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from figsight.bundle.graph import list_outputs

if TYPE_CHECKING:
    from figsight.bundle.manifest import Manifest
    from figsight.bundle.parts import (
        Calibration,
        FigureEntry,
        Measured,
        OperatingPoint,
        Score,
        SetRule,
        UnknownRule,
    )

_MAX_FIGURES = 500
_MAX_SKIPPED = 50
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$:@^=])")
_JOINERS = "\u200c\u200d"  # inside words of some scripts, and between the parts of emoji

_FRONT = """\
---
library_name: figsight
pipeline_tag: image-classification
tags:
- image-classification
- figsight
- onnx
- {backbone}
metrics:
{metrics}
# license: under which terms may others use this model? Say so before you publish it.
---
"""

_USE = """\
## How to use it

```sh
pip install figsight
figsight predict MODEL PHOTO
```

```python
import figsight

prediction = figsight.load("MODEL").predict("PHOTO")
print(prediction.name, prediction.probability)
```

`MODEL` is this folder, or the zip of it. `model.onnx` also runs by itself in any ONNX runtime: it
takes `pixels`, uint8 [N, {height}, {width}, 3], sRGB in the order red, green, blue, fitted to that
size by {fit} with the filter {resample}, and gives {outputs}.
Normalisation is inside. {calibration}
"""

_LIMITS = """\
## What is not guaranteed

- The scores hold for photos like those it was trained on: the same figures, cameras, light and
  backgrounds. Other photos can be harder, and nothing here says by how much.
- With few photos of a figure, the score of that one figure is hardly known, even where the score
  of all is.
- {unknown}
- {probability}
- The hashes in `manifest.json` find damage. They do not prove who made the model.
"""


def model_card(manifest: Manifest) -> str:
    """Write the model card.

    Args:
        manifest: Its ``files`` and ``seal`` do not matter.

    Returns:
        Markdown with YAML before it; the same manifest gives the same text.
    """
    metrics = sorted({score.metric for score in manifest.scores}) or ["accuracy"]
    front = _FRONT.format(
        backbone=_quote(manifest.network.backbone),
        metrics="\n".join(f"- {_quote(metric)}" for metric in metrics),
    )
    parts = [front, _introduce(manifest), _list_scores(manifest), _tell_answers(manifest)]
    return "\n".join(
        (
            *parts,
            _fill_use(manifest),
            _list_figures(manifest),
            _tell_training(manifest),
            _fill_limits(manifest),
        )
    )


def _introduce(manifest: Manifest) -> str:
    figures, photos = len(manifest.figures), manifest.training.photos
    return (
        f"# A classifier of {_count(figures, 'figure')}\n\n"
        f"It says which of {_count(figures, 'figure')} is on a photo. Trained by "
        f"[figsight](https://pypi.org/project/figsight) {_code(manifest.figsight)} on "
        f"{_count(photos, 'photo')}: the backbone {_code(manifest.network.backbone)} with a linear "
        "head.\n"
    )


def _list_scores(manifest: Manifest) -> str:
    if not manifest.scores:
        return (
            "## How good it is\n\nNobody measured: this model was written without out-of-sample "
            "scores. Its accuracy on its own training photos would say nothing.\n"
        )
    rows = "".join(
        f"| {_escape(score.metric)} | {_show_value(score, score.value)} | "
        f"{_show_value(score, score.low)} to {_show_value(score, score.high)} "
        f"({_escape(score.interval)}) | {_show_photos(score)} | {_escape(score.protocol)} |\n"
        for score in manifest.scores
    )
    return (
        "## How good it is\n\n"
        "| metric | value | interval | photos | what was measured on what |\n"
        "|---|---|---|---|---|\n"
        f"{rows}\n"
        "These are out-of-sample: each photo was judged by a network that had seen neither it nor\n"
        "a copy of it. The network in this bundle is another one, trained in the same way on all\n"
        f"{_count(manifest.training.photos, 'photo')}; it has no photos left to be measured on. "
        "The interval says how\nfar the value could be off because so few photos were measured, "
        "and nothing else.\n"
    )


def _tell_answers(manifest: Manifest) -> str:
    """Say what it answers beside a name, and what was measured of that."""
    calibration = manifest.calibration
    if calibration is None:
        return (
            "## What else it says\n\nNothing: it has no rule for photos of something else, and "
            "gives no sets of names.\n"
        )
    answers = [_tell_unknown(calibration), _tell_sets(calibration)]
    if calibration.operating_point is not None:
        answers.append(_tell_point(calibration.operating_point, manifest))
    elif "operating_point" in calibration.refused:
        why = _tell_why(calibration, "operating_point")
        answers.append(f"**One figure looked for**: there is no threshold for it{why}.")
    return "## What else it says\n\n" + "".join(f"- {answer}\n" for answer in answers)


def _tell_why(calibration: Calibration, rule: str) -> str:
    reason = calibration.refused.get(rule)
    return "" if reason is None else f": {_escape(reason.rstrip('.'))}"


def _tell_unknown(calibration: Calibration) -> str:
    rule = calibration.unknown
    if rule is None:
        return f"**Unknown**: it never says so{_tell_why(calibration, 'unknown')}."
    parts = ", ".join(map(_code, rule.parts))
    score = parts if len(rule.parts) == 1 else f"{_code(rule.score)} of {parts}"
    rule_itself = (
        f"**Unknown**: a photo whose score ({score}; higher is stranger) is above "
        f"{rule.threshold:.6g} is called unknown. That was set to keep {_share(rule.kept)} of the "
        "photos of known figures."
    )
    return " ".join((rule_itself, *_tell_measured(rule)))


def _tell_measured(rule: UnknownRule) -> list[str]:
    found = []
    if rule.auroc is not None:
        found.append(f"AUROC {_show(rule.auroc, percent=False)}")
    if rule.measured_kept is not None:
        found.append(f"{_show(rule.measured_kept)} of the photos of known figures kept")
    if rule.accepted is not None:
        found.append(f"{_show(rule.accepted)} of the unknown photos taken for a known figure")
    if not found:
        return ["How well it tells them apart was not measured."]
    lines = [f"Measured ({_escape(rule.protocol)}): {'; '.join(found)}."]
    if rule.lines and rule.accepted is not None:
        lines.append(
            "Other lines may be chosen (`--keep`): "
            + "; ".join(
                f"{_share(one.kept)} kept, {_spread(one.accepted)} taken for a known figure"
                for one in rule.lines
                if one.accepted is not None
            )
            + "."
        )
    if rule.auroc is None:
        lines.append("How many unknown photos it finds was not measured.")
    if len(rule.candidates) > 1:
        lines.append(
            f"{len(rule.candidates)} scores were tried, and `manifest.json` has the AUROC of each: "
            "the best of several looks a little better than it is."
        )
    return lines


def _tell_sets(calibration: Calibration) -> str:
    rule: SetRule | None = calibration.sets
    if rule is None:
        return f"**Sets of names**: it gives none{_tell_why(calibration, 'sets')}."
    found = []
    if rule.measured is not None:
        found.append(f"{_show(rule.measured)} of the sets hold the right name")
    if rule.mean_size is not None:
        found.append(f"{_show(rule.mean_size, percent=False)} names in a set on average")
    return (
        f"**Sets of names**: with each name come the others that it may be, meant to hold the "
        f"right one {_share(rule.coverage)} of the time (conformal, {_code(rule.method)}, set on "
        f"{_count(rule.n, 'photo')}). {_say_measured(found)}"
    )


def _tell_point(point: OperatingPoint, manifest: Manifest) -> str:
    display = next(one.display for one in manifest.figures if one.id == point.positive)
    found = []
    if point.sensitivity is not None:
        found.append(f"sensitivity {_show(point.sensitivity)}")
    if point.specificity is not None:
        found.append(f"specificity {_show(point.specificity)}")
    return (
        f"**{_escape(display)} looked for**: from a probability of {point.threshold:.4g} on, meant "
        f"to find {_share(point.stated_sensitivity)} of its photos. {_say_measured(found)}"
    )


def _say_measured(found: list[str]) -> str:
    return f"Measured: {'; '.join(found)}." if found else "That was not measured."


def _show(one: Measured, *, percent: bool = True) -> str:
    value, low, high = (
        _share(number) if percent else f"{number:.4g}" for number in (one.value, one.low, one.high)
    )
    return f"{value} ({low} to {high}, {_escape(one.method)}, {_count(one.n, 'photo')})"


def _spread(one: Measured) -> str:
    return f"{_share(one.value)} ({_share(one.low)} to {_share(one.high)})"


def _share(share: float) -> str:
    return f"{100 * share:.4g} %"


def _fill_use(manifest: Manifest) -> str:
    calibration = manifest.calibration
    *names, last = map(_code, list_outputs(manifest.network.style_size))
    return _USE.format(
        outputs=f"{', '.join(names)} and {last}",
        height=manifest.input.height,
        width=manifest.input.width,
        fit=_code(manifest.input.fit),
        resample=_code(manifest.input.resample),
        calibration=(
            "Probabilities are the softmax of the logits."
            if calibration is None
            else f"Probabilities are the softmax of the logits divided by "
            f"{calibration.temperature:.6g}."
        ),
    )


def _list_figures(manifest: Manifest) -> str:
    keys = sorted({key for figure in manifest.figures for key in figure.metadata})
    shown = manifest.figures[:_MAX_FIGURES]
    header = "| id | figure |" + "".join(f" {_escape(key)} |" for key in keys)
    lines = [header, "|---|---|" + "---|" * len(keys), *(_show_row(f, keys) for f in shown)]
    more = len(manifest.figures) - len(shown)
    if more:
        lines += ["", f"And {more} more; `manifest.json` names them all."]
    return "## The figures\n\n" + "\n".join(lines) + "\n"


def _show_row(figure: FigureEntry, keys: list[str]) -> str:
    cells = (figure.id, figure.display, *(figure.metadata.get(key, "") for key in keys))
    return "| " + " | ".join(map(_escape, cells)) + " |"


def _tell_training(manifest: Manifest) -> str:
    training = manifest.training
    story = (
        f"{_count(training.epochs, 'epoch')} over {_count(training.photos, 'photo')} with seed "
        f"{training.seed} on {_code(training.device)}, in "
        f"{_count(round(training.seconds), 'second')}, on {_strip(manifest.created)}. "
        "`manifest.json` holds the whole recipe and the versions of the libraries."
    )
    lines = ["## How it was trained", "", story]
    if training.skipped:
        count = _count(len(training.skipped), "photo")
        lines += ["", f"{count} could not be decoded and did not take part:", ""]
        lines += [
            f"- {_escape(photo.path)}: {_escape(photo.reason)}"
            for photo in training.skipped[:_MAX_SKIPPED]
        ]
        if len(training.skipped) > _MAX_SKIPPED:
            lines.append(f"- and {len(training.skipped) - _MAX_SKIPPED} more in `manifest.json`")
    return "\n".join(lines) + "\n"


def _fill_limits(manifest: Manifest) -> str:
    calibration = manifest.calibration
    unknown = (
        "A photo of something else altogether still gets one of the names."
        if calibration is None or calibration.unknown is None
        else "Some photos of something else still get one of the names, and how many depends on "
        "what they show: other strangers than those that were measured can be harder."
    )
    probability = (
        "The probabilities were not calibrated: expect them to be too sure."
        if calibration is None
        else "The probabilities were calibrated on the photos above; on others they can be off."
    )
    return _LIMITS.format(unknown=unknown, probability=probability)


def _show_value(score: Score, value: float) -> str:
    return f"{value:.1%}".replace("%", " %") if score.metric == "accuracy" else f"{value:.4g}"


def _show_photos(score: Score) -> str:
    return str(score.photos) if score.correct is None else f"{score.correct} of {score.photos}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _strip(text: str) -> str:
    """Put a text on one line; what cannot be printed becomes a question mark."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() or c in _JOINERS else "\ufffd" for c in line)


def _escape(text: str) -> str:
    """Make a text plain inside Markdown, table cells included."""
    html = _strip(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", html)


def _code(text: str) -> str:
    """Make a text a code span."""
    return "`" + _strip(text).replace("`", "'") + "`"


def _quote(text: str) -> str:
    """Make a text a double-quoted scalar of YAML; JSON strings of printable text are such."""
    return json.dumps(_strip(text), ensure_ascii=False)
