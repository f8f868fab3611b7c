"""One check of the data, asked of frames or files as the audit itself asks it."""

from __future__ import annotations

from audit.checks.part import open_parts
from audit.checks.registry import kinds
from audit.config.read import build
from audit.counting.backends.choose import count
from audit.counting.plan import Counted
from audit.pipeline.plans import make_scope, plan_data
from audit.tables.open import open_frame, open_table


def found(code, train, test=None, **data):
    """Outcomes of one code over all parts."""
    config = build({"data": {"source": "memory", **data}}, "a test")
    return asked(code, {"train": train, **({} if test is None else {"test": test})}, config)


def asked(code, parts, config):
    """Outcomes of one code for a question of any kind."""
    (kind,) = [k for k in kinds() if k.code == code]
    tables = {part: open_frame(rows) if hasattr(rows, "columns") else open_table(rows) for part, rows in parts.items()}
    counts = {part: _counted(table, config) for part, table in tables.items()}
    with open_parts(tables, config, plan_data(config), make_scope(config), counts) as looked:
        return [check for part in looked for check in kind.find(part)]


def _counted(table, config):
    plan = plan_data(config)
    if plan.groups or plan.label is not None:
        return count(table, plan, config.data.engine, None)
    rows = len(table.to_pandas([next(iter(table.columns))]))
    return Counted(cubes=(), rows_read=rows, rows_excluded={}, rows_without_group={})
