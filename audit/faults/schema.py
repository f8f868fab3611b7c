"""JSON Schema of drill.json, made from the classes that write it.

``python -m audit.faults.schema`` prints the file that ships as ``reports/schema/audit-drill-1.schema.json``.

Must not: be imported by what reads a drill.
"""

from __future__ import annotations

import sys

from audit.faults import drill
from audit.record.schema import describe_document, write_schema
from audit.record.serialize import make_adapter


def write_drill_schema() -> str:
    """Return the schema as it is shipped: every field is there, and no other."""
    return write_schema(describe_document(make_adapter(drill.Drill), drill.SCHEMA, (drill,)))


if __name__ == "__main__":
    sys.stdout.write(write_drill_schema())
