from __future__ import annotations

import numpy as np

from figsight.images import decode, make_thumbnail


def test_make_thumbnail__holds_the_whole_photo_in_a_small_square() -> None:
    pixels = np.full((300, 150, 3), (200, 40, 40), np.uint8)
    pixels[:30], pixels[-30:] = (20, 40, 200), (20, 200, 40)
    data = make_thumbnail(pixels)
    assert make_thumbnail(pixels) == data
    small = decode(data)
    assert small.shape == (96, 96, 3)
    assert np.abs(small[48, 48].astype(int) - (200, 40, 40)).max() < 12
    assert small[4, 48, 2] > 150 > small[4, 48, 0]
    assert small[-5, 48, 1] > 150 > small[-5, 48, 0]
