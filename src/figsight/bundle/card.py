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

if TYPE_CHECKING:
    from figsight.bundle.manifest import FigureEntry, Manifest, Score

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
size by {fit} with the filter {resample}, and gives `logits`, `embedding` and `features`.
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
    parts = (front, _introduce(manifest), _list_scores(manifest), _fill_use(manifest))
    return "\n".join(
        (*parts, _list_figures(manifest), _tell_training(manifest), _fill_limits(manifest))
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


def _fill_use(manifest: Manifest) -> str:
    calibration = manifest.calibration
    return _USE.format(
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
        else f"A photo of none of the figures is called unknown by the score "
        f"{_escape(calibration.unknown.score)}, set to keep {calibration.unknown.kept:.0%} of the "
        "photos of known figures. It misses some."
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
