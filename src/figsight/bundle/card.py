"""The model card: a manifest as a README.md in the form of the Hugging Face Hub.

Knows the order and the words of its sections. Does not know files. Every text of the manifest is
escaped (``markdown.py``).

The form: https://huggingface.co/docs/hub/model-cards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from figsight.bundle.answers import tell_answers
from figsight.bundle.graph import list_outputs
from figsight.bundle.markdown import code, escape, one_line, quote, write_table
from figsight.metrics import SCORE_WORDS, say_score
from figsight.phrases import count, say_duration

if TYPE_CHECKING:
    from figsight.bundle.manifest import Manifest
    from figsight.bundle.parts import Score

_MAX_FIGURES = 500
_MAX_SKIPPED = 50

_FRONT = """\
---
library_name: figsight
pipeline_tag: image-classification
tags:
- image-classification
- figsight
- onnx
- {backbone}
{metrics}# license: under which terms may others use this model? Say so before you publish it.
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
    metrics = sorted({score.metric for score in manifest.scores})
    lines = ["metrics:", *(f"- {quote(metric)}" for metric in metrics)] if metrics else []
    front = _FRONT.format(
        backbone=quote(manifest.network.backbone), metrics="".join(f"{line}\n" for line in lines)
    )
    parts = [front, _introduce(manifest), _list_scores(manifest), tell_answers(manifest)]
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
        f"# A classifier of {count(figures, 'figure')}\n\n"
        f"It says which of {count(figures, 'figure')} is on a photo. Trained by "
        f"[figsight](https://pypi.org/project/figsight) {code(manifest.figsight)} on "
        f"{count(photos, 'photo')}: the backbone {code(manifest.network.backbone)} with a linear "
        "head.\n"
    )


def _list_scores(manifest: Manifest) -> str:
    if not manifest.scores:
        return (
            "## How good it is\n\nNobody measured: this model was written without out-of-sample "
            "scores. Its accuracy on its own training photos would say nothing.\n"
        )
    protocols = {score.protocol for score in manifest.scores}
    head = ["", "measured", "interval", "photos", "what it says"]
    if len(protocols) > 1:
        head.append("what was measured on what")
    rows = [_list_score(score, len(head)) for score in manifest.scores]
    (alone,) = protocols if len(protocols) == 1 else ("",)
    measured_on = f"Measured on {escape(alone)}.\n\n" if alone else ""
    return (
        f"## How good it is\n\n{measured_on}{write_table(head, rows)}\n"
        "These are out-of-sample: each photo was judged by a network that had seen neither it nor\n"
        "a copy of it. The network in this bundle is another one, trained in the same way on all\n"
        f"{count(manifest.training.photos, 'photo')}; it has no photos left to be measured on. "
        "The interval says how\nfar the value could be off because so few photos were measured, "
        "and nothing else.\n"
    )


def _list_score(score: Score, columns: int) -> list[str]:
    title, what, is_share = SCORE_WORDS.get(score.metric, (score.metric, "", False))
    value, low, high = (
        say_score(number, is_share=is_share) for number in (score.value, score.low, score.high)
    )
    photos = str(score.photos) if score.correct is None else f"{score.correct} of {score.photos}"
    spread = f"{low} to {high} ({escape(score.interval)})"
    cells = [escape(title), value, spread, photos, what, escape(score.protocol)]
    return cells[:columns]


def _fill_use(manifest: Manifest) -> str:
    calibration = manifest.calibration
    *names, last = map(code, list_outputs(manifest.network.style_size))
    return _USE.format(
        outputs=f"{', '.join(names)} and {last}",
        height=manifest.input.height,
        width=manifest.input.width,
        fit=code(manifest.input.fit),
        resample=code(manifest.input.resample),
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
    rows = [
        [escape(cell) for cell in (one.id, one.display, *(one.metadata.get(k, "") for k in keys))]
        for one in shown
    ]
    table = write_table(["id", "figure", *map(escape, keys)], rows)
    more = len(manifest.figures) - len(shown)
    rest = f"\nAnd {more} more; `manifest.json` names them all.\n" if more else ""
    return f"## The figures\n\n{table}{rest}"


def _tell_training(manifest: Manifest) -> str:
    training = manifest.training
    story = (
        f"{count(training.epochs, 'epoch')} over {count(training.photos, 'photo')} with seed "
        f"{training.seed} on {code(training.device)}, in "
        f"{say_duration(training.seconds)}, on {one_line(manifest.created)}. "
        "`manifest.json` holds the whole recipe and the versions of the libraries."
    )
    lines = ["## How it was trained", "", story]
    if training.skipped:
        many = count(len(training.skipped), "photo")
        lines += ["", f"{many} did not take part:", ""]
        lines += [
            f"- {escape(photo.path)}: {escape(photo.reason)}"
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
        "The probabilities were not calibrated: nothing was measured. Networks that learned from "
        "smoothed labels, as by figsight's recipes, tend to be right more often than they say."
        if calibration is None
        else "The probabilities were calibrated on the photos above; on others they can be off."
    )
    return _LIMITS.format(unknown=unknown, probability=probability)
