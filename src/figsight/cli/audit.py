"""``figsight audit``."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from figsight.cli.base import as_word, data_options, main, name_program, read_data, safe

if TYPE_CHECKING:
    from figsight.audit import Audit
    from figsight.dataset import Dataset


@main.command(
    short_help="Find copies, wrong labels and broken photos.",
    epilog="Example: figsight audit photos --html audit.html",
)
@click.argument("data")
@click.option("--json", "as_json", is_flag=True, help="Everything, as one JSON object.")
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path),
    metavar="OUT.html",
    help="One file with thumbnails, for a browser.",
)
@click.option("--no-labels", is_flag=True, help="Do not look for labels that look wrong.")
@data_options
def audit(data: str, as_json: bool, page: Path | None, no_labels: bool, **options: Any) -> None:
    """Look for what is wrong with DATA: copies, leaks, labels, unreadable and odd photos."""
    from figsight.audit import check_page, describe, write_page

    if page is not None:
        check_page(page)
    result = _examine(read_data(data, options, skip_missing=True), labels=not no_labels)
    # The file first: whoever reads the words may want to open it.
    if page is not None:
        write_page(result, page)
        click.echo(safe(f"page: {page}"), err=True)
    if as_json:
        click.echo(json.dumps(result.to_dict()))
        return
    read_as = [
        f" --{key.replace('_', '-')} {shlex.quote(value)}"
        for key, value in options.items()
        if value
    ]
    typed = as_word(data) + "".join(read_as)
    click.echo(describe(result, data=safe(typed), program=name_program()))


def _examine(dataset: Dataset, *, labels: bool) -> Audit:
    from figsight.audit import examine

    if not sys.stderr.isatty():
        return examine(dataset, labels=labels)
    # click's own bar: the base install has no other.
    n = len(dataset.photos) + len(dataset.unlisted)
    with click.progressbar(length=n, label="looking at photos", file=sys.stderr) as bar:
        return examine(dataset, labels=labels, progress=lambda _, __: bar.update(1))
