"""Which versions of which libraries a training runs on.

Knows where they are written down. A library that is there under another name than its own (pillow-simd,
onnxruntime-gpu) is as good as any; what version it is, it says itself, or nobody does.
"""

from __future__ import annotations

import platform
from importlib import import_module, metadata

LIBRARIES = ("numpy", "pillow", "torch", "torchvision", "timm", "onnx", "onnxscript", "onnxruntime")
UNKNOWN = "unknown"

_MODULES = {"pillow": "PIL"}  # where it is not called like the library


def find_version(library: str) -> str:
    """Return the version that is installed under a name, or that the module says; else ``unknown``."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        pass
    try:
        module = import_module(_MODULES.get(library, library))
        return str(getattr(module, "__version__", UNKNOWN))
    except ImportError:  # figsight that is not installed asks in the same place
        return UNKNOWN


def list_versions() -> dict[str, str]:
    """Return the versions of Python and of all libraries that decide what a training comes to."""
    return {"python": platform.python_version()} | {name: find_version(name) for name in LIBRARIES}
