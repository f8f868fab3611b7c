"""Synthetic people, written once to a folder of the cache, a million rows at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SEED, CHUNK = 20_260_101, 1_000_000
GROUPS = ("race", "sex", "age")
LEVELS = {
    "race": ("asian", "black", "hispanic", "native", "pacific", "white"),
    "sex": ("female", "male"),
    "age": ("0-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65-74", "75-84", "85+"),
}
OFFICES = ("north", "east", "south", "west", "centre")
EIGHT = (2, 3, 4, 5, 6, 6, 8, 9)
"""Levels of the attributes of the wide table."""
WIDE = tuple(f"attribute{i}" for i in range(len(EIGHT)))


def people(cache: Path, rows: int) -> Path:
    """Race, sex, age band, label and prediction: what an audit of rates reads."""
    return _written(cache / f"people-{rows}.parquet", rows, _people)


def scored(cache: Path, rows: int) -> Path:
    """The same with a score, no two of which are alike, and an office."""
    return _written(cache / f"scored-{rows}.parquet", rows, _scored)


def wide(cache: Path, rows: int) -> Path:
    """Eight attributes, label and prediction."""
    return _written(cache / f"wide-{rows}.parquet", rows, _wide)


def _written(path: Path, rows: int, columns: Callable[[np.random.Generator, int], dict[str, pa.Array]]) -> Path:
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    rng, unfinished, writer = np.random.default_rng([SEED, rows]), path.with_suffix(".part"), None
    for start in range(0, rows, CHUNK):
        chunk = pa.table(columns(rng, min(CHUNK, rows - start)))
        writer = writer or pq.ParquetWriter(unfinished, chunk.schema)
        writer.write_table(chunk)
    writer.close()
    return unfinished.rename(path)


def _text(codes: np.ndarray, levels: tuple[str, ...]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8)), pa.array(levels)).cast(pa.string())


def _decisions(rng: np.random.Generator, lean: np.ndarray) -> dict[str, pa.Array]:
    """Label and prediction; both depend a little on the group, so that there is something to find."""
    label = rng.random(lean.size) < 0.35 + 0.02 * lean
    chance = np.where(label, 0.75 + 0.01 * lean, 0.15 + 0.015 * lean)
    return {
        "label": pa.array(label.astype(np.int8)),
        "prediction": pa.array((rng.random(lean.size) < chance).astype(np.int8)),
    }


def _people(rng: np.random.Generator, n: int) -> dict[str, pa.Array]:
    codes = {c: rng.integers(0, len(levels), n) for c, levels in LEVELS.items()}
    texts = {c: _text(codes[c], LEVELS[c]) for c in GROUPS}
    return texts | _decisions(rng, codes["race"] + codes["sex"])


def _scored(rng: np.random.Generator, n: int) -> dict[str, pa.Array]:
    found = _people(rng, n)
    score = 0.2 * found["label"].to_numpy() + 0.8 * rng.random(n)
    return found | {"score": pa.array(score), "office": _text(rng.integers(0, len(OFFICES), n), OFFICES)}


def _wide(rng: np.random.Generator, n: int) -> dict[str, pa.Array]:
    codes = [rng.integers(0, k, n) for k in EIGHT]
    texts = {w: _text(c, tuple(f"level{j}" for j in range(k))) for w, c, k in zip(WIDE, codes, EIGHT, strict=True)}
    return texts | _decisions(rng, codes[4] + codes[0])
