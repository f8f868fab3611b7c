"""Which files a source names: one file, a pattern, or a folder with ``key=value`` directories as columns.

Names that begin with ``_`` or ``.`` are left out inside folders and by patterns that do not say them, as Spark does.
Must not: read rows; guess that a value is a number; leave out a file that could hold rows.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from itertools import chain, takewhile
from pathlib import Path
from urllib.parse import unquote_to_bytes

from audit.errors import SourceError, printable
from audit.tables.addresses import hide_secrets
from audit.tables.files import SHOWN_PATH, Part, look, make_unopened_error

# What makes a name a pattern: as in glob, but for a lone closing bracket.
WILD = re.compile(r"[*?\[]")
MOST_PARTS = 10_000
MISSING = "__HIVE_DEFAULT_PARTITION__"
"""How Hive and Spark write a missing value in the name of a folder."""
LOGS = {
    "_delta_log": "a Delta Lake table",
    ".hoodie": "an Apache Hudi table",
    "_spark_metadata": "the output of a Spark stream",
}
"""Folders that say which of the files beside them count; some of the others hold rows that were deleted."""
ICEBERG = "an Apache Iceberg table"


def find_parts(source: str | Path, folder: Path | None) -> tuple[Part, ...]:
    """Return files that a source names, sorted; each looked at but not yet read.

    Raises
    ------
    SourceError
        When there is none, one of them is not a regular file of a known format, or they are no one table.
    """
    text = os.fspath(source)
    shown = printable(hide_secrets(text), SHOWN_PATH)
    if not text.strip() or "\0" in text:
        raise SourceError(f"{shown!r} is not a file name; give the path of a table")
    here = Path(folder or ".")
    path = here / text
    if WILD.search(text) and not os.path.lexists(path):
        fixed = tuple(takewhile(lambda part: not WILD.search(part), Path(text).parts))
        return _unite_parts(_match_files(path, here.joinpath(*fixed), shown), here.joinpath(*strip_keys(fixed)))
    if os.path.isdir(path):  # noqa: PTH112 (a name that is too long is no folder, and Path raises)
        return _list_whole(path, here.joinpath(*strip_keys(Path(text).parts)), shown)
    return (look(path, shown),)


def _match_files(pattern: Path, fixed: Path, shown: str) -> list[Path]:
    """Return files that a pattern matches, and the files of the folders that it matches."""
    said = [p for p in pattern.parts if is_hidden(p)]
    matched = [Path(p) for p in glob.glob(os.fspath(pattern), recursive=True)]  # noqa: PTH207 (Path.glob refuses absolute patterns)
    seen = [p for p in matched if not any(_is_unsaid(part, said) for part in p.relative_to(fixed).parts)]
    found = sorted(set(chain.from_iterable(_visit_inside(p, shown) if p.is_dir() else (p,) for p in seen)))
    if not found:
        where = printable(fixed, SHOWN_PATH)
        left_out = "; names that begin with _ or . are matched only where the pattern says so" if matched else ""
        raise SourceError(f"{shown} matches no file; correct the pattern (it is relative to {where}{left_out})")
    _refuse_many(found, shown)
    return found


def _list_whole(folder: Path, root: Path, shown: str) -> tuple[Part, ...]:
    """Return Parquet files of a folder, at any depth."""
    found = sorted(_visit_inside(folder, shown))
    if not found:
        raise SourceError(
            f"{shown} is a folder without tables; name a folder of Parquet files, a file, or a pattern such "
            f"as '{shown.rstrip('/')}/*.parquet'"
        )
    _refuse_many(found, shown)
    parts = _unite_parts(found, root)
    if parts[0].format != "parquet":
        raise SourceError(
            f"{shown} is a folder of {parts[0].format} files, and a folder is read as Parquet; name its files, such "
            f"as '{shown.rstrip('/')}/*{parts[0].path.suffix}'"
        )
    return parts


def is_hidden(name: str) -> bool:
    """Return whether Spark would leave a name out; ``_key=value`` is a folder of rows."""
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def _is_unsaid(name: str, said: Sequence[str]) -> bool:
    return is_hidden(name) and not any(fnmatch(name, pattern) for pattern in said)


def _visit_inside(folder: Path, shown: str) -> Iterator[Path]:
    left = [folder]
    while left:
        for entry in _list_entries(left.pop()):
            if is_hidden(entry.name):
                continue
            if not entry.is_dir():
                yield Path(entry.path)
                continue
            if entry.is_symlink():
                raise SourceError(
                    f"{printable(entry.path, SHOWN_PATH)} is a link to a folder, whose rows may be in {shown} twice; "
                    "name the folders themselves, or remove the link"
                )
            left.append(Path(entry.path))


def _list_entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise make_unopened_error(printable(folder, SHOWN_PATH), error) from None


def _refuse_many(found: Sequence[Path], shown: str) -> None:
    if len(found) > MOST_PARTS:
        raise SourceError(f"{shown} names {len(found):,} files, more than {MOST_PARTS:,}; write fewer, larger files")


def _unite_parts(paths: Sequence[Path], root: Path) -> tuple[Part, ...]:
    """Return parts of one table, with what their folders under a root say; keys that a source names itself count."""
    _refuse_logs(paths, root)
    parts = tuple(look(p, printable(p, SHOWN_PATH)) for p in paths)
    other = next((p for p in parts if p.format != parts[0].format), None)
    if other is not None:
        raise SourceError(f"{other.shown} is {other.format} but {parts[0].shown} is {parts[0].format}; use one format")
    _refuse_twice(parts)
    if parts[0].format != "parquet":
        return parts
    keyed = tuple(_add_keys(part, root) for part in parts)
    refuse_other_keys([(part.shown, part.keys) for part in keyed])
    return keyed


def strip_keys(parts: Sequence[str]) -> tuple[str, ...]:
    """Return names of a path without the ``key=value`` folders that it ends in."""
    keys = len(list(takewhile(lambda part: "=" in part, reversed(parts))))
    return tuple(parts[: len(parts) - keys])


def _refuse_logs(paths: Sequence[Path], root: Path) -> None:
    """Refuse tables of which a log says which files count: all of them together hold rows that were deleted."""
    above = set(chain.from_iterable(p.parents for p in paths))
    folders = {root} | {folder for folder in above if folder.is_relative_to(root)}
    for folder in sorted(folders):
        what = next((LOGS[name] for name in LOGS if os.path.lexists(folder / name)), None)
        if what is None and folder.name == "data" and any((folder.parent / "metadata").glob("*.metadata.json")):
            what = ICEBERG
        if what is not None:
            raise make_log_error(printable(folder, SHOWN_PATH), what)


def make_log_error(shown: str, what: str) -> SourceError:
    """Return the error for a folder with a log beside its files that says which of them count."""
    return SourceError(
        f"{shown} is {what}, whose log says which files are current, and some may hold deleted rows; "
        "write its current rows as Parquet"
    )


def _refuse_twice(parts: Sequence[Part]) -> None:
    first: dict[tuple[int, ...], Part] = {}
    for part in parts:
        same = first.setdefault(part.stamp[:2], part)
        if same is not part:
            raise SourceError(
                f"{part.shown} and {same.shown} are one file by a link; name it once, or rows count twice"
            )


def _add_keys(part: Part, root: Path) -> Part:
    """Return the part with what the folders right above it say."""
    folders = part.path.relative_to(root).parts[:-1]
    keys = read_keys(folders, part.shown)
    if keys:
        return replace(part, keys=keys, base=root.joinpath(*strip_keys(folders)))
    return part


def read_keys(folders: Sequence[str], shown: str) -> tuple[tuple[str, str | None], ...]:
    """Return keys and values of the ``key=value`` folders that a path ends in."""
    keys = tuple(_read_key(folder, shown) for folder in folders[len(strip_keys(folders)) :])
    names = [key.casefold() for key, _ in keys]
    twice = next((key for key, _ in keys if names.count(key.casefold()) > 1), None)
    if twice is not None:
        raise SourceError(f"{shown} lies in two folders of the key '{printable(twice)}'; rename one")
    return keys


def _read_key(folder: str, shown: str) -> tuple[str, str | None]:
    """Return the key and value as a folder says them; a value is a name, and never a number.

    Hive and Spark escape a few ASCII characters (%3D), others write UTF-8 so: both are undone.
    """
    key, _, value = folder.partition("=")
    key, value = _unescape(key, shown), _unescape(value, shown)
    if not key.strip() or not value:
        what = "value" if key.strip() else "key"
        raise SourceError(
            f"{shown} lies in '{printable(folder)}', a key=value folder without a {what}; rename it "
            f"({MISSING} stands for a missing value)"
        )
    return key, None if value == MISSING else value


def _unescape(text: str, shown: str) -> str:
    try:
        found = unquote_to_bytes(text.encode()).decode()
    except UnicodeError:
        raise SourceError(f"{shown}: the name of its folder '{printable(text)}' is not UTF-8; rename it") from None
    if "\0" in found:
        raise SourceError(f"{shown}: the name of its folder '{printable(text)}' holds a NUL; rename it")
    return found


def refuse_other_keys(parts: Sequence[tuple[str, tuple[tuple[str, str | None], ...]]]) -> None:
    """Refuse files, as they are shown, in folders with other keys than those of the first one."""
    first, keys = parts[0]
    wanted = [key for key, _ in keys]
    for shown, other in parts[1:]:
        names = [key for key, _ in other]
        if names != wanted:
            raise SourceError(
                f"{shown} lies in {_spell_names(names)} but {first} in "
                f"{_spell_names(wanted)}{_describe_difference(names, wanted)}; use the same keys for all parts"
            )


def _spell_names(names: Sequence[str]) -> str:
    if names:
        return "folders of the keys " + "/".join(map(printable, names))
    return "no key=value folder"


def _describe_difference(names: Sequence[str], wanted: Sequence[str]) -> str:
    if [n.casefold() for n in names] == [n.casefold() for n in wanted]:
        return " (they differ only in case)"
    return ""
