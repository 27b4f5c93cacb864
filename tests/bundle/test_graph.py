from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from tests.bundle.make import FEATURES, FIGURES, SIDE, make_manifest, make_model, make_proto

from figsight.bundle import check_graph
from figsight.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Callable

AGAIN = ": export the model with figsight again"


def _refusal(model: bytes | onnx.ModelProto) -> str:
    data = model if isinstance(model, bytes) else model.SerializeToString()
    with pytest.raises(BundleError) as caught:
        check_graph(data, make_manifest())
    message = str(caught.value)
    assert message.startswith("model.onnx: expected ")
    assert message.endswith(AGAIN)
    assert "\n" not in message
    return message.removeprefix("model.onnx: ").removesuffix(AGAIN)


def _external(name: str = "w") -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    return tensor


def _inner(*nodes: onnx.NodeProto, tensors: tuple[onnx.TensorProto, ...] = ()) -> onnx.GraphProto:
    return helper.make_graph(list(nodes), "inner", [], [], list(tensors))


def _if(inner: onnx.GraphProto) -> onnx.NodeProto:
    return helper.make_node("If", ["c"], ["x"], then_branch=inner, else_branch=_inner())


def test_graph__accepts_what_figsight_writes() -> None:
    check_graph(make_model(), make_manifest())


def test_graph__accepts_the_other_name_of_the_standard_domain() -> None:
    proto = make_proto()
    proto.graph.node[0].domain = "ai.onnx"
    proto.opset_import[0].domain = "ai.onnx"
    check_graph(proto.SerializeToString(), make_manifest())


def test_graph__accepts_standard_operators_in_subgraphs() -> None:
    proto = make_proto()
    proto.graph.node.append(_if(_inner(helper.make_node("Relu", ["a"], ["b"]))))
    check_graph(proto.SerializeToString(), make_manifest())


def _custom(proto: onnx.ModelProto) -> None:
    proto.graph.node.append(helper.make_node("Run", ["a"], ["b"], domain="com.evil"))


def _custom_deep(proto: onnx.ModelProto) -> None:
    node = helper.make_node("Run", ["a"], ["b"], domain="com.evil")
    proto.graph.node.append(_if(_inner(_if(_inner(node)))))


def _custom_in_list(proto: onnx.ModelProto) -> None:
    node = helper.make_node("Run", ["a"], ["b"], domain="com.evil")
    proto.graph.node.append(helper.make_node("Scan", ["a"], ["b"], bodies=[_inner(node)]))


def _opset(proto: onnx.ModelProto) -> None:
    proto.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def _function(proto: onnx.ModelProto) -> None:
    opsets = [helper.make_opsetid("", 18)]
    node = helper.make_node("Relu", ["x"], ["y"])
    proto.functions.append(helper.make_function("", "f", ["x"], ["y"], [node], opsets))


def _training(proto: onnx.ModelProto) -> None:
    proto.training_info.add().algorithm.CopyFrom(_inner())


def _external_weights(proto: onnx.ModelProto) -> None:
    proto.graph.initializer.append(_external())


def _external_location_only(proto: onnx.ModelProto) -> None:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "w")
    tensor.data_location = TensorProto.EXTERNAL
    proto.graph.initializer.append(tensor)


def _external_entry_only(proto: onnx.ModelProto) -> None:
    tensor = _external()
    tensor.data_location = TensorProto.DEFAULT
    proto.graph.initializer.append(tensor)


def _external_attribute(proto: onnx.ModelProto) -> None:
    proto.graph.node.append(helper.make_node("Constant", [], ["w"], value=_external()))


def _external_attributes(proto: onnx.ModelProto) -> None:
    node = helper.make_node("Constant", [], ["w"])
    node.attribute.append(helper.make_attribute("values", [_external()]))
    proto.graph.node.append(node)


def _external_deep(proto: onnx.ModelProto) -> None:
    proto.graph.node.append(_if(_inner(tensors=(_external(),))))


def _external_sparse(proto: onnx.ModelProto) -> None:
    proto.graph.sparse_initializer.add().values.CopyFrom(_external())


def _external_indices(proto: onnx.ModelProto) -> None:
    sparse = onnx.SparseTensorProto()
    sparse.indices.CopyFrom(_external())
    node = helper.make_node("Constant", [], ["w"])
    node.attribute.append(helper.make_attribute("sparse_value", sparse))
    proto.graph.node.append(node)


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (_custom, "the custom operator 'com.evil'"),
        (_custom_deep, "the custom operator 'com.evil'"),
        (_custom_in_list, "the custom operator 'com.evil'"),
        (_opset, "the custom operator set 'com.microsoft'"),
        (_function, "functions of the model's own"),
    ],
)
def test_graph__refuses_custom_operators(
    spoil: Callable[[onnx.ModelProto], None], found: str
) -> None:
    proto = make_proto()
    spoil(proto)
    assert _refusal(proto) == f"expected standard operators, found {found}"


@pytest.mark.parametrize(
    "spoil",
    [
        _external_weights,
        _external_location_only,
        _external_entry_only,
        _external_attribute,
        _external_attributes,
        _external_deep,
        _external_sparse,
        _external_indices,
    ],
)
def test_graph__refuses_external_data(spoil: Callable[[onnx.ModelProto], None]) -> None:
    proto = make_proto()
    spoil(proto)
    assert _refusal(proto) == "expected weights inside the file, found external data"


