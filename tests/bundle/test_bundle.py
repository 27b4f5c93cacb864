from __future__ import annotations

import types

from figsight import bundle


def test_bundle__all_is_exact_and_documented() -> None:
    public = {
        name
        for name, value in vars(bundle).items()
        if not name.startswith("_")
        and not isinstance(value, types.ModuleType)
        and name not in {"annotations"}
    }
    assert set(bundle.__all__) == public
    assert len(bundle.__all__) == len(public)
    assert all(getattr(bundle, name).__doc__ for name in bundle.__all__)
