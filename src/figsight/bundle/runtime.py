"""ONNX Runtime on a checked model: which options, how many threads, what its failures mean.

Knows ONNX Runtime, and is the only room that does. Does not know photos or figures.

The options were chosen by measurement (EfficientNet-Lite0, 2 cores that others used too). Full
graph optimisation takes 60 ms more to load and 60 ms less for the first photo, and every further
photo takes a third of the time; it costs 20 MB. Without the memory arena the peak rises by 30 MB.
Threads that spin while they wait double the time of a photo as soon as anything else wants the
cores, the threads that work on the next photos for a start.

Two threads answer one photo 1.6 times as fast as one (4.2 ms instead of 6.8). Many photos are quicker
with a thread each: 3.6 ms a photo on the same two cores, because nobody waits for anybody.
"""

from __future__ import annotations

import os
from numbers import Integral
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from figsight.cores import count_cores
from figsight.errors import BundleError, FigsightError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

THREADS = "FIGSIGHT_THREADS"
# Photos after which a second copy of a network has paid for itself: it takes 0.1 s and 17 MB, and a
# photo then takes a millisecond less. At worst it costs as much as it would have saved until then.
_MANY = 100
_MAX_THREADS = 1024  # more than any machine is quicker with, and fewer than ONNX Runtime takes
_SILENT = 4  # failures come as exceptions; ONNX Runtime would print them as well


class Runtime:
    """A network that is ready to run on the CPU.

    Attributes:
        threads: How many work on one photo.
    """

    def __init__(self, model: bytes, *, threads: int, where: str) -> None:
        """Prepare a network.

        Args:
            model: An ONNX file that ``check_graph`` accepted.
            threads: How many work on one photo.
            where: What the file is called in messages.

        Raises:
            BundleError: ONNX Runtime cannot load the file.
        """
        # It takes 50 ms, which only those who predict should wait.
        import onnxruntime

        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _SILENT
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Never its own format, which check_graph cannot read.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        self.threads = threads
        self._where = where
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors have no common base
            raise BundleError(
                f"{where}: ONNX Runtime {onnxruntime.__version__} cannot load it "
                f"({_shorten(error)}): upgrade onnxruntime, or train the model again"
            ) from error

    def run(self, name: str, pixels: NDArray[np.uint8], outputs: Sequence[str] | None) -> list[Any]:
        """Run the network once.

        Args:
            name: Of the input.
            pixels: Its value.
            outputs: Which outputs to return, in this order; ``None`` means all.

        Raises:
            BundleError: ONNX Runtime fails.
        """
        try:
            return list(self._session.run(outputs, {name: pixels}))
        except Exception as error:  # its errors have no common base
            raise BundleError(
                f"{self._where}: ONNX Runtime cannot run it ({_shorten(error)}): "
                "train the model again"
            ) from error


class SideBySide:
    """A network for many photos at once, each in a thread of its own that calls ``run``.

    Runs them on the network that is there. When there are many it loads a copy that takes one
    thread, and goes on with that: if the copy gives the same numbers, bit for bit, for the photo at
    hand. In which order a network adds up does not depend on the numbers, so it then does for all.
    """

    def __init__(self, runtime: Runtime, read: Callable[[], bytes], *, where: str) -> None:
        """Begin with a network.

        Args:
            runtime: The network, with any number of threads.
            read: Returns its ONNX file, checked, or raises ``BundleError``.
            where: What the file is called in messages.
        """
        self._runtime = runtime
        self._read = read
        self._where = where
        self._counting = Lock()
        self._run = 0

    def run(self, name: str, pixels: NDArray[np.uint8], outputs: Sequence[str]) -> list[Any]:
        """Run the network once; see ``Runtime.run``."""
        with self._counting:
            self._run += 1
            is_worth_it = self._run == _MANY and self._runtime.threads > 1
        if is_worth_it:  # in one thread only, while the others go on
            self._runtime = self._choose(name, pixels)
        return self._runtime.run(name, pixels, outputs)

    def _choose(self, name: str, pixels: NDArray[np.uint8]) -> Runtime:
        try:
            single = Runtime(self._read(), threads=1, where=self._where)
        except BundleError:
            # The files were closed or exchanged meanwhile. The network that is loaded still answers.
            return self._runtime
        pairs = zip(
            single.run(name, pixels, None), self._runtime.run(name, pixels, None), strict=True
        )
        same = all(np.array_equal(ours, theirs) for ours, theirs in pairs)
        return single if same else self._runtime


def count_threads(threads: int | None = None) -> int:
    """Return how many threads to use: asked for, or by the environment, or one for each core.

    Args:
        threads: ``None`` means ``FIGSIGHT_THREADS`` when it is set, and otherwise the physical
            cores that this process may use (see ``count_cores``).

    Raises:
        FigsightError: The number is not a whole number from 1 to 1024.
    """
    if threads is not None:
        if not _is_whole(threads) or not 1 <= threads <= _MAX_THREADS:
            raise _refuse("threads", threads)
        return int(threads)  # of numpy's, too
    wish = os.environ.get(THREADS, "").strip()
    if not wish:
        return count_cores()
    is_number = wish.isascii() and wish.isdigit() and len(wish) <= len(str(_MAX_THREADS))
    if not is_number or not 1 <= int(wish) <= _MAX_THREADS:
        raise _refuse(THREADS, wish)
    return int(wish)


def _is_whole(number: object) -> bool:
    return isinstance(number, Integral)


def _refuse(what: str, found: object) -> FigsightError:
    return FigsightError(
        f"{what}: expected a whole number from 1 to {_MAX_THREADS}, found {found!a:.40}; one for "
        "each core is usual"
    )


def _shorten(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
