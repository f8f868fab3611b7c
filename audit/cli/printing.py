"""What commands print without a console: lines and documents, in which nothing commands a terminal."""

from __future__ import annotations

import sys

import typer

from audit.system.control_characters import as_document, shown


def say(text: str, *, err: bool = False) -> None:
    """Print lines."""
    typer.echo(shown(text), err=err)


def put(document: str) -> None:
    """Print a document of JSON on stdout."""
    sys.stdout.write(as_document(document) + "\n")
