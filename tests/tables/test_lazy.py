"""Frames whose rows are not made yet: only what is asked is made, and Spark's rows stay where they are."""

from __future__ import annotations

import duckdb
import polars as pl
import pytest
import spark_cluster
from people import people

import audit
from audit.errors import InputError

ASKED = {"label": "label", "groups": ["race", "sex"], "intersections": 2, "weight": "w", "unit": "person"}


@pytest.fixture(scope="module")
def frame():
    return people(3000)


@pytest.fixture(scope="module")
def expected(frame):
    return audit.check(frame, **ASKED)


def test_a_lazy_frame_gives_what_its_rows_give(frame, expected):
    assert audit.check(pl.from_pandas(frame).lazy(), **ASKED).estimates == expected.estimates


def test_a_lazy_frame_of_a_file_does_too(frame, expected, tmp_path):
    frame.to_parquet(tmp_path / "people.parquet")
    lazy = pl.scan_parquet(tmp_path / "people.parquet").filter(pl.col("age") >= 0)
    assert audit.check(lazy, **ASKED).estimates == expected.estimates


def test_only_the_columns_of_the_question_are_made(frame, expected):
    broken = pl.from_pandas(frame).lazy().with_columns(bad=pl.col("race").str.to_integer(strict=True))
    with pytest.raises(pl.exceptions.PolarsError):
        broken.collect()
    assert audit.check(broken, **ASKED).estimates == expected.estimates


def test_a_query_is_run_once(frame):
    runs = []

    def seen(batch):
        runs.append(len(batch))
        return batch

    lazy = pl.from_pandas(frame).lazy().map_batches(seen)
    audit.check(lazy, **ASKED)
    assert sum(n == len(frame) for n in runs) == 1


def test_relations_of_duckdb_are_lazy_frames(frame, expected):
    relation = duckdb.sql("SELECT * FROM frame")
    assert audit.check(relation, **ASKED).estimates == expected.estimates


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda f: f.with_columns(race=pl.col("race").str.to_integer(strict=True)),
            "the table: its query fails .*invalid digit.*; correct it$",
        ),
        (lambda f: f.select("nobody"), "its query fails .*nobody"),
        (lambda f: f.drop("sex"), "the table: no column 'sex'"),
        (lambda f: pl.scan_parquet("/nowhere/at/all.parquet"), "its query fails .*correct it"),
    ],
    ids=["values", "columns", "column missing", "no file"],
)
def test_a_query_that_fails_is_refused_in_one_line(frame, change, says):
    with pytest.raises(InputError, match=says) as error:
        audit.check(change(pl.from_pandas(frame).lazy()), **ASKED)
    assert "\n" not in str(error.value)


def test_groups_may_be_a_lazy_frame(frame):
    groups = pl.from_pandas(frame[["race", "sex"]])
    lazy = audit.measure(frame.label.to_numpy(), frame.decision.to_numpy(), groups=groups.lazy())
    assert lazy.estimates == audit.measure(frame.label.to_numpy(), frame.decision.to_numpy(), groups=groups).estimates


def test_labels_are_arrays(frame):
    with pytest.raises(InputError, match="'y_true' .*not a column of values"):
        audit.measure(pl.from_pandas(frame).lazy().select("label"), groups={"sex": frame.sex})


MANY = 400_000


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    """A session whose driver may hold a megabyte: rows that travelled would end the job."""
    spark_cluster.require()
    from pyspark.sql import SparkSession

    made = SparkSession.builder.master("local[2]").appName("test").config("spark.ui.enabled", "false")
    made = made.config("spark.driver.maxResultSize", "1m").config("spark.sql.shuffle.partitions", "4")
    session = (
        made.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1").getOrCreate()
    )
    yield session
    session.stop()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spark")
    people(MANY).rename(columns={"race": "race.1"}).to_parquet(folder / "people.parquet")
    return str(folder / "people.parquet")


def test_a_spark_frame_is_counted_on_its_own_session(spark, path):
    from py4j.protocol import Py4JJavaError

    asked = {**ASKED, "groups": ["race", "sex"]}
    rows = spark.read.parquet(path).withColumnRenamed("race.1", "race")
    with pytest.raises(Py4JJavaError, match="is bigger than spark.driver.maxResultSize"):
        rows.collect()
    found = audit.check(rows, **asked)
    assert found.question.config["data"]["engine"] == "spark"
    assert found.data[0].rows_read == MANY
    assert found.estimates == audit.check(people(MANY), **asked).estimates
    assert rows.limit(1).count() == 1, "the session is the user's, and goes on"


@pytest.mark.slow
def test_a_spark_frame_that_is_a_query_and_other_types(spark, path):
    from pyspark.sql import functions as f

    rows = spark.read.parquet(path).select(
        "sex", f.col("label").cast("byte"), f.col("w").cast("decimal(12,4)"), f.array("sex").alias("nested"),
        f.when(f.col("age") > 70, None).otherwise(f.col("age")).alias("age"), f.col("age").cast("interval day").alias("span"),
    ).where("age >= 20 or age is null")  # fmt: skip
    frame = people(MANY)
    frame = frame[(frame.age >= 20)].assign(age=lambda d: d.age.astype("Int64").where(d.age <= 70))
    asked = {"label": "label", "groups": ["sex", "age"], "weight": "w"}
    assert audit.check(rows, **asked).estimates == audit.check(frame, **asked).estimates
    with pytest.raises(InputError, match="'nested' holds nested"):
        audit.check(rows, label="label", groups="nested")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"label": "label", "groups": "rcae"}, "no column 'rcae'; did you mean 'race.1'"),
        ({"label": "label", "groups": "sex", "weight": "bad"}, "weight 'bad' is negative"),
        ({"label": "broken", "groups": "sex"}, "could not be counted by Spark; nothing was counted"),
    ],
    ids=["typo", "negative", "query fails"],
)
def test_a_spark_frame_is_refused_in_the_same_words(spark, path, asked, says):
    from pyspark.sql import functions as f

    rows = (
        spark.read.parquet(path)
        .withColumn("bad", -f.col("w"))
        .withColumn("broken", f.raise_error(f.lit("no")).cast("int"))
    )
    with pytest.raises(InputError, match=says) as error:
        audit.check(rows, **asked)
    assert "\n" not in str(error.value)


def test_a_spark_frame_cannot_give_arrays(spark, path):
    rows = spark.read.parquet(path)
    with pytest.raises(InputError, match="groups is a PySpark frame.*audit model PATH --engine spark"):
        audit.measure([1, 0], groups=rows.select("sex"))
    with pytest.raises(InputError, match="'y_true' .*not a column of values"):
        audit.measure(rows["label"], groups={"sex": ["f", "m"]})
