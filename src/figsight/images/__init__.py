"""Untrusted bytes -> upright sRGB pixels: the only decoder, the only resizer for networks.

Knows picture files, colours, orientations and sizes. Does not know labels, datasets or models.

    streams.py      opening what was asked for; stopping readers that never end
    formats.py      which files we open: signatures, names, one Pillow plugin each
    limits.py       how much memory a picture would take, judged by its header
    orientation.py  which way is up, from EXIF and XMP
    colour.py       any Pillow mode and ICC profile -> sRGB
    quiet.py        keeps Pillow's warnings out of a decode, for one thread only
    decoding.py     all of the above in order: ``decode``
    fitting.py      pixels -> the size that a network is fed: ``InputSpec``, ``fit``; or people: ``shrink``
    cameras.py      pixels -> the same picture grainy, soft, far away, in other light: ``change_camera``
    thumbnails.py   pixels -> the small JPEG that a model remembers a photo by
"""

from __future__ import annotations

from figsight.images.cameras import CHANGES, change_camera, choose_some
from figsight.images.decoding import Source, decode, open_photo
from figsight.images.fitting import InputSpec, fit, shrink
from figsight.images.formats import is_picture_name
from figsight.images.limits import MAX_FILE_BYTES, MAX_MEMORY_BYTES, MAX_PIXELS, MAX_SIDE
from figsight.images.thumbnails import make_thumbnail

__all__ = [
    "CHANGES",
    "MAX_FILE_BYTES",
    "MAX_MEMORY_BYTES",
    "MAX_PIXELS",
    "MAX_SIDE",
    "InputSpec",
    "Source",
    "change_camera",
    "choose_some",
    "decode",
    "fit",
    "is_picture_name",
    "make_thumbnail",
    "open_photo",
    "shrink",
]
