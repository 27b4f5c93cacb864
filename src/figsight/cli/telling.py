"""What was found, in lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from figsight.evaluation import Evaluation


def tell(evaluation: Evaluation) -> str:
    """Write an evaluation for people."""
    from figsight.metrics import what_it_cannot_tell  # not needed to name a photo

    accuracy = evaluation.accuracy
    lines = [
        evaluation.protocol,
        (
            f"accuracy {accuracy.value:.1%}: {evaluation.correct} of {len(evaluation.labels)} "
            f"right ({accuracy.method}: {accuracy.low:.1%} to {accuracy.high:.1%})"
        ),
    ]
    # Repeats ask about the same photos again: that tells no more about other photos.
    n = len({photo.path for photo in evaluation.photos})
    limits = what_it_cannot_tell(n, round(n * accuracy.value))
    lines += [limits] if limits else []
    lines += evaluation.notes
    found = evaluation.to_dict()
    poor = [row for row in found["per_class"] if row["n"] and row["correct"] < row["n"]]
    for row in poor:
        lines.append(f"  {row['name']}: {row['correct']} of {row['n']}")
    for wrong in found["mistakes"]:
        lines.append(
            f"  {wrong['path']}: {wrong['name']}, taken for {wrong['predicted_name']} "
            f"({wrong['probability']:.1%})"
        )
    return "\n".join(lines)
