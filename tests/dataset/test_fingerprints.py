from __future__ import annotations

import hashlib

from figsight.dataset.fingerprints import fingerprint_photos


def test_fingerprint_photos__does_not_depend_on_the_order() -> None:
    assert fingerprint_photos(["b", "a"]) == fingerprint_photos(["a", "b"])
    assert fingerprint_photos(["a", "a"]) != fingerprint_photos(["a"])


def test_fingerprint_photos__is_what_manifests_and_logs_hold() -> None:
    assert fingerprint_photos(["b", "a"]) == hashlib.sha256(b"ab").hexdigest()
