"""Files that make a CI audit every change, as they ship: written into a folder, and never over another file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from audit.config.read import DEFAULT_NAME
from audit.config.write import save_new
from audit.errors import QuestionError, no_such, printable
from audit.system.environment import find_asset

SHIPPED = "reports/ci"
FILES: Mapping[str, Mapping[str, str]] = {
    "github": {
        "github-audit.yml": ".github/workflows/audit.yml",
        "github-audit-comment.yml": ".github/workflows/audit-comment.yml",
    },
    "gitlab": {"gitlab-ci.yml": ".gitlab-ci.yml"},
    "pre-commit": {"pre-commit-config.yaml": ".pre-commit-config.yaml"},
}
"""Shipped files by the CI that reads them, each with its place in a repository."""


def write_ci_files(ci: str, folder: Path) -> tuple[Path, ...]:
    """Write the files of a CI, all or none, and return their places.

    Parameters
    ----------
    ci
        One of `FILES`.
    folder
        Root of the repository.

    Raises
    ------
    QuestionError
        When there is no such CI, or one of the files exists.
    """
    wanted = find_ci_files(ci, folder)
    for shipped, place in wanted.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        save_new(place, find_asset(f"{SHIPPED}/{shipped}").read_text(encoding="utf-8"))
    return tuple(wanted.values())


def find_ci_files(ci: str, folder: Path) -> dict[str, Path]:
    """Return where each shipped file of a CI goes, after what is there already has been refused.

    Raises
    ------
    QuestionError
        When there is no such CI, or one of the files exists.
    """
    if ci not in FILES:
        raise QuestionError(f"--ci: {no_such('CI', ci, FILES)}")
    wanted = {shipped: folder / place for shipped, place in FILES[ci].items()}
    there = next((place for place in wanted.values() if place.exists() or place.is_symlink()), None)
    if there is not None:
        raise QuestionError(
            f"'{printable(there)}' exists and is not overwritten; run audit init --ci {ci} in an empty folder, and "
            "copy what you need from there"
        )
    for place in wanted.values():
        _require_folders(place)
    return wanted


def _require_folders(place: Path) -> None:
    """Refuse a place in whose path anything but folders lies, such as a link to nowhere."""
    for parent in place.parents:
        if (parent.exists() or parent.is_symlink()) and not parent.is_dir():
            raise QuestionError(
                f"'{printable(parent)}' is no folder, so '{printable(place)}' cannot lie in it; rename it"
            )


def describe_ci_files(places: tuple[Path, ...], folder: Path) -> str:
    """Return what was written, and what is audited by it."""
    written = f"Wrote {' and '.join(map(str, places))}."
    if (folder / DEFAULT_NAME).is_file():
        return f"{written} They audit as {DEFAULT_NAME} says."
    return f"{written} There is no {DEFAULT_NAME} here yet; write it with audit init TABLE"
