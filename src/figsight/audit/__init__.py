"""What is wrong with a set of photos, before anybody trains on it.

Knows photos, and calls what decodes, fingerprints, measures and predicts. Changes nothing and
decides nothing: it says where to look. Needs nothing but the base install; labels that look wrong
are found with the extra ``train``.

    examining.py   one pass over every picture: ``examine``
    labels.py      labels that look wrong, where ``train`` is installed
    lookalikes.py  the photo of the other figure that a suspect one resembles most
    results.py     what was found: ``Audit``, as data and as JSON
    sections.py    the same in the order and the words in which people should read it
    text.py        for a terminal
    page.py        for a browser: one file with thumbnails
"""

from __future__ import annotations

from figsight.audit.examining import examine
from figsight.audit.page import write_page
from figsight.audit.results import Audit, SuspectLabel
from figsight.audit.text import describe
from figsight.pages import check_page

__all__ = ["Audit", "SuspectLabel", "check_page", "describe", "examine", "write_page"]
