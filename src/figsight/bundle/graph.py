"""What an ONNX file may contain, checked on its bytes before ONNX Runtime sees them.

Knows the wire format of Protocol Buffers and the few ONNX messages that matter. Needs neither the
onnx package nor protobuf. Refuses whatever reaches outside the file (external data) or outside the
standard operators (custom domains, functions of the model's own, ONNX Runtime's own format).

Not guaranteed: that a graph is cheap to run. A hostile graph of standard operators can still loop
for long or ask for much memory.

The field numbers are those of ``onnx.proto`` (https://github.com/onnx/onnx, IR version 13); the
wire format is https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from figsight.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from figsight.bundle.manifest import Manifest

INPUT = "pixels"
STYLE_OUTPUT = "style"
"""The output of networks whose layers can be told apart; see ``NetworkEntry.style_size``."""

_STANDARD_DOMAINS = (b"", b"ai.onnx")
_MAX_DEPTH = 16  # graphs inside the attributes of nodes inside graphs ...
_MAX_FIELDS = 500_000
_FLOAT, _UINT8 = 1, 2  # onnx.TensorProto.DataType
_ORT_FORMAT = b"ORTM"

_VARINT, _BYTES = 0, 2  # wire types
_FIXED = {1: 8, 5: 4}  # wire type -> bytes
_VARINT_BYTES = 10

Shape = tuple[int | None, ...]
Span = tuple[int, int]  # from, up to but not including


def list_outputs(style_size: int) -> list[str]:
    """Return the names of a graph's outputs, in their order.

    Args:
        style_size: Of the manifest.
    """
    return ["logits", "embedding", "features", *([STYLE_OUTPUT] if style_size else [])]


def check_graph(model: bytes, manifest: Manifest, *, where: str = "model.onnx") -> None:
    """Refuse an ONNX file that is more than a self-contained graph with our inputs and outputs.

    Args:
        model: The bytes of the file.
        manifest: What the bundle says of its network.
        where: What the file is called in messages.

    Raises:
        BundleError: The file is damaged; it uses external data, custom operators, functions or
            training information; or its input and outputs are not those of the manifest.
    """
    if model[4:8] == _ORT_FORMAT:
        # ONNX Runtime recognises its own format by these bytes, which a crafted ONNX file may hold
        # too; we would then have checked something else than what runs.
        raise BundleError(f"{where}: expected ONNX, found ONNX Runtime's own format: {_AGAIN}")
    _Walk(model, where).check_model(manifest)


_AGAIN = "export the model with figsight again"


class _Walk:
    """One pass over one file."""

    def __init__(self, data: bytes, where: str) -> None:
        self._data = data
        self._where = where
        self._fields_left = _MAX_FIELDS

    def check_model(self, manifest: Manifest) -> None:
        graphs = []
        for number, value in self._fields((0, len(self._data))):
            if number == 7:  # graph
                graphs.append(self._message(value))
            elif number == 8:  # opset_import
                self._check_opset(self._message(value))
            elif number == 20:  # training_info
                raise self._refuse("a graph without training information", "some")
            elif number == 25:  # functions
                raise self._refuse("standard operators", "functions of the model's own")
        if len(graphs) != 1:
            raise self._refuse("one graph", f"{len(graphs)}")
        self._check_graph(graphs[0], 0)
        self._check_interface(graphs[0], manifest)

    def _check_graph(self, graph: Span, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise self._refuse(f"graphs nested at most {_MAX_DEPTH} deep", "deeper ones")
        for number, value in self._fields(graph):
            if number == 1:  # node
                self._check_node(self._message(value), depth)
            elif number == 5:  # initializer
                self._check_tensor(self._message(value))
            elif number == 15:  # sparse_initializer
                self._check_sparse(self._message(value))

    def _check_node(self, node: Span, depth: int) -> None:
        for number, value in self._fields(node):
            if number == 5:  # attribute
                self._check_attribute(self._message(value), depth)
            elif number == 7:  # domain
                self._check_domain(self._bytes(value), "operator")

    def _check_attribute(self, attribute: Span, depth: int) -> None:
        for number, value in self._fields(attribute):
            if number in (5, 10):  # t, tensors
                self._check_tensor(self._message(value))
            elif number in (6, 11):  # g, graphs
                self._check_graph(self._message(value), depth + 1)
            elif number in (22, 23):  # sparse_tensor, sparse_tensors
                self._check_sparse(self._message(value))

    def _check_sparse(self, sparse: Span) -> None:
        for number, value in self._fields(sparse):
            if number in (1, 2):  # values, indices
                self._check_tensor(self._message(value))

    def _check_tensor(self, tensor: Span) -> None:
        for number, value in self._fields(tensor):
            # data_location is an enum: protobuf keeps 32 bits of it, so anything but 0 is suspect.
            if number == 13 or (number == 14 and value != 0):
                raise self._refuse("weights inside the file", "external data")

    def _check_opset(self, opset: Span) -> None:
        for number, value in self._fields(opset):
            if number == 1:  # domain
                self._check_domain(self._bytes(value), "operator set")

    def _check_domain(self, domain: bytes, what: str) -> None:
        if domain not in _STANDARD_DOMAINS:
            text = ascii(domain[:60].decode("utf-8", "replace"))
            raise self._refuse("standard operators", f"the custom {what} {text}")

    def _check_interface(self, graph: Span, manifest: Manifest) -> None:
        inputs: list[tuple[str, int, Shape | None]] = []
        outputs: list[tuple[str, int, Shape | None]] = []
        for number, value in self._fields(graph):
            if number == 11:
                inputs.append(self._read_value(self._message(value)))
            elif number == 12:
                outputs.append(self._read_value(self._message(value)))
        height, width = manifest.input.height, manifest.input.width
        channels, rows, columns = manifest.network.features
        size = manifest.network.embedding_size
        expected_outputs = {
            "logits": (None, len(manifest.figures)),
            "embedding": (None, size),
            "features": (None, channels, rows, columns),
            STYLE_OUTPUT: (None, manifest.network.style_size),
        }
        names = list_outputs(manifest.network.style_size)
        if [name for name, _, _ in inputs] != [INPUT]:
            raise self._refuse(f"the one input {INPUT}", _list_names(inputs))
        if sorted(name for name, _, _ in outputs) != sorted(names):
            raise self._refuse(f"the outputs {', '.join(names)}", _list_names(outputs))
        # The channels must be written in the file: they say that pixels are rows x columns x RGB.
        name, kind, shape = inputs[0]
        if shape is None or len(shape) != 4 or shape[3] != 3:
            raise self._refuse(f"{INPUT} as [N, height, width, 3]", _show_shape(shape))
        self._check_value(name, kind, shape, _UINT8, (None, height, width, 3))
        for name, kind, shape in outputs:
            self._check_value(name, kind, shape, _FLOAT, expected_outputs[name])

    def _check_value(
        self, name: str, kind: int, shape: Shape | None, expected_kind: int, expected: Shape
    ) -> None:
        if kind != expected_kind:
            word = "uint8" if expected_kind == _UINT8 else "float32"
            raise self._refuse(f"{name} as {word}", f"ONNX data type {kind}")
        if shape is None:
            return
        fits = len(shape) == len(expected) and all(
            found is None or wanted is None or found == wanted
            for found, wanted in zip(shape, expected, strict=True)
        )
        batch = shape[0] if shape else None
        if not fits or batch not in (None, 1):
            raise self._refuse(f"{name} as {_show_shape(expected)}", _show_shape(shape))

    def _read_value(self, info: Span) -> tuple[str, int, Shape | None]:
        """Read a ValueInfoProto: name, element type (0 when absent), shape (None when absent)."""
        name, kind = "", 0
        shape: Shape | None = None
        for number, value in self._fields(info):
            if number == 1:  # name
                name = self._bytes(value).decode("utf-8", "backslashreplace")
            elif number == 2:  # type
                for choice, tensor_type in self._fields(self._message(value)):
                    if choice != 1:  # tensor_type
                        continue
                    for part, content in self._fields(self._message(tensor_type)):
                        if part == 1 and isinstance(content, int):  # elem_type
                            kind = content
                        elif part == 2:  # shape
                            shape = self._read_shape(self._message(content))
        return name, kind, shape

    def _read_shape(self, shape: Span) -> Shape:
        sizes: list[int | None] = []
        for number, value in self._fields(shape):
            if number == 1:  # dim
                size = None
                for part, content in self._fields(self._message(value)):
                    if part == 1 and isinstance(content, int):  # dim_value
                        size = content
                sizes.append(size)
        return tuple(sizes)

    def _message(self, value: int | Span) -> Span:
        """Insist on a length-delimited value where ONNX has a message or a string."""
        if isinstance(value, int):
            raise self._refuse("ONNX", "a number in place of a message")
        return value

    def _bytes(self, value: int | Span) -> bytes:
        start, end = self._message(value)
        return self._data[start:end]

    def _fields(self, message: Span) -> Iterator[tuple[int, int | Span]]:
        """Yield (field number, value): a number, or the span of anything longer."""
        position, end = message
        while position < end:
            self._fields_left -= 1
            if self._fields_left < 0:
                raise self._refuse(f"at most {_MAX_FIELDS} fields", "more")
            key, position = self._varint(position, end)
            number, wire = key >> 3, key & 7
            if number == 0 or key >= 2**32:
                # Some readers of protobuf drop the bits beyond 32: they would see another field.
                raise self._refuse("ONNX", f"a field numbered {number}")
            if wire == _VARINT:
                value, position = self._varint(position, end)
                yield number, value
                continue
            if wire == _BYTES:
                length, position = self._varint(position, end)
            elif wire in _FIXED:
                length = _FIXED[wire]
            else:
                raise self._refuse("ONNX", f"wire type {wire}")
            if length > end - position:
                raise self._refuse("ONNX", "a file that ends too early")
            yield number, (position, position + length)
            position += length

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        """Read a number of 7 bits a byte, the lowest first; return it and where it ends."""
        value = shift = 0
        for index in range(position, min(end, position + _VARINT_BYTES)):
            byte = self._data[index]
            if byte < 0x80:
                return value | byte << shift, index + 1
            value |= (byte & 0x7F) << shift
            shift += 7
        ends = end - position < _VARINT_BYTES
        found = "a file that ends too early" if ends else "a number that does not end"
        raise self._refuse("ONNX", found)

    def _refuse(self, expected: str, found: str) -> BundleError:
        return BundleError(f"{self._where}: expected {expected}, found {found}: {_AGAIN}")


def _show_shape(shape: Shape | None) -> str:
    if shape is None:
        return "no shape"
    return "[" + ", ".join("N" if size is None else str(size) for size in shape) + "]"


def _list_names(values: list[tuple[str, int, Shape | None]]) -> str:
    return ", ".join(ascii(name)[:60] for name, _, _ in values[:5]) or "none"
