"""One suite for every engine: the same question gives the same cubes, to the last digit, whoever counts.

Moments of losses agree to 12 digits: logarithms are taken otherwise by Java, numpy and C, and powers of weights times powers
of losses span more binary places than the grid on which they are summed.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import spark_cluster
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people import people
from property_tests import count_examples, some_now
from same_cubes import same

from audit.axes import CubeKind
from audit.counting.backends.choose import choose_engine
from audit.counting.backends.duckdb import DuckEngine
from audit.counting.backends.merge import merge_levels
from audit.counting.count import count_cubes, count_tallies, make_cubes
from audit.counting.kinds.pairs import Pairs
from audit.counting.plan import Plan
from audit.counting.tally import LARGEST_SHIFT, grid_shift, round_to_nearest
from audit.errors import InputError, QuestionError, SourceError, ValuesError
from audit.measurement.measure import of_predictions
from audit.measurement.metrics.pairs import PAIRS, PickedMetric
from audit.measurement.scope import Scope
from audit.tables.open import open_frame, open_table

QUESTIONS = {
    "crossings": Plan(groups=("race", "sex"), intersections=2, label="label", prediction="decision"),
    "bands": Plan(
        groups=("race", "age"), intersections=2, label="label", prediction="decision", bins={"age": (18, 40.5)}
    ),
    "threshold": Plan(groups=("sex",), label="label", score="score", threshold=0.25),
    "weights": Plan(groups=("race", "sex"), intersections=2, label="label", prediction="decision", weight="w"),
    "units": Plan(groups=("race",), label="label", prediction="decision", unit="person"),
    "both": Plan(groups=("sex",), label="label", score="score", weight="w", unit="person"),
    "strata": Plan(groups=("race",), label="label", prediction="decision", strata=("sex",), weight="w"),
    "pairs": Plan(
        groups=("race", "sex"),
        intersections=2,
        label="label",
        score="score",
        threshold=0.25,
        weight="w",
        unit="person",
        kinds={CubeKind.PAIRS: Pairs("decision")},
    ),
    "weighted pairs": Plan(
        groups=("sex",),
        label="label",
        prediction="decision",
        weight="w",
        unit="person",
        kinds={CubeKind.PAIRS: Pairs("earlier")},
    ),
    "plain pairs": Plan(
        groups=("sex",), label="label", prediction="decision", kinds={CubeKind.PAIRS: Pairs("earlier")}
    ),
    "pairs without labels": Plan(groups=("sex",), prediction="label", kinds={CubeKind.PAIRS: Pairs("decision")}),
    "data alone": Plan(groups=("race", "sex"), label="label"),
    "nobody labelled": Plan(groups=("race", "sex")),
    "regression": Plan(groups=("race", "sex"), label="w", prediction="score", task="regression"),
    "weighted regression": Plan(
        groups=("race",), label="w", prediction="score", task="regression", weight="w", unit="person"
    ),
}
HERE = ("pandas", "polars")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "people.parquet"
    people(3000).to_parquet(path)
    return path


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize("engine", HERE)
def test_every_engine_gives_the_same_cubes_from_a_file(table, engine, question):
    same(
        count_cubes(open_table(table), question, choose_engine(engine)),
        count_cubes(open_table(table), question, DuckEngine()),
    )


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize("engine", HERE)
def test_every_engine_gives_the_same_cubes_from_a_frame(engine, question):
    frame = people(700, seed=3)
    same(
        count_cubes(open_frame(frame), question, choose_engine(engine)),
        count_cubes(open_frame(frame), question, DuckEngine()),
    )


@pytest.mark.parametrize("engine", HERE)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["a", "B", " a", "NA", "", None]),
            st.sampled_from([0, 1]),
            st.floats(0, 1e12, allow_nan=False),
            st.integers(-5, 5),
        ),
        min_size=1,
        max_size=30,
    )
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_odd_names_weights_and_units_are_the_same_everywhere(engine, rows):
    g, y, w, who = zip(*rows, strict=True)
    frame = pd.DataFrame({"g": pd.Series(g, dtype=object), "y": y, "w": w, "who": who})
    plan = Plan(groups=("g",), label="y", weight="w", unit="who")
    try:
        expected = count_cubes(open_frame(frame), plan, DuckEngine())
    except InputError as refused:
        with pytest.raises(type(refused), match="^" + __import__("re").escape(str(refused)) + "$"):
            count_cubes(open_frame(frame), plan, choose_engine(engine))
        return
    same(count_cubes(open_frame(frame), plan, choose_engine(engine)), expected)


@pytest.mark.parametrize("engine", ["duckdb", *HERE])
@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (Plan(groups=("sex",), label="label", weight="bad"), "weight 'bad' is negative in 1 of"),
        (Plan(groups=("sex",), label="label", score="holes"), "score 'holes' is missing .* in 2 of"),
        (Plan(groups=("sex",), label="label", score="far"), "score 'far' is infinite .* in 1 of"),
        (Plan(groups=("sex",), label="label", unit="nobody"), "unit 'nobody' is missing .* in 1 of"),
        (Plan(groups=("rcae",), label="label"), "did you mean 'race'"),
    ],
    ids=["negative", "missing", "infinite", "unit", "typo"],
)
def test_every_engine_refuses_in_the_same_words(engine, plan, says):
    frame = people(300).assign(bad=1.0, holes=0.5, far=0.5, nobody="x")
    frame.loc[3, "bad"], frame.loc[[4, 5], "holes"], frame.loc[6, "far"], frame.loc[7, "nobody"] = (
        -1,
        None,
        np.inf,
        None,
    )
    with pytest.raises(InputError, match=says):
        count_cubes(open_frame(frame), plan, choose_engine(engine))


@pytest.mark.parametrize("engine", ["duckdb", *HERE])
@pytest.mark.parametrize("name", some_now(["both", "weighted pairs", "pairs", "crossings", "weights", "strata"], 2))
@given(cut=st.integers(1, 799), seed=st.integers(0, 50))
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_parts_add_up_to_the_whole_to_the_last_digit(engine, name, cut, seed):
    from dataclasses import replace

    plan, frame = replace(QUESTIONS[name], of_parts=True), people(800, seed)
    whole, *parts = (
        count_tallies(open_frame(f), plan, choose_engine(engine)) for f in (frame, frame[:cut], frame[cut:])
    )
    same(make_cubes(parts[0] + parts[1], plan), make_cubes(whole, plan))
    same(make_cubes(parts[1] + parts[0], plan), make_cubes(whole, plan))


def measure_changes(counted):
    """Return the changes of shares whose rows each decision picks, as they are recorded."""
    cubes = {CubeKind.CROSSINGS: counted.cubes, **counted.further}
    found = of_predictions("classification", cubes, Scope(groups=("sex",)))
    names = [metric.name for metric in PAIRS if isinstance(metric, PickedMetric)]
    made = {name: [repr(e) for e in found.about(name)] for name in names}
    assert len(made) == 4
    assert all(len(estimates) > 6 for estimates in made.values())
    return made


@pytest.mark.parametrize("engine", ["duckdb", *HERE])
@pytest.mark.parametrize("name", ["weighted pairs", "plain pairs"])
def test_changes_of_precision_and_its_like_are_the_same_by_every_engine_and_in_shards(engine, name):
    from dataclasses import replace

    frame, plan = people(800, seed=5), replace(QUESTIONS[name], of_parts=True)
    whole = measure_changes(count_cubes(open_frame(frame), QUESTIONS[name], DuckEngine()))
    assert measure_changes(count_cubes(open_frame(frame), QUESTIONS[name], choose_engine(engine))) == whole
    shards = [count_tallies(open_frame(f), plan, choose_engine(engine)) for f in (frame[:111], frame[111:])]
    assert measure_changes(make_cubes(shards[1] + shards[0], plan)) == whole


def test_what_depends_on_the_whole_table_is_not_counted_in_parts():
    from dataclasses import replace

    with pytest.raises(QuestionError, match="regression cannot be counted in parts"):
        count_tallies(open_frame(people(50)), replace(QUESTIONS["regression"], of_parts=True), DuckEngine())
    frame = people(300).assign(score=lambda f: f.score * 700)
    with pytest.raises(ValuesError, match="same bins only if scores lie between 0 and 1"):
        count_tallies(open_frame(frame), replace(QUESTIONS["threshold"], of_parts=True), DuckEngine())


@given(st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=50), st.randoms())
@settings(max_examples=count_examples(100), deadline=None)
def test_an_exact_sum_is_the_nearest_double_in_any_order(values, order):
    from fractions import Fraction

    shift = grid_shift(max(map(abs, values)))
    whole = [int(v * 2.0**shift) for v in values]
    order.shuffle(whole)
    exact = sum((Fraction(v) for v in values), Fraction(0))
    cut_off = max(max(map(abs, values)) * 2.0**-84, 2.0**-LARGEST_SHIFT)
    assert round_to_nearest(sum(whole), shift) == pytest.approx(float(exact), rel=1e-15, abs=len(values) * cut_off)


def test_weights_of_any_size_are_summed_alike_whatever_the_threads(tmp_path):
    rng = np.random.default_rng(5)
    n = 400_000
    pq.write_table(pa.table({"g": rng.choice(["a", "b"], n), "y": rng.integers(0, 2, n), "w": rng.lognormal(0, 4, n)}),
                   tmp_path / "w.parquet", row_group_size=10_000)  # fmt: skip
    plan = Plan(groups=("g",), label="y", weight="w")
    first, *rest = (count_cubes(open_table(tmp_path / "w.parquet"), plan, DuckEngine()) for _ in range(4))
    for again in rest:
        same(first, again)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with spark_cluster.cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    for i in range(4):
        people(500, seed=i).to_parquet(folder / f"part-{i}.parquet", row_group_size=200)
    return folder


@pytest.fixture(scope="class")
def spark(cluster):
    from audit.counting.backends.spark import session

    with session(cluster.master) as spark:
        assert spark.sparkContext.master == cluster.master
        yield choose_engine("spark", cluster.master)


@pytest.mark.slow
class TestOnACluster:
    """Of two workers, in one session: to start one takes longer than all questions together."""

    @pytest.mark.parametrize("name", some_now(["plain pairs", "pairs", "crossings", "units"], 1))
    def test_it_gives_the_same_cubes(self, spark, parts, name):
        table = open_table(parts / "part-*.parquet")
        same(count_cubes(table, QUESTIONS[name], spark), count_cubes(table, QUESTIONS[name], DuckEngine()))

    def test_it_keeps_classes_of_text_apart(self, spark, tmp_path):
        classes = Plan(groups=("g",), label="y", prediction="p", classes=True, task="multiclass")
        frame = pd.DataFrame(
            {"y": ["01", "1", "2", "1E5"] * 4, "p": ["1", "1", "2", "100000"] * 4, "g": ["a", "b"] * 8}
        )
        frame.to_parquet(tmp_path / "text.parquet")
        frame.assign(p=frame.p.astype(int)).to_parquet(tmp_path / "numbers.parquet")
        table = open_table(tmp_path / "text.parquet")
        found = count_cubes(table, classes, spark)
        same(found, count_cubes(table, classes, DuckEngine()))
        assert found.cubes[0].axis("label").levels == ("01", "1", "2", "1E5")
        with pytest.raises(ValuesError, match="'01' and '1' mean the same class"):
            count_cubes(open_table(tmp_path / "numbers.parquet"), classes, spark)

    def test_it_counts_a_joined_level(self, spark, tmp_path):
        races = ["white"] * 50 + ["Asian"] * 6 + ["Inuit"] * 3 + [None] * 2
        pd.DataFrame({"race": races, "y": [i % 2 for i in range(61)]}).to_parquet(tmp_path / "races.parquet")
        joined = merge_levels(
            open_table(tmp_path / "races.parquet"), {"race": {"Asian": "other", "Inuit": "other"}}, "spark"
        )
        (cube,) = count_cubes(joined, Plan(groups=("race",), label="y"), spark).cubes
        kept = cube.keep("race")
        counted = dict(zip(kept.axis("race").levels, kept["n"].tolist(), strict=True))
        assert counted == {"other": 9, "white": 50, None: 2}


@pytest.mark.slow
def test_a_cluster_gives_the_same_cubes_for_every_question(cluster, parts):
    from audit.counting.backends.spark import session

    table = open_table(parts / "part-*.parquet")
    with session(cluster.master):
        for question in QUESTIONS.values():
            spark_count = count_cubes(table, question, choose_engine("spark", cluster.master))
            same(spark_count, count_cubes(table, question, DuckEngine()), rel=1e-12)


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_time_and_no_row(cluster, parts):
    from audit.counting.backends.spark import session

    table = open_table(parts / "part-*.parquet")
    with session(cluster.master):
        before = count_cubes(table, QUESTIONS["crossings"], choose_engine("spark", cluster.master))
        cluster.kill(cluster.workers[0])
        after = count_cubes(table, QUESTIONS["bands"], choose_engine("spark", cluster.master))
    same(before, count_cubes(table, QUESTIONS["crossings"], DuckEngine()))
    same(after, count_cubes(table, QUESTIONS["bands"], DuckEngine()))
    cluster.workers[0] = cluster.add_worker(9)


@pytest.mark.slow
def test_a_cluster_without_workers_is_told_and_not_waited_for(tmp_path, parts, monkeypatch):
    from audit.counting.backends import spark

    monkeypatch.setattr(spark, "WITHOUT_WORKERS_S", 6.0)
    with spark_cluster.cluster(tmp_path, workers=0) as empty, pytest.raises(SourceError, match="has had no worker"):
        count_cubes(open_table(parts / "part-*.parquet"), QUESTIONS["crossings"], choose_engine("spark", empty.master))


def test_a_master_that_is_not_there_is_refused_at_once(parts):
    spark_cluster.require()
    master = f"spark://127.0.0.1:{spark_cluster.free_port()}"
    with pytest.raises(SourceError, match="no Spark master answers"):
        count_cubes(open_table(parts / "part-*.parquet"), QUESTIONS["crossings"], choose_engine("spark", master))


@pytest.mark.slow
def test_a_part_that_breaks_on_the_cluster_is_named_and_nothing_is_counted(cluster, tmp_path):
    for i in range(2):
        people(20_000, seed=i).to_parquet(tmp_path / f"part-{i}.parquet")
    table = open_table(tmp_path / "part-*.parquet")
    broken = tmp_path / "part-1.parquet"
    data = bytearray(broken.read_bytes())
    data[100:60_000] = bytes(59_900)
    broken.write_bytes(data)
    with pytest.raises(SourceError, match=r"nothing of it was.*part-1|changed while"):
        count_cubes(table, QUESTIONS["crossings"], choose_engine("spark", cluster.master))


def test_spark_reads_parquet_alone(tmp_path):
    people(20).to_csv(tmp_path / "people.csv", index=False)
    with pytest.raises(SourceError, match="engine spark reads Parquet"):
        count_cubes(open_table(tmp_path / "people.csv"), QUESTIONS["crossings"], choose_engine("spark"))
