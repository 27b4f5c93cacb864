"""Where the numbers come from: the audit's findings, the training curves, the provenance.

Knows how they are shown. Finds nothing by itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from figsight.evaluation.history import read_history
from figsight.evaluation.report.markup import name, path, section, table, text
from figsight.evaluation.report.plots import plot_curves
from figsight.evaluation.report.verdict import say_time

if TYPE_CHECKING:
    from figsight.audit import Audit
    from figsight.evaluation.results import Evaluation

LISTED = 12  # findings of a kind


def write_findings(audit: Audit | None) -> str:
    """Return what the audit of the photos has found."""
    if audit is None:
        return ""
    from figsight.audit.sections import write_sections

    parts = []
    for found in write_sections(audit):
        lines = "".join(f"<li>{path(entry.text, 600)}</li>" for entry in found.entries[:LISTED])
        more = len(found.entries) - LISTED
        lines += f"<li>and {more:,} more: see the JSON</li>" if more > 0 else ""
        kind = ' class="bad"' if found.grave else ""
        parts.append(
            f'<h3{kind}>{text(found.heading)}</h3><p class="soft">{text(found.advice, 600)}</p>'
            + (f"<ul>{lines}</ul>" if lines else "")
        )
    if not parts:
        parts.append("<p>Nothing was found.</p>")
    notes = "".join(f"<li>{text(note, 600)}</li>" for note in audit.notes)
    return section(
        "audit",
        "What is wrong with the photos",
        *parts,
        f'<ul class="soft">{notes}</ul>' if notes else "",
        lead="Found by looking at every picture of the set, before any network was asked.",
    )


def write_curves(evaluation: Evaluation) -> str:
    """Return how training went; nothing where no model says."""
    epochs = read_history(evaluation.history)
    if not epochs:
        return ""
    runs = f"{len(epochs)} networks" if len(epochs) > 1 else "One network"
    return section(
        "training",
        "How training went",
        '<div class="plots">',
        *(f'<figure class="plot">{curve}</figure>' for curve in plot_curves(epochs)),
        "</div>",
        lead=(
            f"{runs}, on photos that were varied at random: accuracy on these is not the accuracy "
            "on new ones."
            + (" What was delivered stands out." if "final" in epochs and len(epochs) > 1 else "")
        ),
    )


def write_provenance(evaluation: Evaluation) -> str:
    """Return the section."""
    about = dict(evaluation.about)
    model: dict[str, Any] = about.get("model") or about.get("cross_validation") or {}
    facts: list[tuple[str, Any]] = [
        ("Measured", say_time(about["time"]) if "time" in about else None),
        ("By", f"figsight {about['figsight']}" if "figsight" in about else None),
        ("Photos", evaluation.n),
        ("Fingerprint of the photos", about.get("photos_fingerprint")),
        ("Tested before", ", ".join(map(say_time, evaluation.tested_before)) or None),
        ("Model", model.get("path")),
        ("Made", say_time(model["created"]) if "created" in model else None),
        ("Seal of the model", model.get("seal")),
        ("Network", model.get("backbone") or model.get("recipe", {}).get("backbone")),
        ("Recipe", model.get("recipe", {}).get("name")),
        ("Folds", model.get("folds")),
        ("Repeats", model.get("repeats")),
        ("Seed", model.get("seed")),
        ("Epochs", model.get("epochs") or _plan_epochs(model)),
        ("Budget of a fold", f"{model['budget']:g} s" if "budget" in model else None),
        ("Training a fold took", _say_range(model.get("training_seconds"))),
        ("Trained on", f"{model['photos']} photos" if "photos" in model else None),
        ("Fingerprint of those", model.get("photos_fingerprint")),
        ("Device", model.get("device")),
        ("Versions", ", ".join(f"{k} {v}" for k, v in model.get("versions", {}).items()) or None),
        ("Measuring took", f"{evaluation.seconds:.0f} s"),
    ]
    rows = [(text(what), name(value, 600)) for what, value in facts if value is not None]
    recipe = json.dumps(model.get("recipe"), indent=2) if model.get("recipe") else ""
    details = (
        "<details><summary>The whole recipe</summary><pre>"
        + "\n".join(text(line, 400) for line in recipe.splitlines())
        + "</pre></details>"
        if recipe
        else ""
    )
    return section(
        "provenance", "Where this comes from", table(("What", "Which"), rows, "facts"), details
    )


def _plan_epochs(model: dict[str, Any]) -> int | None:
    """Return a recipe's epochs; None where a budget planned them."""
    return None if "budget" in model else model.get("recipe", {}).get("epochs")


def _say_range(seconds: list[float] | None) -> str | None:
    if not seconds:
        return None
    least, most = f"{min(seconds):.0f}", f"{max(seconds):.0f}"
    return f"{least} s" if least == most else f"{least} to {most} s"
