"""Schemas of other people's formats, fetched from the registries of packages; none is kept in this repository.

``python tests/support/schemas.py`` fetches them into ``.venv/schemas``, and ``make test`` does so once. A test whose
schema is not there is skipped with the reason; where EVENHAND_NEED_SCHEMAS is set, as in .ci/run, it fails instead.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(os.environ.get("EVENHAND_SCHEMAS", Path(__file__).resolve().parents[2] / ".venv" / "schemas"))
STRICT = bool(os.environ.get("EVENHAND_NEED_SCHEMAS"))


@dataclass(frozen=True, slots=True)
class Schema:
    """One file of a package."""

    name: str
    command: tuple[str, ...]
    """What leaves the package in a folder, by the ordinary client of its registry."""
    member: str
    sha256: str
    """Of the file itself."""


SCHEMAS = {
    schema.name: schema
    for schema in (
        # jenkinsci/xunit-plugin's schema, as pytest ships it with its own tests.
        Schema(
            "junit-10.xsd",
            (sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "pytest", "pytest==9.2.0"),
            "pytest-9.2.0/testing/example_scripts/junit-10.xsd",
            "a1a816f58d1bf95ebabf371994df0b9246dee66ea9572fbec4f9296f1b2c0ff6",
        ),
        Schema(
            "sarif-2.1.0.json",
            ("npm", "pack", "--silent", "@microsoft/jest-sarif@1.0.0-beta.0"),
            "package/lib/schemas/sarif-2.1.0-rtm.5.json",
            "2d99159ae54a3eea97f81781cff48780548657c35949f4b7f25e99a2ba4de4f8",
        ),
        # The checker of accessibility, a script that runs in the page.
        Schema(
            "axe.min.js",
            ("npm", "pack", "--silent", "axe-core@4.11.0"),
            "package/axe.min.js",
            "e9e5863c33a874f09bc01acd9234b7e3c871479f5eef8802fa582544465e6d01",
        ),
    )
}


def find_schema(name: str) -> str:
    """Return the path of a schema; skip the test where it is not there, or fail where it has to be."""
    import pytest

    path = FOLDER / SCHEMAS[name].name
    if not path.is_file():
        reason = f"no {name}; fetch it with: python tests/support/schemas.py"
        if STRICT:
            pytest.fail(reason)
        pytest.skip(reason)
    return str(path)


def fetch(schema: Schema) -> None:
    """Fetch a package by its client, and keep the one file, if it is the one that is meant."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(schema.command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (package,) = Path(folder).iterdir()
        with tarfile.open(package) as archive:
            data = archive.extractfile(schema.member).read()
    found = hashlib.sha256(data).hexdigest()
    if found != schema.sha256:
        raise ValueError(f"{schema.name}: SHA-256 {found}, not {schema.sha256}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / schema.name).write_bytes(data)


def main() -> int:
    """Fetch what is not there; without one of them the tests that need it are skipped."""
    lost = 0
    for schema in SCHEMAS.values():
        if (FOLDER / schema.name).is_file():
            continue
        if shutil.which(schema.command[0]) is None:
            sys.stderr.write(f"no {schema.command[0]}, so no {schema.name}: tests that need it are skipped\n")
            lost += 1
            continue
        try:
            fetch(schema)
        except (OSError, ValueError, KeyError, tarfile.TarError, subprocess.CalledProcessError) as error:
            sys.stderr.write(f"no {schema.name}: {error}; tests that need it are skipped\n")
            lost += 1
    return int(STRICT and lost > 0)


if __name__ == "__main__":
    sys.exit(main())
