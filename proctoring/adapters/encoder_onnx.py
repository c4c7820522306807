"""Turn dlib's face encoder into an ONNX file, once, at set-up.

The weights are those that the package face_recognition_models installs (public domain). The network gives the
same 128 values to about 1e-6, but ONNX Runtime computes them some fifteen times faster and lets other threads
run meanwhile. Run ``python -m proctoring.adapters.encoder_onnx PATH`` or call `ensure_encoder`.

The network takes ``chips``: uint8 (N, 150, 150, 3) RGB, and gives ``embeddings``: float32 (N, 128).
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHIP_SIZE = 150
DIMENSION = 128
# Raise when the same weights would give another file.
CONVERTER_VERSION = 1

_MEAN_RGB = (122.782, 117.001, 104.298)
_CONVOLUTIONS = 29
_LAYER = re.compile(rb"\x01(.)(con_4|affine_|max_pool_2|avg_pool_2|add_prev_|relu_|fc_2)", re.DOTALL)

FloatArray = NDArray[np.float32]


class EncoderFormatError(ValueError):
    """The weights are not the network this converter knows."""


def models_folder() -> Path:
    """Find the model files that face_recognition_models installs, without importing the package.

    Importing it would pull in pkg_resources, which newer versions of setuptools no longer have.
    """
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("face_recognition_models is not installed; it holds the face models")
    return Path(spec.submodule_search_locations[0]) / "models"


def encoder_weights() -> Path:
    """Give the path of dlib's encoder weights."""
    return models_folder() / "dlib_face_recognition_resnet_model_v1.dat"


def ensure_encoder(path: Path) -> str:
    """Make sure the converted encoder lies at `path`; convert only when it does not.

    Safe to call from several processes at once: files appear whole or not at all.

    Args:
        path: Where the ONNX file belongs; a small ``.json`` beside it remembers what it was made from.

    Returns:
        The SHA-256 of the ONNX file in hex.
    """
    weights = encoder_weights().read_bytes()
    origin = {"weights_sha256": hashlib.sha256(weights).hexdigest(), "converter": CONVERTER_VERSION}
    memo = path.with_name(path.name + ".json")
    if path.is_file() and memo.is_file():
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        if _read_memo(memo) == {**origin, "sha256": sha256}:
            return sha256
    model = convert(weights)
    sha256 = hashlib.sha256(model).hexdigest()
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_whole(path, model)
    _write_whole(memo, json.dumps({**origin, "sha256": sha256}, indent=1).encode())
    return sha256


def convert(weights: bytes) -> bytes:
    """Convert the content of dlib's weight file into an ONNX file.

    Raises:
        EncoderFormatError: These are not the weights of dlib's face encoder.
    """
    layers = list(read_layers(weights))
    found = sum(isinstance(layer, Convolution) for layer in layers)
    if found != _CONVOLUTIONS or not isinstance(layers[-1], Projection):
        raise EncoderFormatError(f"expected {_CONVOLUTIONS} convolutions and a projection, found {found}")
    return _Builder().build(layers)


