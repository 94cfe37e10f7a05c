"""Tiny ONNX files written byte by byte, for tests of what reads them; no package of ONNX is needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def constant_answer(path: Path, takes: Sequence[int], answer: NDArray[np.float32], *, name: str = "output") -> Path:
    """A network that takes an input of a shape and always gives the same answer.

    Its input is averaged, multiplied by 0 and added to the answer.
    """
    nodes = [
        _node("ReduceMean", ["input"], ["mean"], _int_attribute("keepdims", 0)),
        _node("Mul", ["mean", "nought"], ["zero"]),
        _node("Add", ["zero", "answer"], [name]),
    ]
    weights = [_tensor("nought", np.zeros((), np.float32)), _tensor("answer", answer)]
    return _write(path, nodes, weights, takes, name, answer.shape)


def means_of_channels(path: Path, side: int, weights: NDArray[np.float32]) -> Path:
    """A network (1, 3, side, side) → (1, K): one weighted sum over all pixels for each of K, as a descriptor.

    Args:
        path: Where to.
        side: Of the square that it takes, and no other.
        weights: Shape (3 * side * side, K).
    """
    nodes = [
        _node("Reshape", ["input", "flat"], ["row"]),
        _node("MatMul", ["row", "weights"], ["output"]),
    ]
    flat = np.array([1, 3 * side * side], np.int64)
    tensors = [_tensor("flat", flat), _tensor("weights", weights)]
    return _write(path, nodes, tensors, (1, 3, side, side), "output", (1, weights.shape[1]))


def _write(
    path: Path, nodes: list[bytes], weights: list[bytes], takes: Sequence[int], name: str, gives: Sequence[int]
) -> Path:
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"graph")
    graph += b"".join(_field(5, tensor) for tensor in weights)
    graph += _field(11, _value("input", takes)) + _field(12, _value(name, gives))
    opset = _field(8, _number(2, 13))
    path.write_bytes(_number(1, 8) + _field(7, graph) + opset)
    return path


def _varint(value: int) -> bytes:
    out = bytearray()
    while True:
        out.append((value & 0x7F) | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _node(kind: str, takes: list[str], gives: list[str], attributes: bytes = b"") -> bytes:
    parts = [_field(1, name.encode()) for name in takes] + [_field(2, name.encode()) for name in gives]
    return b"".join(parts) + _field(3, gives[0].encode()) + _field(4, kind.encode()) + attributes


def _int_attribute(name: str, value: int) -> bytes:
    return _field(5, _field(1, name.encode()) + _number(3, value) + _number(20, 2))


def _tensor(name: str, array: NDArray[Any]) -> bytes:
    kind = 1 if array.dtype == np.float32 else 7
    sides = b"".join(_number(1, side) for side in array.shape)
    return sides + _number(2, kind) + _field(8, name.encode()) + _field(9, np.ascontiguousarray(array).tobytes())


def _value(name: str, shape: Sequence[int]) -> bytes:
    sides = b"".join(_field(1, _number(1, side)) for side in shape)
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, 1) + _field(2, sides)))
