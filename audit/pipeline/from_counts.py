"""An audit of counts that were made elsewhere: the same document as an audit of the rows themselves.

Must not: read rows.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from audit._version import __version__
from audit.axes import AGAINST, LABEL, NEGATIVE, POSITIVE, PREDICTION, CubeKind
from audit.config.read import build
from audit.config.written_limits import Gates, read_rules
from audit.counting.backends.merge import name_values
from audit.counting.cells import Account
from audit.counting.plan import Counted
from audit.cube import Cube
from audit.errors import ValuesError
from audit.measurement.epochs import occupied
from audit.pipeline.plans import plan_predictions
from audit.pipeline.run import conclude, now
from audit.pipeline.stages import Findings, measure_model
from audit.record.result import AuditResult, Part, Run
from audit.tables.python_values import make_merge, make_plain, make_policy, make_reference, to_plain
from audit.tables.python_values import require_names as names_of

SOURCE = "counts of the training loop"


def result_of(
    account: Account,
    decided: Cube,
    *,
    reference: Any = None,
    intersections: int = 1,
    confidence: float = 0.95,
    compare_to: str | Sequence[str] = (),
    gates: Gates = (),
    four_fifths: bool = False,
    least_rows: int = 0,
    merge: Any = None,
) -> AuditResult:
    """Audit groups x label x prediction.

    Parameters
    ----------
    account
        Where every row went.
    decided
        Counts over groups, (earlier prediction,) label and prediction, in this order.
    reference, intersections, confidence, compare_to, gates, four_fifths, least_rows, merge
        As in `audit.measure`.

    Raises
    ------
    ValuesError
        When no row was counted.
    """
    started, cube = now(), occupied(decided)
    if not cube["n"].sum():
        raise ValuesError("no rows were counted; call update for every batch before result")
    names = tuple(name for name in cube.names[:-2] if name != AGAINST)
    paired = AGAINST in cube.names
    two = {*cube.axis(LABEL).levels, *cube.axis(PREDICTION).levels} <= {NEGATIVE, POSITIVE}
    raw: dict[str, Any] = {
        "data": {
            "label": LABEL,
            "groups": names,
            "intersections": to_plain(intersections),
            "unit": "row",
            "merge": make_merge(merge, names),
            "reference_group": make_reference(reference, names),
            "compare_to": names_of(compare_to, "compare_to"),
        },
        "predictions": {
            "source": SOURCE,
            "task": "classification" if two else "multiclass",
            "prediction": PREDICTION,
            **({AGAINST: AGAINST} if paired else {}),
        },
        "policy": make_policy(confidence, four_fifths, least_rows),
    }
    rules = read_rules(make_plain(gates), "model")
    config = build(raw | ({"gates": rules} if rules else {}), "the configuration")
    plan, found = plan_predictions(config), Findings()
    cube = _join_levels(cube, config.data.merged)
    counted = Counted(
        cubes=tuple(cube.keep(*by, LABEL, PREDICTION) for by in plan.crossings),
        further={CubeKind.PAIRS: tuple(cube.keep(*by, LABEL, PREDICTION, AGAINST) for by in plan.crossings if paired)},
        rows_read=account.rows_read,
        rows_excluded=account.rows_excluded,
        rows_without_group={name: account.rows_without_group.get(name, 0) for name in names},
    )
    found.data.append(_part(counted))
    measure_model(counted, plan, config, found, nullcontext)
    run = Run(id=f"memory-{secrets.token_hex(4)}", started=started, finished=now(), version=__version__)
    return conclude(config, found, run)


def _join_levels(cube: Cube, merged: Mapping[str, Mapping[str, str]]) -> Cube:
    """Return the counts with levels joined as rows would have had them joined."""
    for column, targets in merged.items():
        names = name_values(column, [level for level in cube.axis(column).levels if level is not None], targets)
        cube = cube.merge(column, lambda level, names=names: None if level is None else names[level])  # type: ignore[misc]
    return cube


def _part(counted: Counted) -> Part:
    return Part(
        part="predictions",
        source=SOURCE,
        digest=None,
        undigested="rows were counted one batch at a time and not kept",
        rows_read=counted.rows_read,
        rows_used=counted.rows_used,
        rows_excluded=dict(counted.rows_excluded),
        rows_without_group={name: n for name, n in counted.rows_without_group.items() if n},
    )
