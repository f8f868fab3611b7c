"""What the file of an ONNX model holds: its bytes, its operators, and its stored tensors.

Must not: run a model.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.errors import MissingExtraError, SourceError, printable

CHUNK = 1 << 20
ZIP_LEVEL = 6
"""Default level of zip and gzip."""


@dataclass(frozen=True, slots=True)
class _FileSize:
    """Size of a model's file with its external weights, and the digest of all its bytes."""

    raw: int
    zipped: int
    digest: str


def load_model(path: Path) -> Any:
    """Load an ONNX model with all its weights.

    Raises
    ------
    MissingExtraError
        When onnx is not installed.
    SourceError
        When the file is no ONNX model, or lacks its weights.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise MissingExtraError("onnx", "onnx", error) from error
    if not path.is_file():
        raise SourceError(f"no file '{printable(path)}'; name an ONNX model")
    try:
        model = onnx.load(path)
    except (DecodeError, OSError, ValueError, onnx.checker.ValidationError) as error:
        raise SourceError(f"'{printable(path)}' is no ONNX model ({printable(error, 120)}); export it again") from error
    if not model.graph.node:
        raise SourceError(f"'{printable(path)}' is no ONNX model (it has no operators); export it again")
    return model


def measure_size(path: Path) -> _FileSize:
    """Measure a model's file and the files of its external weights, raw and zipped, in bytes."""
    raw = zipped = 0
    digest = hashlib.sha256()
    for file in (path, *_list_external_files(path)):
        packer = zlib.compressobj(ZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)  # as zip: no header of zlib
        with file.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                raw += len(chunk)
                digest.update(chunk)
                zipped += len(packer.compress(chunk))
        zipped += len(packer.flush())
    return _FileSize(raw, zipped, f"sha256:{digest.hexdigest()}")


def _list_external_files(path: Path) -> tuple[Path, ...]:
    """List the files beside a model that hold its weights."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    names = {
        entry.value
        for tensor in list_tensors(model)
        for entry in tensor.external_data
        if tensor.data_location == onnx.TensorProto.EXTERNAL and entry.key == "location"
    }
    return tuple(path.parent / name for name in sorted(names))


def list_nodes(model: Any) -> Iterator[Any]:
    """Yield every operator of a model, in its branches and functions too."""
    yield from _walk(model.graph.node)
    for function in model.functions:
        yield from _walk(function.node)


def _walk(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        yield node
        for graph in list_graphs(node):
            yield from _walk(graph.node)


def list_graphs(node: Any) -> Iterator[Any]:
    """Yield the graphs inside an operator: branches and bodies of loops."""
    for attribute in node.attribute:
        yield from ([attribute.g] if attribute.HasField("g") else [])
        yield from attribute.graphs


def list_tensors(model: Any) -> Iterator[Any]:
    """Yield every stored tensor: of graphs, dense and sparse, and in the attributes of operators."""
    yield from _list_initial(model.graph)
    for node in list_nodes(model):
        for graph in list_graphs(node):
            yield from _list_initial(graph)
        for attribute in node.attribute:
            yield from ([attribute.t] if attribute.HasField("t") else [])
            yield from attribute.tensors


def _list_initial(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
