from __future__ import annotations

import os
import re

import numpy as np
import pytest
from onnx import TensorProto, helper
from tests.bundle.make import SIDE, make_model, make_proto

from figsight.bundle import runtime
from figsight.bundle.runtime import Runtime, count_threads
from figsight.errors import BundleError, FigsightError


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


@pytest.mark.parametrize("wish", ["0", "-1", "two", "1.5", "\u0665"])
def test_threads__refuse_what_is_no_number(monkeypatch: pytest.MonkeyPatch, wish: str) -> None:
    monkeypatch.setenv("FIGSIGHT_THREADS", wish)
    with pytest.raises(FigsightError) as caught:
        count_threads()
    assert str(caught.value) == (
        f"FIGSIGHT_THREADS: expected a whole number of at least 1, found {wish!a}"
    )
    with pytest.raises(FigsightError, match=r"^threads: expected at least 1, found 0$"):
        count_threads(0)


@pytest.mark.parametrize(
    ("siblings", "quota", "cores"),
    [
        (["0-1", "0-1", "2-3", "2-3"], "max 100000", 2),
        (["0", "1", "2", "3"], "200000 100000", 2),
        (["0", "1", "2", "3"], "50000 100000", 1),
        (["", "", "", ""], "", 4),
    ],
)
def test_threads__count_cores_and_not_hyperthreads(
    monkeypatch: pytest.MonkeyPatch, siblings: list[str], quota: str, cores: int
) -> None:
    def read(path: object) -> str:
        found = re.search(r"/cpu(\d+)/", str(path))
        return siblings[int(found[1])] if found else quota

    monkeypatch.delenv("FIGSIGHT_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(runtime, "_read", read)
    assert count_threads() == cores
