"""Bad inputs: what is refused, by what words, and that no wrong number comes out of what is accepted."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import audit
from audit.errors import AuditError, InputError

TOLERANCE = 1e-9


def base():
    groups, y, p = [], [], []
    for name, tp, fp in (("a", 45, 35), ("b", 25, 15)):
        groups += [name] * 100
        y += [1] * 50 + [0] * 50
        p += [1] * tp + [0] * (50 - tp) + [1] * fp + [0] * (50 - fp)
    return groups, np.array(y), np.array(p)


def numbers(result, by="group"):
    """spd, di, tprd of a result; None where undefined."""

    def one(metric, compare):
        return next(e for e in result.find(metric, compare, by=[by]) if e.group is None).value

    return {"spd": one("selection_rate", "difference"), "di": one("selection_rate", "ratio"),
            "tprd": one("true_positive_rate", "difference")}  # fmt: skip


GATES = [{"metric": "selection_rate", "compare": "difference", "max": 0.1}, {"metric": "selection_rate", "compare": "ratio", "min": 0.8},
         {"metric": "true_positive_rate", "compare": "difference", "max": 0.1}]  # fmt: skip


def run(groups, y, p, **more):
    return audit.measure(y, p, groups={"group": groups}, gates=GATES, **more)


def test_the_control_gives_the_truth_and_fails():
    result = run(*base())
    assert numbers(result) == pytest.approx({"spd": 0.4, "di": 0.5, "tprd": 0.4}, abs=TOLERANCE)
    assert result.verdict == "fail"


REFUSED = {
    "None in predictions": (lambda g, y, p: (g, y, np.where(np.arange(200) < 40, None, p)), {}, "missing|null"),
    "NaN in predictions": (lambda g, y, p: (g, y, np.where(np.arange(200) < 40, np.nan, p)), {}, "missing|NaN"),
    "NaN in labels": (lambda g, y, p: (g, np.where(np.arange(200) < 40, np.nan, y), p), {}, "missing|NaN"),
    "yes and no without a positive": (lambda g, y, p: (g, np.where(y, "yes", "no"), np.where(p, "yes", "no")), {}, "positive"),
    "labels -1 and 1": (lambda g, y, p: (g, 2 * y - 1, 2 * p - 1), {}, "positive"),
    "mixed case labels": (lambda g, y, p: (g, np.where(y, np.where(np.arange(200) % 2, "Yes", "yes"), "no"), np.where(p, "yes", "no")), {"positive": "yes"}, "case"),
    "a third class in predictions": (lambda g, y, p: (g, y, np.where(np.arange(200) == 7, 2, p)), {}, "not a value of the label"),
    "probabilities as predictions": (lambda g, y, p: (g, y, p * 0.8 + 0.1), {}, "score"),
    "infinite score": (lambda g, y, p: (g, y, None), {"score": np.where(np.arange(200) == 0, np.inf, 0.3)}, "inf|finite"),
    "NaN score": (lambda g, y, p: (g, y, None), {"score": np.where(np.arange(200) == 0, np.nan, 0.3)}, "missing|NaN"),
    "text score": (lambda g, y, p: (g, y, None), {"score": ["high"] * 200}, "not a number"),
    "negative weights": (lambda g, y, p: (g, y, p), {"weight": np.where(np.arange(200) < 30, -1.0, 1.0)}, "weight.*negative"),
    "NaN weight": (lambda g, y, p: (g, y, p), {"weight": np.where(np.arange(200) < 1, np.nan, 1.0)}, "weight.*missing"),
    "infinite weight": (lambda g, y, p: (g, y, p), {"weight": np.where(np.arange(200) < 1, np.inf, 1.0)}, "weight.*infinite"),
    "reference that is not there": (lambda g, y, p: (g, y, p), {"reference": "A "}, "reference.*'A '"),
    "positive that is not there": (lambda g, y, p: (g, np.where(y, " >50K", " <=50K"), np.where(p, " >50K", " <=50K")), {"positive": ">50K"}, "positive"),
    "lengths that differ": (lambda g, y, p: (g, y, p[:-1]), {}, "length"),
    "100 000 levels": (lambda g, y, p: ([f"g{i}" for i in range(100_000)], np.arange(100_000) % 2, np.arange(100_000) % 2), {}, "too many levels"),
    "an identifier": (lambda g, y, p: (list(range(200)), y, p), {}, "identifier"),
    "dates": (lambda g, y, p: (pd.date_range("1950-01-01", periods=200, freq="97D"), y, p), {}, "date|time"),
    "lists": (lambda g, y, p: ([["a"]] * 200, y, p), {}, "kind other|list"),
    "mixed 1 and '1'": (lambda g, y, p: ([1 if x == "a" else "1" for x in g], y, p), {}, "mix|type"),
    "nobody at all": (lambda g, y, p: ([], np.array([], int), np.array([], int)), {}, "no rows"),
    "groups as a string": (lambda g, y, p: (None, y, p), {"groups": "race"}, "groups must be"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "more", "says"), REFUSED.values(), ids=REFUSED)
def test_refused_by_name(change, more, says):
    g, y, p = change(*base())
    more = dict(more)
    groups = more.pop("groups", {"group": g})
    with pytest.raises(InputError, match=f"(?i){says}") as caught:
        audit.measure(y, p, groups=groups, **more)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


RIGHT = {
    "digits as text": (lambda g, y, p: (g, y.astype(str), p.astype(str)), {}),
    "floats against integers": (lambda g, y, p: (g, y.astype(float), p), {}),
    "booleans": (lambda g, y, p: (g, y.astype(bool), p.astype(bool)), {}),
    "yes and no with a positive": (lambda g, y, p: (g, np.where(y, "yes", "no"), np.where(p, "yes", "no")), {"positive": "yes"}),
    "labels -1 and 1 with a positive": (lambda g, y, p: (g, 2 * y - 1, 2 * p - 1), {"positive": 1}),
    "small unsigned integers": (lambda g, y, p: (g, y.astype(np.int8), p.astype(np.uint8)), {}),
    "int32 weights over 2^31": (lambda g, y, p: (g, y, p), {"weight": np.full(200, 50_000_000, dtype=np.int32)}),
    "ids over 2^53": (lambda g, y, p: (np.array([2**53 if x == "a" else 2**53 + 1 for x in g]), y, p), {}),
    "a score": (lambda g, y, p: (g, y, None), {"score": base()[2] * 0.8 + 0.1}),
    "duplicate index": (lambda g, y, p: (pd.Series(g, index=[0, 1] * 100), pd.Series(y, index=[0, 1] * 100), pd.Series(p, index=[0, 1] * 100)), {}),
    "categories": (lambda g, y, p: (pd.Categorical(g, categories=["z", "b", "a"]), y, p), {}),
}  # fmt: skip


@pytest.mark.parametrize(("change", "more"), RIGHT.values(), ids=RIGHT)
def test_the_right_number(change, more):
    result = run(*change(*base()), **more)
    assert numbers(result) == pytest.approx({"spd": 0.4, "di": 0.5, "tprd": 0.4}, abs=TOLERANCE)
    assert result.verdict == "fail"


NAMES = [
    ("\u202egnp.elam", "\u05d6\u05db\u05e8"), ("<script>document.title='x'</script>", '"><img src=x onerror=alert(1)>'),
    ("|x|\n\n# PASSED", "[ok](javascript:alert(1))"), ("=cmd|' /C calc'!A0", "@SUM(1+1)"), ("\x1b[2J\x1b[31mPASS\x1b[0m", "\x1b]0;pwn\x07"),
    ("x\nGATE: PASS", "y\x00z"), ("A" * 10_000, "B" * 10_000), ("", " "), ("NA", "None"), ("nan", "null"), ("'; DROP TABLE runs; --", '" OR 1=1 --'),
]  # fmt: skip


@pytest.mark.parametrize("names", NAMES, ids=lambda n: repr(n[0][:20]))
def test_names_are_data_and_nothing_else(names):
    g, y, p = base()
    result = run([names[0] if x == "a" else names[1] for x in g], y, p)
    assert numbers(result) == pytest.approx({"spd": 0.4, "di": 0.5, "tprd": 0.4}, abs=TOLERANCE)
    for gate in result.gates:
        assert gate.sentence.isprintable()
    html = result._repr_html_()
    assert "<script" not in html
    assert "<img" not in html
    assert "\x1b" not in html


def test_rows_without_a_group_are_counted_and_shown():
    g, y, p = base()
    g[0:10] = [None] * 10
    result = run(g, y, p)
    assert result.data[0].rows_without_group == {"group": 10}
    assert result.data[0].rows_read == 200 == result.data[0].rows_used + sum(result.data[0].rows_excluded.values())
    assert result.find("selection_rate", by=["group"], group=[None])[0].n == 10
    assert any(c.code == "DV001" and c.outcome == "warn" for c in result.checks)
    assert result.verdict == "fail"


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_every_kind_of_missing_is_missing(missing):
    g, y, p = base()
    g[0:10] = [missing] * 10
    assert run(pd.Series(g, dtype=object), y, p).data[0].rows_without_group == {"group": 10}


def test_a_group_column_with_nobody_in_a_group():
    _, y, p = base()
    try:
        result = run([None] * 200, y, p)
    except AuditError:
        return
    assert result.verdict == "undefined"


def test_a_group_without_positives_is_undefined_and_never_passes():
    g, y, p = base()
    y[100:] = 0
    result = run(g, y, p)
    assert numbers(result)["tprd"] is None
    assert next(g for g in result.gates if "true_positive_rate" in g.name).verdict == "undefined"
    p[0:50] = 0
    assert numbers(run(g, y, p))["tprd"] is None


def test_nobody_selected_is_no_ratio_of_one():
    g, y, p = base()
    result = run(g, y, 0 * p)
    assert numbers(result) == {"spd": 0.0, "di": None, "tprd": 0.0}
    assert result.verdict in {"undefined", "insufficient"}


def test_one_group_is_undefined():
    _, y, p = base()
    assert run(["a"] * 200, y, p).verdict == "undefined"


def test_an_unfairly_treated_small_group_is_seen():
    g, y, p = base()
    for values in (y, p):
        values[100:] = values[:100]
    g, y, p = [*g, *["c"] * 29], np.append(y, [1] * 15 + [0] * 14), np.append(p, [0] * 29)
    result = run(g, y, p)
    assert numbers(result) == pytest.approx({"spd": 0.8, "di": 0.0, "tprd": 0.9})
    assert result.verdict == "fail"


def test_look_alike_names_are_flagged():
    g, y, p = base()
    g[45:65] = ["\u0430"] * 20
    warned = [c for c in run(g, y, p).checks if c.code == "DV002" and c.outcome == "warn"]
    assert "look-alike" in warned[0].title


def test_a_group_that_is_the_label_is_flagged():
    _, y, p = base()
    result = run(y.astype(str), y, p)
    assert any(c.code == "DV003" and c.outcome == "warn" for c in result.checks)
    assert all("group_equals_label" in e.flags for e in result.estimates if e.compare == "difference" and e.by)


def test_series_in_another_order_are_refused():
    g, y, p = base()
    order = np.random.default_rng(0).permutation(200)
    with pytest.raises(InputError, match="index"):
        audit.measure(pd.Series(y), pd.Series(p).iloc[order], groups=pd.Series(g, name="group"))


def test_reserved_names_of_groups_are_refused_and_odd_ones_work():
    g, y, p = base()
    with pytest.raises(InputError, match="reserved|name of an argument"):
        audit.measure(y, p, groups=pd.Series(g, name="y_pred"))
    for name in ("group by", "select", "index", 'a"b', "naïve ✓"):
        result = audit.measure(y, p, groups=pd.Series(g, name=name))
        assert numbers(result, name)["spd"] == pytest.approx(0.4)


def test_two_columns_of_one_name_are_refused():
    g, y, p = base()
    frame = pd.DataFrame([g, g]).T.set_axis(["race", "race"], axis=1)
    with pytest.raises(InputError, match="duplicate|two columns"):
        audit.measure(y, p, groups=frame)


def test_shuffled_rows_give_the_same_document():
    g, y, p = base()
    order = np.random.default_rng(2).permutation(200)
    w = np.random.default_rng(3).random(200)
    first = audit.measure(y, p, groups={"group": g}, weight=w)
    again = audit.measure(y[order], p[order], groups={"group": np.array(g)[order]}, weight=w[order])
    for a, b in zip(first.estimates, again.estimates, strict=True):
        assert a.name == b.name
        assert (a.value is None) == (b.value is None)
        assert a.value is None or a.value == b.value


# --- the whole command on hostile files


def load_cases(shared):
    spec = importlib.util.spec_from_file_location("hostile_cases", shared / "hostile" / "cases.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["hostile_cases"] = module
    spec.loader.exec_module(module)
    return module.CASES


def test_every_frame_case_is_acceptable(shared):
    problems = []
    for case in load_cases(shared):
        if case.area == "frame":
            problems += [f"{case.id}: {p}" for p in judged(case)]
    assert not problems


def judged(case):
    """Sentences for what a case must not do."""
    payload = case.build()
    name = payload.get("group_series_name", payload["cols"]["group"])
    groups = payload["group"]
    if payload.get("as_series") or "group_series_name" in payload:
        groups = groups if isinstance(groups, pd.Series) else pd.Series(groups)
    more = {
        k: v
        for k, v in (("weight", payload["weight"]), ("score", payload["score"]), ("positive", payload["pos"]))
        if v is not None
    }
    if payload.get("need_ref"):
        more["reference"] = payload["ref"]
    gates = [dict(g, by=[name]) for g in GATES]
    try:
        result = audit.measure(payload["y_true"], payload["y_pred"], groups={name: groups}, gates=gates, **more)
    except AuditError as error:
        if "error" not in case.accept:
            yield f"refused: {error}"
        elif case.names and not re.search(case.names, str(error)):
            yield f"the refusal names nothing: {error}"
        return
    fair = case.truth is not None and case.truth["spd"] == 0 and case.truth["di"] == 1
    if result.verdict in {"pass", "waived"} and not fair:
        yield "passed"
    flagged = any(c.outcome == "warn" for c in result.checks) or any(e.flags for e in result.estimates)
    found = numbers(result, name)
    for key, value in found.items():
        truth = (case.truth or {}).get(key)
        if value is None:
            continue
        if "value" in case.accept or "flag" in case.accept:
            if truth is not None and abs(value - truth) > TOLERANCE and not (flagged and "flag" in case.accept):
                yield f"{key} is {value}, the truth is {truth}"
            if "value" not in case.accept and not flagged:
                yield "no flag"
        elif not ("undefined" in case.accept and case.truth and truth is not None and abs(value - truth) <= TOLERANCE):
            yield f"{key} is {value} where no number is acceptable"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the cases' own code leaves a file open
def test_every_file_case_is_acceptable(shared, tmp_path):
    problems = []
    for case in load_cases(shared):
        if case.area != "file":
            continue
        folder = tmp_path / case.id
        folder.mkdir()
        path = case.build(str(folder))
        command = [
            sys.executable,
            "-m",
            "audit",
            "model",
            path,
            "--label",
            "y_true",
            "--prediction",
            "y_pred",
            "--groups",
            "group",
            "--gate",
            "selection_rate ratio >= 0.8",
            "--store",
            str(folder / "store"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        line = done.stderr.strip()
        if done.returncode == 2:
            if "error" not in case.accept:
                problems.append(f"{case.id} refused: {line}")
            elif "\n" in line or (case.names and not re.search(case.names, line)):
                problems.append(f"{case.id} names nothing: {line}")
            if (folder / "store").exists() and any((folder / "store").iterdir()):
                problems.append(f"{case.id} left something in the store")
        elif "value" not in case.accept and "flag" not in case.accept:
            problems.append(f"{case.id} exits {done.returncode}: {line}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("kind", ["list", "tuple", "numpy", "pandas", "polars", "arrow", "categories", "nullable"])
def test_arrays_of_every_library_are_read_alike(kind):
    import polars as pl
    import pyarrow as pa

    g, y, p = base()
    y, p = y.tolist(), p.tolist()
    made = {
        "list": (y, p, {"group": g}),
        "tuple": (tuple(y), tuple(p), {"group": tuple(g)}),
        "numpy": (np.array(y), np.array(p), {"group": np.array(g)}),
        "pandas": (pd.Series(y), pd.Series(p), pd.DataFrame({"group": g})),
        "polars": (pl.Series(y), pl.Series(p), pl.DataFrame({"group": g})),
        "arrow": (pa.array(y), pa.array(p), pa.table({"group": g})),
        "categories": (pd.Series(y), pd.Series(p), pd.Series(pd.Categorical(g), name="group")),
        "nullable": (
            pd.Series(y, dtype="Int64"),
            pd.Series(p, dtype="boolean"),
            pd.Series(g, dtype="string", name="group"),
        ),
    }[kind]
    result = audit.measure(made[0], made[1], groups=made[2])
    assert numbers(result) == pytest.approx({"spd": 0.4, "di": 0.5, "tprd": 0.4}, abs=TOLERANCE)


def test_a_column_vector_is_one_column_and_several_are_refused():
    g, y, p = base()
    want = audit.measure(y, p, groups={"group": g})
    assert audit.measure(y[:, None], p, groups={"group": g}).estimates == want.estimates
    with pytest.raises(InputError, match="dimension"):
        audit.measure(np.column_stack([y, y]), p, groups={"group": g})
