"""Files that tools log into: their bytes, packed with gzip or not, and the JSON objects in them.

Must not: know a format of logs, or a benchmark.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from audit.errors import SourceError
from audit.items.item import shown_name
from audit.system.strict_json import NotStrictError, make_decoder

PACKED = ".gz"
MOST_UNPACKED_BYTES = 2**33
"""Bytes that a packed log may unpack to; a larger one is unpacked on purpose, not by accident."""
# Tools write NaN and Infinity where a metric or a likelihood is none.
_DECODER = make_decoder(infinite=True, constants=True)


def find_ending(log: Path) -> str:
    """Return how the name of a log ends, in lower case and without the ending of gzip.

    >>> find_ending(Path("samples.JSONL.gz"))
    '.jsonl'
    """
    return Path(log.name.lower().removesuffix(PACKED)).suffix


def is_packed(log: Path) -> bool:
    """Return whether a log is packed with gzip, by its name."""
    return log.name.lower().endswith(PACKED)


@contextmanager
def open_log(log: Path) -> Iterator[BufferedIOBase]:
    """Open a log for reading, unpacked.

    Raises
    ------
    SourceError
        When it cannot be read, or its packing is damaged.
    """
    shown = shown_name(log)
    try:
        with gzip.open(log, "rb") if is_packed(log) else log.open("rb") as file:
            yield file
    except gzip.BadGzipFile as error:
        raise SourceError(f"{shown} ends in {PACKED} but is not gzip, or is damaged ({error})") from error
    except (EOFError, zlib.error) as error:
        raise SourceError(f"{shown}: the gzip data is truncated or corrupt; copy the file again") from error
    except OSError as error:
        raise SourceError(f"{shown} cannot be read ({error.strerror or error})") from error


def make_size_error(log: Path, most: int) -> SourceError:
    """Return the error for a log that unpacks to more bytes than may be read."""
    return SourceError(f"{shown_name(log)} unpacks to more than {most:,} bytes; unpack it first (gunzip)")


def read_object(data: bytes, where: str, torn: str) -> dict[str, Any]:
    """Return the object that bytes hold as JSON.

    Parameters
    ----------
    where
        File and line, for messages.
    torn
        What may have happened where they hold no whole JSON.

    Raises
    ------
    SourceError
        When they are no JSON, no object, or an object has a key twice, of which either may be meant.
    """
    try:
        value = _DECODER.decode(data.decode(json.detect_encoding(data)))
    except UnicodeDecodeError:
        raise SourceError(f"{where} is not UTF-8; the log is damaged, write it again") from None
    except NotStrictError as error:
        raise SourceError(f"{where}: {error}, and write the log again") from None
    except json.JSONDecodeError as error:
        raise SourceError(f"{where} is not JSON ({error.msg} at character {error.pos + 1}){torn}") from None
    except ValueError:
        # Python refuses to read a whole number of more than 4,300 digits.
        raise SourceError(f"{where} holds a number with too many digits; the log is damaged") from None
    except RecursionError:
        raise SourceError(f"{where} is nested too deeply") from None
    if isinstance(value, list):
        mend = "write one object a line into a .jsonl file (jq -c '.[]')"
        raise SourceError(f"{where} is not an object but a list; {mend}")
    if not isinstance(value, dict):
        raise SourceError(f"{where} is not an object")
    return value
