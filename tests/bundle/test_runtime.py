from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.bundle.make import SIDE, make_model, make_proto

from figsight.bundle import runtime
from figsight.bundle.runtime import Runtime, SideBySide, count_threads
from figsight.errors import BundleError, FigsightError

if TYPE_CHECKING:
    from collections.abc import Callable


def test_runtime__gives_the_outputs_that_were_asked_for() -> None:
    network = Runtime(make_model(), threads=1, where="m")
    pixels = np.zeros((1, SIDE, SIDE, 3), np.uint8)
    embedding, logits = network.run("pixels", pixels, ["embedding", "logits"])
    assert embedding.shape == (1, 6)
    assert logits.shape == (1, 3)


def test_runtime__names_its_failures(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BundleError, match=r"^m: ONNX Runtime \S+ cannot load it \(.*\): upgrade"):
        Runtime(b"\x3a\x00", threads=1, where="m")
    network = Runtime(make_model(), threads=1, where="m")
    with pytest.raises(BundleError, match=r"^m: ONNX Runtime cannot run it \(.*\): train"):
        network.run("pixels", np.zeros((1, 2, 2, 3), np.uint8), ["logits"])
    assert capfd.readouterr() == ("", "")


def test_runtime__does_not_know_custom_operators() -> None:
    # check_graph is the guard; this is the second line of defence.
    proto = make_proto()
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, None)
    proto.graph.node.append(helper.make_node("Run", ["cast"], ["x"], domain="com.evil"))
    proto.graph.output.append(value)
    with pytest.raises(BundleError):
        Runtime(proto.SerializeToString(), threads=1, where="m")


def test_threads__are_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIGSIGHT_THREADS", "5")
    assert count_threads() == 5
    assert count_threads(3) == 3
    monkeypatch.delenv("FIGSIGHT_THREADS")
    assert count_threads() >= 1


@pytest.mark.parametrize(
    "wish", ["0", "-1", "two", "1.5", "\u0665", "1025", "2147483648", "9" * 5000]
)
def test_threads__refuse_what_is_no_number(monkeypatch: pytest.MonkeyPatch, wish: str) -> None:
    monkeypatch.setenv("FIGSIGHT_THREADS", wish)
    with pytest.raises(FigsightError) as caught:
        count_threads()
    assert str(caught.value) == (
        f"FIGSIGHT_THREADS: expected a whole number from 1 to 1024, found {wish!a:.40}; one for "
        "each core is usual"
    )


@pytest.mark.parametrize("threads", [0, -1, 1.5, 2.0, "2", 1025, 2**31])
def test_threads__refuse_what_nobody_can_start(threads: Any) -> None:
    with pytest.raises(FigsightError) as caught:
        count_threads(threads)
    assert str(caught.value) == (
        f"threads: expected a whole number from 1 to 1024, found {threads!a}; one for each core is "
        "usual"
    )


def test_threads__may_be_numpys() -> None:
    threads: Any = np.int64(3)
    assert type(count_threads(threads)) is int


def _ask(network: SideBySide, times: int) -> list[np.ndarray]:
    pixels = np.random.default_rng(1).integers(0, 256, (1, SIDE, SIDE, 3), np.uint8)
    return [network.run("pixels", pixels, ["logits"])[0] for _ in range(times)]


def test_side_by_side__copies_the_network_when_there_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[int] = []

    class Noted(Runtime):
        def __init__(self, model: bytes, *, threads: int, where: str) -> None:
            made.append(threads)
            super().__init__(model, threads=threads, where=where)

    monkeypatch.setattr(runtime, "Runtime", Noted)
    shared = Noted(make_model(), threads=2, where="m")
    network = SideBySide(shared, make_model, where="m")
    before = _ask(network, 99)
    assert made == [2]
    after = _ask(network, 200)
    assert made == [2, 1]
    assert all(np.array_equal(before[0], other) for other in before + after)


def test_side_by_side__copies_no_network_of_one_thread() -> None:
    def read() -> bytes:
        raise AssertionError("not needed")

    network = SideBySide(Runtime(make_model(), threads=1, where="m"), read, where="m")
    assert len(_ask(network, 150)) == 150


def _another_network() -> bytes:
    proto = make_proto()
    bias = numpy_helper.to_array(proto.graph.initializer[-1])
    proto.graph.initializer[-1].CopyFrom(
        numpy_helper.from_array(bias + np.float32(1e-4), proto.graph.initializer[-1].name)
    )
    return bytes(proto.SerializeToString())


def _no_network() -> bytes:
    raise BundleError("m: model.onnx: cannot be read (closed)")


@pytest.mark.parametrize("read", [_another_network, _no_network])
def test_side_by_side__keeps_the_network_that_it_has_rather_than_another(
    read: Callable[[], bytes],
) -> None:
    shared = Runtime(make_model(), threads=2, where="m")
    network = SideBySide(shared, read, where="m")
    found = _ask(network, 120)
    assert all(np.array_equal(found[0], other) for other in found)
    assert network._runtime is shared
