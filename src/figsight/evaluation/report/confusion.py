"""Which figures are taken for which: a table for few of them, a chart of colours for many.

Knows counts. Figures without a mistake are left out where there would be too many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from figsight.evaluation.report.markup import name, section, text
from figsight.metrics import say_share

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from figsight.evaluation.results import Evaluation

NAMED = 6  # up to so many figures, columns carry names and not numbers
WHOLE = 60  # up to so many, all are shown
MOST = 60
LISTED = 12


def write_confusion(evaluation: Evaluation) -> str:
    """Return the section."""
    matrix = evaluation.confusion
    chosen = choose_figures(matrix)
    return section(
        "confusion",
        "What is taken for what",
        _list_confusions(evaluation) if len(matrix) > 2 else "",
        _draw(evaluation, chosen) if chosen else "",
        lead=_lead(evaluation, len(chosen)) if chosen else "",
    )


def choose_figures(matrix: NDArray[np.int64]) -> list[int]:
    """Return the figures to show: all of a few, of many those that take part in the most mistakes."""
    if len(matrix) <= WHOLE:
        return list(range(len(matrix)))
    part = _count_parts(matrix)
    most = np.argsort(-part, kind="stable")[:MOST]
    return sorted(int(i) for i in most if part[i])


def _count_parts(matrix: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return in how many mistakes each figure takes part, as what is there or as what is named, [K]."""
    off = matrix - np.diag(np.diag(matrix))
    return np.asarray(off.sum(axis=0) + off.sum(axis=1))


def _lead(evaluation: Evaluation, shown: int) -> str:
    words = "A row for each true figure, a column for each name that its photos were given."
    all_of, mistaken = len(evaluation.figures), int((_count_parts(evaluation.confusion) > 0).sum())
    if shown < all_of:
        which = f"{shown} of {all_of} figures, those"
        if shown < mistaken:
            which = f"{shown} of the {mistaken} figures (of {all_of})"
        words += f" Shown are {which} that take part in a mistake"
        words += "; the JSON has the whole table." if shown < mistaken else "."
    if evaluation.repeats > 1:
        words += f" Each photo counts {evaluation.repeats} times, once a repeat."
    return words


def _list_confusions(evaluation: Evaluation) -> str:
    """Return the most frequent confusions, which a small screen shows better than a chart."""
    matrix, figures = evaluation.confusion, evaluation.figures
    off = matrix - np.diag(np.diag(matrix))
    pairs = [(int(off[i, j]), int(i), int(j)) for i, j in zip(*np.nonzero(off), strict=True)]
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    if not pairs:
        return "<p>Nothing was taken for anything else.</p>"
    lines = [
        f"<li>{name(figures[i].display)} taken for {name(figures[j].display)}: {count} of "
        f"{int(matrix[i].sum())}</li>"
        for count, i, j in pairs[:LISTED]
    ]
    more = len(pairs) - LISTED
    if more > 0:
        lines.append(f"<li>and {more} more pairs</li>")
    return f"<ul>{''.join(lines)}</ul>"


def _draw(evaluation: Evaluation, chosen: list[int]) -> str:
    matrix, figures = evaluation.confusion, evaluation.figures
    few = len(chosen) <= NAMED
    heads = "".join(
        f'<th scope="col" class="name">{name(figures[j].display)}</th>'
        if few
        else f'<th scope="col"><abbr title="{text(figures[j].display)}">{j + 1}</abbr></th>'
        for j in chosen
    )
    hidden = matrix.sum(axis=1) - matrix[:, chosen].sum(axis=1)  # answers that no column shows, [K]
    others = bool(hidden[chosen].any())
    heads += '<th scope="col"><abbr title="any other name">others</abbr></th>' if others else ""
    rows = []
    for i in chosen:
        total = int(matrix[i].sum())
        number = "" if few else f'<span class="number">{i + 1}</span> '
        cells = "".join(_cell(int(matrix[i, j]), total, right=i == j) for j in chosen)
        cells += _cell(int(hidden[i]), total, right=False) if others else ""
        rows.append(f'<tr><th scope="row">{number}{name(figures[i].display, 60)}</th>{cells}</tr>')
    kind = "few" if few else "many"
    drawn = (
        f'<div class="wide"><table class="confusion {kind}" style="--n:{len(chosen)}"><thead><tr>'
        f"<th></th>{heads}</tr></thead>\n<tbody>\n{chr(10).join(rows)}\n</tbody></table></div>"
    )
    if len(matrix) <= 2:
        return drawn
    # Beside a list of what is confused: a phone, which has no room for the table, keeps it closed.
    return (
        f'<details class="roomy"><summary>The table of {len(chosen)} figures</summary>\n{drawn}\n'
        "</details>"
    )


def _cell(count: int, total: int, *, right: bool) -> str:
    if not count:
        return "<td></td>"
    share = count / total
    colour = "47 158 104" if right else "229 72 77"  # as the plots have them
    # A single mistake among many photos must still be seen. Up to 0.6 the page's own ink is read on it,
    # dark or light, with a contrast of 5 to 1 and more.
    alpha = 0.1 + 0.5 * share if right else 0.3 + 0.3 * share
    strong = ' class="strong"' if share > 0.5 else ""
    return (
        f'<td{strong} style="background:rgb({colour} / {alpha:.2f})" '
        f'title="{text(say_share(share))} of this row">{count}</td>'
    )