def test_graph__refuses_training_information() -> None:
    proto = make_proto()
    _training(proto)
    assert _refusal(proto) == "expected a graph without training information, found some"


def test_graph__refuses_endless_nesting() -> None:
    inner = _inner()
    for _ in range(20):
        inner = _inner(_if(inner))
    proto = make_proto()
    proto.graph.node.append(_if(inner))
    assert _refusal(proto) == "expected graphs nested at most 16 deep, found deeper ones"


def test_graph__refuses_a_second_graph() -> None:
    assert _refusal(make_model() + make_model()) == "expected one graph, found 2"


def test_graph__refuses_onnx_runtimes_own_format() -> None:
    # A file that begins with a producer's name of our choice is also valid ONNX.
    crafted = b"\x12\x06xxORTM" + make_model()
    assert onnx.load_from_string(crafted).graph == make_proto().graph
    assert _refusal(crafted) == "expected ONNX, found ONNX Runtime's own format"


def test_graph__refuses_field_numbers_that_other_readers_cut_to_32_bits() -> None:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "w").SerializeToString()
    key = (1 << 32) | (13 << 3) | 2  # reads as external_data where the upper bits are dropped
    sneaky = tensor + bytes([key & 0x7F | 0x80, *(0x80,) * 3, key >> 28, 0])
    graph = b"\x2a" + bytes([len(sneaky)]) + sneaky
    assert "expected ONNX, found a field numbered" in _refusal(
        b"\x3a" + bytes([len(graph)]) + graph
    )


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "0"),
        (b"\x00", "a field numbered 0"),
        (b"\x3a\x05", "a file that ends too early"),
        (b"\x3a", "a file that ends too early"),
        (b"\x3a" + b"\xff" * 11, "a number that does not end"),
        (b"\x3b", "wire type 3"),
        (b"\x38\x01", "a number in place of a message"),
    ],
)
def test_graph__refuses_what_is_no_protobuf(data: bytes, found: str) -> None:
    assert _refusal(data).endswith(f"found {found}")


def test_graph__refuses_more_fields_than_any_model_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("figsight.bundle.graph._MAX_FIELDS", 100)
    assert _refusal(make_model()) == "expected at most 100 fields, found more"


def test_graph__refuses_another_input() -> None:
    proto = make_proto()
    proto.graph.input[0].name = "image"
    assert _refusal(proto) == "expected the one input pixels, found 'image'"
    proto = make_proto()
    proto.graph.input.append(helper.make_tensor_value_info("b", TensorProto.FLOAT, [1]))
    assert _refusal(proto) == "expected the one input pixels, found 'pixels', 'b'"


@pytest.mark.parametrize(
    ("kind", "shape", "message"),
    [
        (
            TensorProto.FLOAT,
            ["N", SIDE, SIDE, 3],
            "expected pixels as uint8, found ONNX data type 1",
        ),
        (
            TensorProto.UINT8,
            ["N", 3, SIDE, SIDE],
            "expected pixels as [N, height, width, 3], found [N, 3, 16, 16]",
        ),
        (
            TensorProto.UINT8,
            ["N", SIDE, SIDE, "C"],
            "expected pixels as [N, height, width, 3], found [N, 16, 16, N]",
        ),
        (
            TensorProto.UINT8,
            [SIDE, SIDE, 3],
            "expected pixels as [N, height, width, 3], found [16, 16, 3]",
        ),
        (
            TensorProto.UINT8,
            ["N", SIDE, 32, 3],
            "expected pixels as [N, 16, 16, 3], found [N, 16, 32, 3]",
        ),
        (
            TensorProto.UINT8,
            [8, SIDE, SIDE, 3],
            "expected pixels as [N, 16, 16, 3], found [8, 16, 16, 3]",
        ),
        (TensorProto.UINT8, None, "expected pixels as [N, height, width, 3], found no shape"),
    ],
)
def test_graph__refuses_another_form_of_input(
    kind: int, shape: list[int | str] | None, message: str
) -> None:
    proto = make_proto()
    proto.graph.input[0].CopyFrom(helper.make_tensor_value_info("pixels", kind, shape))
    assert _refusal(proto) == message


def test_graph__accepts_a_batch_of_one_and_sizes_left_open() -> None:
    proto = make_proto()
    value = helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, "H", "W", 3])
    proto.graph.input[0].CopyFrom(value)
    check_graph(proto.SerializeToString(), make_manifest())


def test_graph__refuses_other_outputs() -> None:
    proto = make_proto()
    del proto.graph.output[2]
    assert _refusal(proto) == (
        "expected the outputs logits, embedding, features, found 'logits', 'embedding'"
    )
    proto = make_proto()
    proto.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", FIGURES + 1])
    )
    assert _refusal(proto) == "expected logits as [N, 3], found [N, 4]"
    proto = make_proto()
    proto.graph.output[1].CopyFrom(
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT16, ["N", FEATURES])
    )
    assert _refusal(proto) == "expected embedding as float32, found ONNX data type 10"


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_graph__never_fails_otherwise_on_damaged_files(data: st.DataObject) -> None:
    model = bytearray(make_model())
    for _ in range(data.draw(st.integers(1, 4))):
        model[data.draw(st.integers(0, len(model) - 1))] = data.draw(st.integers(0, 255))
    del model[data.draw(st.integers(0, len(model))) :]
    try:
        check_graph(bytes(model), make_manifest())
    except BundleError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
