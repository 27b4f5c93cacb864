"""A matplotlib figure as SVG that lives inside a page: no ids shared, no fonts carried, no colour fixed.

Knows SVG as matplotlib writes it. Does not know what is drawn.
"""

from __future__ import annotations

import io
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from figsight.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure

INK = "#010203"  # becomes the colour of the text around: dark on light paper, light on dark
ACCENT, GOOD, BAD, QUIET = "#3b82f6", "#2f9e68", "#e5484d", "#8b95a1"

_STYLE: Any = {
    "svg.fonttype": "none",
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "grid.color": QUIET,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
}


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """Give an empty figure of so many inches, in the report's style.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    # Here and not above: the import takes half a second, and only a report needs it.
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure as Canvas
    except ModuleNotFoundError as error:
        raise MissingExtraError("drawing the report", "report") from error
    with mpl.rc_context():
        mpl.rcdefaults()  # a report looks the same whatever its reader's own style is
        mpl.rcParams.update(_STYLE)
        yield Canvas(figsize=(width, height), layout="constrained")


def to_svg(figure: Figure, key: str, words: str) -> str:
    """Return a figure as one ``<svg>`` element; to be called within ``drawing``.

    Args:
        figure: The figure.
        key: Unique in the page; every id in it starts so.
        words: What there is to see, for those who cannot see it: our own words.
    """
    import matplotlib as mpl

    buffer = io.StringIO()
    mpl.rcParams["svg.hashsalt"] = key
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    for gone in (r"<metadata>.*?</metadata>", r"<style.*?</style>", r"<!--.*?-->"):
        svg = re.sub(gone, "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{key}-", svg)
    svg = re.sub(r"(font: [0-9.]+px) [^;\"]*", r"\1 system-ui, sans-serif", svg)
    svg = svg.replace(INK, "currentColor")
    # Its size is the page's business; the proportions are in the view box.
    svg = re.sub(r' (?:width|height)="[^"]*pt"', "", svg, count=2)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{words}" ', 1).strip()
