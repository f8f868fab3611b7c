"""DuckDB's extension httpfs: loaded where it is installed, and given the credentials of the environment.

Must not: install anything; print or keep a credential.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import duckdb

from audit.errors import SourceError
from audit.tables.addresses import Address
from audit.tables.formats.parquet import literal

AMAZON = {"s3", "s3a", "s3n"}
SECRET = "evenhand_s3"  # noqa: S105 - the name of a secret, not one
KEY, KEY_SECRET, ENDPOINT = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"
OPTIONS = {
    "KEY_ID": (KEY,),
    "SECRET": (KEY_SECRET,),
    "SESSION_TOKEN": ("AWS_SESSION_TOKEN",),
    "REGION": ("AWS_REGION", "AWS_DEFAULT_REGION"),
}
CREDENTIALS = f"give credentials in {KEY} and {KEY_SECRET} (s3), or as a secret of DuckDB (CREATE PERSISTENT SECRET)"


def ready(con: duckdb.DuckDBPyConnection, place: str, shown: str) -> None:
    """Make a connection able to read an address.

    Raises
    ------
    SourceError
        When the extension is not installed, saying how to install it; or when the environment says half of a key.
    """
    try:
        con.execute("SET autoinstall_known_extensions = false")
        con.execute(f"LOAD {_extension()}")
    except duckdb.Error:
        version = duckdb.__version__
        raise SourceError(
            f"{shown} is an address, which DuckDB's extension httpfs reads, and that is not installed; an audit "
            "downloads nothing by itself: run python -c \"import duckdb; duckdb.sql('INSTALL httpfs')\", or "
            f"pip install duckdb-extension-httpfs=={version} (if there is one for this DuckDB), or fetch the file and "
            "name its path"
        ) from None
    if place.partition(":")[0] in AMAZON:
        _hand_over(con)


def _extension() -> str:
    """What to load: the file of the Python package where it is for this DuckDB, else what DuckDB has installed."""
    spec = importlib.util.find_spec("duckdb_extension_httpfs")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        file = Path(folder) / "extensions" / f"v{duckdb.__version__}" / "httpfs.duckdb_extension"
        if file.is_file():
            return literal(str(file))
    return "httpfs"


def _hand_over(con: duckdb.DuckDBPyConnection) -> None:
    """Give DuckDB the credentials of the environment, for this process alone; what it keeps itself is left as it is."""
    values = {o: next((v for n in names if (v := os.environ.get(n))), None) for o, names in OPTIONS.items()}
    given = {option: value for option, value in values.items() if value is not None}
    if ("KEY_ID" in given) != ("SECRET" in given):
        raise SourceError(f"{KEY} and {KEY_SECRET} belong together; set both, or neither")
    options = [f"{option} {literal(value)}" for option, value in given.items()] + _endpoint()
    try:
        con.execute(f"DROP TEMPORARY SECRET IF EXISTS {SECRET}")
        if options:
            con.execute(f"CREATE TEMPORARY SECRET {SECRET} (TYPE s3, {', '.join(options)})")
    except duckdb.Error as error:
        kind = type(error).__name__  # its words hold the credentials
        raise SourceError(f"DuckDB does not take the credentials of the environment ({kind}); check AWS_*") from None


def _endpoint() -> list[str]:
    text = os.environ.get(ENDPOINT)
    if not text:
        return []
    endpoint = Address.read(text if "://" in text else f"https://{text}")
    if endpoint.user or endpoint.query or endpoint.path.strip("/") or endpoint.scheme not in {"http", "https"}:
        raise SourceError(f"{ENDPOINT} is no plain address such as https://minio.example.org:9000; mend it")
    ssl = str(endpoint.scheme == "https").lower()
    return [f"ENDPOINT {literal(endpoint.host)}", f"USE_SSL {ssl}", "URL_STYLE 'path'"]
