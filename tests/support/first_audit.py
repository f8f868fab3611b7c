"""The notebook ``docs/first-audit.ipynb``: run it as it stands, and keep what it shows; ``make notebook`` writes it anew.

Run with ``python tests/support/first_audit.py [FILE]``. What differs from run to run is not kept: versions, times, addresses.
Charts are kept as pictures, because no script runs where notebooks are only read.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "first-audit.ipynb"
# Before the first cell and not kept: pictures in place of scripts, and a description in place of the chart's name.
SETUP = """
import altair

def show_picture(spec, **_):
    import io
    from base64 import b64encode

    import vl_convert
    from PIL import Image

    drawn = Image.open(io.BytesIO(vl_convert.vegalite_to_png(spec, scale=1.5))).convert("RGB")
    small = io.BytesIO()
    drawn.quantize(32).save(small, "PNG", optimize=True)
    return {"image/png": b64encode(small.getvalue()).decode(), "text/plain": spec["description"]}

altair.renderers.register("picture", show_picture)
altair.renderers.enable("picture")
"""
ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def execute(path: Path = NOTEBOOK) -> Any:
    """Return the notebook with the outputs of a run of all its cells, in a process of its own.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        When a cell ends in an error.
    """
    # What a reader's own settings say must not change what is kept.
    for name in ("AUDIT_STORE", "IPYTHONDIR", "JUPYTER_CONFIG_DIR"):
        os.environ.pop(name, None)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(SETUP))
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": path.parent}},
        startup_timeout=300,
    )
    client.execute()
    del notebook.cells[0]
    return _tidy(notebook)


def _tidy(notebook: Any) -> Any:
    """Return the notebook without what differs from run to run."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for i, cell in enumerate(codes, start=1):
        cell.execution_count, cell.metadata = i, {}
        for output in cell.outputs:
            output.pop("execution_count", None)
            if output.output_type == "execute_result":
                output.execution_count = i
            if "metadata" in output:
                output.metadata = {}
    for i, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{i:02d}"
    return notebook


def list_texts(notebook: Any) -> list[str]:
    """Return what every cell shows as text, in order; pictures are left to the reader."""
    shown = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {"stream": output.get("text", "")})
            shown += [
                f"{kind}\n{ADDRESS.sub('', text)}" for kind, text in data.items() if not kind.startswith("image/")
            ]
    return shown


def write(notebook: Any, path: Path = NOTEBOOK) -> None:
    """Write the notebook, with one form for the same content."""
    nbformat.validate(notebook)
    path.write_text(nbformat.writes(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else NOTEBOOK
    write(execute(), target)
    sys.stdout.write(f"{target}: {target.stat().st_size / 1000:.0f} kB\n")
