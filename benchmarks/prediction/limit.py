"""What the machine could do at most, and how many multiply-adds a network needs.

The limit is what the machine's best product of two square float32 matrices reaches (torch's, that is
oneDNN's or MKL's): nothing but multiply-adds on numbers that lie in the caches. A network cannot be
faster than its multiply-adds at that rate unless it counts in fewer bits.
"""

from __future__ import annotations

import statistics
import time

SIDES = (384, 768, 1536)
SECONDS = 0.4


def measure_products(threads: int) -> dict[str, float]:
    """Return multiply-adds a second of square float32 products, in units of 1e9.

    Returns:
        ``best`` and ``median``: of the repeats of the side that was best at its best; and
        ``processor``: the best for a second of the processor, all threads added up, which hardly
        depends on what else the machine does.
    """
    import torch

    torch.set_num_threads(threads)
    found, processor = [], 0.0
    for side in SIDES:
        left, right, out = torch.randn(side, side), torch.randn(side, side), torch.empty(side, side)
        times = []
        end = time.perf_counter() + SECONDS
        spent = time.process_time()
        while time.perf_counter() < end:
            begin = time.perf_counter()
            torch.mm(left, right, out=out)
            times.append(time.perf_counter() - begin)
        spent = time.process_time() - spent
        processor = max(processor, len(times) * side**3 / spent / 1e9)
        rates = [side**3 / seconds / 1e9 for seconds in times]
        found.append((max(rates), statistics.median(rates)))
    best, median = max(found)
    return {"best": best, "median": median, "processor": processor}


def count_multiply_adds(model: bytes) -> int:
    """Return the multiply-adds of one photo in the convolutions and products of an ONNX graph."""
    import onnx

    proto = onnx.shape_inference.infer_shapes(onnx.load_from_string(model), data_prop=True)
    graph = proto.graph
    shapes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        dimensions = value.type.tensor_type.shape.dim
        shapes[value.name] = [d.dim_value if d.HasField("dim_value") else 1 for d in dimensions]
    total = 0
    for node in graph.node:
        if node.op_type == "Conv":
            weight, out = shapes[node.input[1]], shapes[node.output[0]]
            # Each output number: input channels of its group x kernel height x kernel width.
            total += _product(out[1:]) * _product(weight[1:])
        elif node.op_type in {"Gemm", "MatMul"}:
            total += _product(shapes[node.input[1]])
    return total


def _product(numbers: list[int]) -> int:
    result = 1
    for number in numbers:
        result *= number
    return result
