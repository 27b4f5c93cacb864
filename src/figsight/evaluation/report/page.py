"""The page as a whole: head, style, the order of its sections.

Knows the order: what goes wrong comes first. What stands in a section is that section's business.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from figsight.evaluation.report.background import (
    write_curves,
    write_findings,
    write_provenance,
)
from figsight.evaluation.report.classes import write_classes
from figsight.evaluation.report.confusion import write_confusion
from figsight.evaluation.report.doubt import write_doubt
from figsight.evaluation.report.markup import text
from figsight.evaluation.report.mistakes import write_mistakes
from figsight.evaluation.report.photos import write_photos
from figsight.evaluation.report.unknowns import write_unknowns
from figsight.evaluation.report.verdict import write_scores, write_verdict
from figsight.pages import begin_page

if TYPE_CHECKING:
    from figsight.audit import Audit
    from figsight.evaluation.results import Evaluation


def write_page(evaluation: Evaluation, audit: Audit | None) -> str:
    """Return the page as HTML.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    sections = [
        ("Mistakes", "mistakes", write_mistakes(evaluation)),
        ("Figures", "classes", write_classes(evaluation)),
        ("Confusion", "confusion", write_confusion(evaluation)),
        ("Unknowns", "unknowns", write_unknowns(evaluation)),
        ("Doubt", "doubt", write_doubt(evaluation)),
        ("Scores", "scores", write_scores(evaluation)),
        ("Photos", "photos", write_photos(evaluation)),
        ("Training", "training", write_curves(evaluation)),
        ("Audit", "audit", write_findings(audit)),
        ("Provenance", "provenance", write_provenance(evaluation)),
    ]
    links = "".join(f'<a href="#{key}">{title}</a>' for title, key, body in sections if body)
    style = files(__package__).joinpath("style.css").read_text("utf-8")
    return (
        f"{begin_page(text(evaluation.protocol), style)}{write_verdict(evaluation)}<nav>{links}</nav>\n"
        f"<main>\n{''.join(body for _, _, body in sections)}</main>\n</body>\n</html>\n"
    )
