"""Train the full network, its other seeds and four compressed models, and leave ``predictions.parquet``.

``predictions.parquet`` holds the held-out women with their features and the decisions of the other seeds; the models
themselves are left as ONNX files, and the audit runs them. The scale of the features is part of every model.
"""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import pandas as pd
import torch
from network import FOLDER, LABEL, Network, decide, distil, features_of, fit_full, prune_network
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor

SEED, OTHER_SEEDS = 0, (1, 2, 3, 4, 5)
CALIBRATION_ROWS = 2560
LARGEST_BATCH = 200_000


class Calibration(CalibrationDataReader):  # type: ignore[misc] # ships no types
    """Rows by which the static model learns the range of its activations, once."""

    def __init__(self, x: Tensor) -> None:
        self.left = iter([{"x": x[:CALIBRATION_ROWS].numpy()}])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the rows, then None."""
        return next(self.left, None)


def export(model: Network, x: Tensor, name: str) -> None:
    """Write a model as ONNX, for any number of rows a call."""
    rows = torch.export.Dim("batch", min=1, max=LARGEST_BATCH)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about its own libraries
        torch.onnx.export(
            model,
            (x[:8],),
            FOLDER / f"{name}.onnx",
            dynamo=True,
            verbose=False,
            input_names=["x"],
            output_names=["scores"],
            dynamic_shapes=({0: rows},),
            external_data=False,
        )
    drop_notes(name)


def drop_notes(name: str) -> None:
    """Drop from an exported file what its exporter noted of the source code: it is no part of the model."""
    path = FOLDER / f"{name}.onnx"
    model = onnx.load(path)
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    onnx.save(model, path)


def quantise(x: Tensor) -> None:
    """Write the full model with integer weights, its activations scaled while it runs or once and for all."""
    # Beside the models nothing is left, even if a step fails.
    with TemporaryDirectory() as folder:
        quantise_in(Path(folder) / "ready.onnx", x)


def quantise_in(ready: Path, x: Tensor) -> None:
    """Write both quantised models from the full one, which is made ready for it in a file of its own."""
    quant_pre_process(FOLDER / "full.onnx", ready)
    quantize_dynamic(ready, FOLDER / "int8_dynamic.onnx", weight_type=QuantType.QInt8)
    quantize_static(
        ready,
        FOLDER / "int8_static.onnx",
        Calibration(x),
        quant_format=QuantFormat.QDQ,
        per_channel=False,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
    )


def write(table: pd.DataFrame) -> None:
    """Write the table of the held-out women, whole or not at all."""
    spare = FOLDER / "predictions.tmp"
    table.to_parquet(spare, index=False)
    spare.replace(FOLDER / "predictions.parquet")


def main() -> None:
    """Train, compress, write, say what came out."""
    logging.disable(logging.WARNING)  # the quantiser asks for what has been done
    torch.set_num_threads(1)
    train, held_out = (pd.read_parquet(FOLDER / f"{part}.parquet") for part in ("train", "people"))
    x, y, asked = features_of(train), torch.tensor(train[LABEL].to_numpy("int64")), features_of(held_out)
    full = fit_full(x, y, SEED)
    others = {f"seed{seed}": decide(fit_full(x, y, seed), asked) for seed in OTHER_SEEDS}
    models = {"full": full, "pruned": prune_network(full, x, y), "distilled": distil(full, x)}
    for name, model in models.items():
        export(model, x, name)
        right = (decide(model, asked) == held_out[LABEL]).mean()
        print(f"{name}: {right:.1%} right of {len(held_out):,} held-out women", file=sys.stderr)
    quantise(x)
    write(held_out.assign(**others))
    print("Models: full, int8_dynamic, int8_static, pruned, distilled (.onnx)", file=sys.stderr)


if __name__ == "__main__":
    main()