def _read_memo(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        return None


def _write_whole(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution: kernels of shape (out, in, rows, columns), a bias for each output, stride and padding."""

    kernels: FloatArray
    bias: FloatArray
    stride: int
    padding: int

    def scaled(self, affine: Affine) -> Convolution:
        """Fold the affine layer that follows into the kernels and the bias."""
        kernels = (self.kernels * affine.factor[:, None, None, None]).astype("f4")
        bias = (self.bias * affine.factor + affine.offset).astype("f4")
        return Convolution(kernels, bias, self.stride, self.padding)


@dataclass(frozen=True, slots=True)
class Affine:
    """What remains of a batch normalisation: a factor and an offset for each channel."""

    factor: FloatArray
    offset: FloatArray


@dataclass(frozen=True, slots=True)
class Projection:
    """The last layer: a matrix of shape (in, out)."""

    matrix: FloatArray


@dataclass(frozen=True, slots=True)
class Plain:
    """A layer without weights, known by dlib's name."""

    name: str


Layer = Convolution | Affine | Projection | Plain


class _Reader:
    """Walk over dlib's stream; see Note [dlib's file format]."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data = data
        self.position = position

    def integer(self) -> int:
        head = self.data[self.position]
        end = self.position + 1 + (head & 0x0F)
        value = int.from_bytes(self.data[self.position + 1 : end], "little")
        self.position = end
        return -value if head & 0x80 else value

    def tensor(self) -> FloatArray:
        if (version := self.integer()) != 2:  # noqa: PLR2004 - dlib's tensor version
            raise EncoderFormatError(f"unknown tensor version {version}")
        count = int(np.prod([self.integer() for _ in range(4)]))
        if self.position + 4 * count > len(self.data):
            raise EncoderFormatError("the file ends inside a tensor")
        values = np.frombuffer(self.data, "<f4", count, self.position).copy()
        self.position += values.nbytes
        return values


def read_layers(data: bytes) -> Iterator[Layer]:
    """Read the layers of the stream in forward order."""
    end = 0
    for match in _LAYER.finditer(data):
        name = match.group(2).decode()
        if match.group(1)[0] != len(name) or match.end() < end:
            continue  # a name that stands by chance among the weights
        reader = _Reader(data, match.end())
        yield _read_layer(name, reader)
        end = reader.position


def _read_layer(name: str, reader: _Reader) -> Layer:
    if name == "con_4":
        values = reader.tensor()
        filters, rows, columns, stride, _, padding, _ = (reader.integer() for _ in range(7))
        kernels = values[:-filters].reshape(filters, -1, rows, columns)
        return Convolution(kernels, values[-filters:], stride, padding)
    if name == "affine_":
        values = reader.tensor()
        return Affine(values[: values.size // 2], values[values.size // 2 :])
    if name == "fc_2":
        outputs, inputs = reader.integer(), reader.integer()
        return Projection(reader.tensor().reshape(inputs, outputs))
    return Plain(name)


@dataclass(frozen=True, slots=True)
class _Signal:
    """A value on its way through the graph: its name, its channels, its side length in pixels."""

    name: str
    channels: int
    side: int


class _Builder:
    """Write the network as an ONNX graph."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def build(self, layers: list[Layer]) -> bytes:
        from onnx import TensorProto, checker, helper  # noqa: PLC0415 - half a second, needed once at set-up

        queue = _Queue(layers)
        signal = self._normalized_chips(TensorProto.FLOAT)
        signal = self._convolution(signal, queue)
        queue.take_plain("relu_", "max_pool_2")
        pooled = self._node("MaxPool", self._relu(signal.name), kernel_shape=[3, 3], strides=[2, 2])
        signal = _Signal(pooled, signal.channels, (signal.side - 3) // 2 + 1)
        while queue.holds_convolution():
            signal = self._residual_block(signal, queue)
        queue.take_plain("avg_pool_2")
        flat = self._node("Flatten", self._node("GlobalAveragePool", signal.name))
        self._node("MatMul", flat, self._constant(queue.take_projection().matrix), output="embeddings")
        graph = helper.make_graph(
            self.nodes,
            "dlib_face_recognition_resnet_model_v1",
            [helper.make_tensor_value_info("chips", TensorProto.UINT8, ["N", CHIP_SIZE, CHIP_SIZE, 3])],
            [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["N", DIMENSION])],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        model.ir_version = 8
        checker.check_model(model)
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def _normalized_chips(self, float_type: int) -> _Signal:
        mean = np.array(_MEAN_RGB, "f4").reshape(1, 3, 1, 1)
        channels_first = self._node("Transpose", self._node("Cast", "chips", to=float_type), perm=[0, 3, 1, 2])
        centered = self._node("Sub", channels_first, self._constant(mean))
        scaled = self._node("Mul", centered, self._constant(np.array([1 / 256], "f4")))
        return _Signal(scaled, 3, CHIP_SIZE)

    def _residual_block(self, signal: _Signal, queue: _Queue) -> _Signal:
        skip = signal
        signal = self._convolution(signal, queue)
        queue.take_plain("relu_")
        signal = self._convolution(_Signal(self._relu(signal.name), signal.channels, signal.side), queue)
        if queue.next_is("avg_pool_2"):
            queue.take_plain("avg_pool_2")
            pooled = self._node("AveragePool", skip.name, kernel_shape=[2, 2], strides=[2, 2])
            skip = _Signal(pooled, skip.channels, (skip.side - 2) // 2 + 1)
        queue.take_plain("add_prev_", "relu_")
        # dlib adds tensors of different sizes by padding the smaller one with zeros.
        channels, side = max(signal.channels, skip.channels), max(signal.side, skip.side)
        total = self._node("Add", self._padded(signal, channels, side), self._padded(skip, channels, side))
        return _Signal(self._relu(total), channels, side)

    def _convolution(self, signal: _Signal, queue: _Queue) -> _Signal:
        layer = queue.take_convolution()
        filters, _, rows, columns = layer.kernels.shape
        output = self._node(
            "Conv",
            signal.name,
            self._constant(layer.kernels),
            self._constant(layer.bias),
            kernel_shape=[rows, columns],
            strides=[layer.stride] * 2,
            pads=[layer.padding] * 4,
        )
        return _Signal(output, filters, (signal.side + 2 * layer.padding - rows) // layer.stride + 1)

    def _padded(self, signal: _Signal, channels: int, side: int) -> str:
        if (signal.channels, signal.side) == (channels, side):
            return signal.name
        more = side - signal.side
        ends = np.array([0, 0, 0, 0, 0, channels - signal.channels, more, more], "i8")
        return self._node("Pad", signal.name, self._constant(ends))

    def _relu(self, name: str) -> str:
        return self._node("Relu", name)

    def _constant(self, values: NDArray[Any]) -> str:
        from onnx import numpy_helper  # noqa: PLC0415 - as in build

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _node(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        from onnx import helper  # noqa: PLC0415 - as in build

        name = output or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name


class _Queue:
    """Hand out the layers in order and complain when another one was expected."""

    def __init__(self, layers: list[Layer]) -> None:
        self._layers = layers
        self._position = 0

    def next_is(self, name: str) -> bool:
        return self._layers[self._position] == Plain(name)

    def holds_convolution(self) -> bool:
        return isinstance(self._layers[self._position], Convolution)

    def take_plain(self, *names: str) -> None:
        for name in names:
            layer = self._take()
            if layer != Plain(name):
                raise EncoderFormatError(f"expected {name}, found {type(layer).__name__}")

    def take_convolution(self) -> Convolution:
        layer, affine = self._take(), self._take()
        if not isinstance(layer, Convolution) or not isinstance(affine, Affine):
            raise EncoderFormatError("expected a convolution with its affine layer")
        return layer.scaled(affine)

    def take_projection(self) -> Projection:
        layer = self._take()
        if not isinstance(layer, Projection):
            raise EncoderFormatError("expected the projection at the end")
        return layer

    def _take(self) -> Layer:
        if self._position >= len(self._layers):
            raise EncoderFormatError("the network ends too early")
        self._position += 1
        return self._layers[self._position - 1]


def main(arguments: list[str]) -> int:
    """Convert to the path given on the command line and print the hash."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m proctoring.adapters.encoder_onnx PATH\n")
        return 2
    sys.stdout.write(f"{ensure_encoder(Path(arguments[0]))}  {arguments[0]}\n")
    return 0


# Note [dlib's file format]
# The file is a stream of C++ objects without an index. An integer is one byte (low four bits: number of bytes
# that follow, top bit: sign) and these bytes, little-endian. A tensor is the integer 2, four integers for its
# shape, and float32 values. A layer starts with its name, which is preceded by the integer for the name's
# length. All layers, also those without weights, stand in forward order; so a scan for the names rebuilds the
# network.

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
