"""What `audit init` proposes: label and groups by the names of usual data sets, limits on all groups, none on ids."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from audit.config.read import parse
from audit.errors import QuestionError, ValuesError
from audit.pipeline.propose import (
    choose_favourable,
    choose_label,
    choose_positive,
    look,
    propose_suite,
    write_proposal,
)
from audit.pipeline.run import Job
from audit.pipeline.run import run as run_job
from audit.record.store import Store

ROWS = 400


def table(folder, **columns):
    rows = {"y": [0, 1] * (ROWS // 2), **columns}
    pd.DataFrame(rows).to_csv(folder / "t.csv", index=False)
    return folder / "t.csv"


NAMED = ["SEX", "MARRIAGE", "married", "MAR", "RAC1P", "applicant_race-1", "derived_sex", "personal_status",
         "foreign_worker", "HISP", "CIT", "NATIVITY", "maritalStatus", "country of birth", "age_cat", "Geschlecht",
         "Familienstand", "DIS", "is_female", "ageGroup"]  # fmt: skip
UNNAMED = ["trace", "package_category", "agency", "EDUCATION", "amount", "market", "summary", "sussex", "email_status"]


@pytest.mark.parametrize("name", NAMED)
def test_protected_columns_are_known_by_usual_names(tmp_path, name):
    assert look(table(tmp_path, **{name: ["1", "2", "3", "4"] * (ROWS // 4)}), tmp_path).group_names == (name,)


@pytest.mark.parametrize("name", UNNAMED)
def test_other_names_are_proposed_as_no_group(tmp_path, name):
    assert look(table(tmp_path, **{name: ["1", "2", "3", "4"] * (ROWS // 4)}), tmp_path).group_names == ()


@pytest.mark.parametrize("name", ["AGEP", "age", "applicant_age", "Age (years)"])
def test_ages_in_years_get_bands(tmp_path, name):
    seen = look(table(tmp_path, **{name: [18 + i % 60 for i in range(ROWS)]}), tmp_path)
    assert seen.ages == (name,)
    assert "[18, 25, 40, 65]" in write_proposal(seen)


def test_other_protected_numbers_get_no_bands_of_ages(tmp_path):
    seen = look(table(tmp_path, POBP=range(ROWS), race_share=[i / ROWS for i in range(ROWS)]), tmp_path)
    assert (seen.ages, seen.group_names) == ((), ())


@pytest.mark.parametrize("name", ["id", "person_id", "ID", "Unnamed: 0", "index", "Kundennummer"])
def test_ids_get_no_range(tmp_path, name):
    ruled = ranged(table(tmp_path, **{name: range(9, 9 + ROWS), "amount": range(ROWS)}))
    assert ruled == {"amount"}


def ranged(path):
    """Columns whose numbers the first suite bounds."""
    found = json.loads(propose_suite(path))["expectations"]
    return {e["kwargs"]["column"] for e in found if e["type"] == "expect_column_values_to_be_between"}


PUBLIC = {
    "credit_default/credit_card_clients": ("SEX", "MARRIAGE", "AGE"),
    "compas/compas_two_years_deidentified": ("race", "sex", "age_cat"),
    "adult/adult_train": ("race", "sex", "marital-status", "age"),
    "acs_income/ACSIncome_test": ("RAC1P", "SEX", "MAR", "AGEP"),
    "hmda_boston/loanapp_wooldridge": ("black", "hispan", "white", "male", "married"),
}


@pytest.mark.parametrize("name", PUBLIC)
def test_public_tables(shared, tmp_path, name):
    path = shared / f"data/{name}.parquet"
    assert look(path, tmp_path).group_names == PUBLIC[name]
    if "compas" in name:
        assert "id" not in ranged(path)
        assert "priors_count" in ranged(path)


def two(*values):
    return list(values) * (ROWS // 2)


LABELS = {
    "compas/compas_two_years_deidentified": ("two_year_recid", "1", ("is_recid", "is_violent_recid", "c_charge_degree", "event")),
    "credit_default/credit_card_clients": ("default payment", "1", ()),
    "bank_marketing/bank_full": ("y", "yes", ("default", "housing", "loan")),
    "adult/adult_train": ("income", ">50K", ()),
    "toronto_arrests/arrests": ("released", "Yes", ("colour", "employed")),
    "ucb_admissions/ucb_admissions": ("Admit", "Admitted", ()),
}  # fmt: skip


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_public_tables(shared, tmp_path, name):
    seen = look(shared / f"data/{name}.parquet", tmp_path)
    label, positive, others = LABELS[name]
    assert (seen.label.name, seen.positive, seen.candidates.list_others(seen.label)) == (label, positive, others)


def test_the_last_place_alone_makes_no_label(shared, tmp_path):
    seen = look(shared / "data/german/german_statlog.parquet", tmp_path)
    assert (seen.label, seen.candidates.list_others(None)[0]) == (None, "credit")
    assert seen.limited is None


def test_no_label_is_taken_where_two_are_as_likely(shared, tmp_path):
    seen = look(shared / "data/hmda_boston/loanapp_wooldridge.parquet", tmp_path)
    assert seen.label is None
    assert "label:      not certain; candidates: reject, approve, " in "\n".join(seen.lines)
    assert '# label = "…"                # the true outcome; candidates: reject, approve, ' in write_proposal(seen)
    chosen = choose_label(seen, "approve")
    assert (chosen.label.name, chosen.positive) == ("approve", "1")
    assert choose_positive(chosen, "0").positive == "0"


def test_a_label_that_is_none_is_refused_by_name(tmp_path):
    seen = look(table(tmp_path, housing=two("no", "yes")), tmp_path)
    with pytest.raises(QuestionError, match="no column of two values 'hosing'; did you mean 'housing'"):
        choose_label(seen, "hosing")
    with pytest.raises(QuestionError, match="no value of 'housing' 'maybe'; did you mean 'yes'"):
        choose_label(seen, "housing", "maybe")


def test_columns_that_say_nothing_of_an_outcome_are_no_label(tmp_path):
    pd.DataFrame({"housing": two("no", "yes"), "loan": two("no", "yes"), "amount": range(ROWS)}).to_csv(
        tmp_path / "t.csv", index=False
    )
    seen = look(tmp_path / "t.csv", tmp_path)
    assert seen.label is None
    assert "label:      not certain; candidates: housing, loan; name it with --label" in seen.lines
    assert '# label = "…"                # the true outcome; candidates: housing, loan' in write_proposal(seen)


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("two_year_recid", (0, 1), "the outcome counted as positive; its name sounds like a harm to the person"),
        ("default payment", (0, 1), "the outcome counted as positive; its name sounds like a harm to the person"),
        ("approved", ("no", "yes"), "the outcome counted as positive (e.g. approved)"),
        ("outcome", ("churned", "kept"), "the outcome counted as positive (e.g. approved)"),
    ],
)
def test_an_adverse_outcome_is_never_called_good(tmp_path, name, values, said):
    pd.DataFrame({"sex": two("f", "m"), name: two(*values)}).to_csv(tmp_path / "t.csv", index=False)
    text = write_proposal(look(tmp_path / "t.csv", tmp_path))
    assert f"# {said}: check this" in text
    assert parse(text).data.favourable is None
    assert not [line for line in text.splitlines() if "good" in line and not line.startswith("# favourable = …")]


def test_what_is_good_is_only_said_by_a_person(shared, tmp_path):
    seen = look(shared / "data/credit_default/credit_card_clients.parquet", tmp_path)
    assert parse(write_proposal(seen)).data.favourable is None
    assert parse(write_proposal(choose_favourable(seen, "0"))).data.favourable == 0
    with pytest.raises(QuestionError, match="value of 'default payment'"):
        choose_favourable(seen, "2")


def test_other_outcomes_are_named_as_no_features(shared, tmp_path):
    text = write_proposal(look(shared / "data/compas/compas_two_years_deidentified.parquet", tmp_path))
    assert "# a model must not use another outcome as a feature: is_recid, is_violent_recid\n" in text


def test_limits_are_on_every_group_column(shared, tmp_path):
    seen = look(shared / "data/compas/compas_two_years_deidentified.parquet", tmp_path)
    assert "limits:     base_rate ratio >= 0.8 by race, sex, age_cat; choose yours" in seen.lines
    (gate,) = parse(write_proposal(seen)).gates
    assert (gate.name, gate.by, gate.min) == ("data.base_rate.ratio", None, 0.8)


def test_without_groups_the_file_says_that_nothing_is_judged(tmp_path):
    seen = look(table(tmp_path, amount=range(ROWS)), tmp_path)
    text = write_proposal(seen)
    assert "limits:     none, so nothing is judged between groups; the file says how to add one" in seen.lines
    assert "# No limit on groups is set, so no difference between groups is judged. Name groups above" in text
    assert parse(text).gates is None


def test_predictions_without_labels_are_limited_too(tmp_path):
    pd.DataFrame({"sex": two("f", "m"), "predicted": two(0, 1)}).to_csv(tmp_path / "t.csv", index=False)
    (gate,) = parse(write_proposal(look(tmp_path / "t.csv", tmp_path))).gates
    assert gate.name == "model.selection_rate.ratio"


def test_a_column_that_counts_rows_is_offered_as_weight(shared, tmp_path):
    text = write_proposal(look(shared / "data/ucb_admissions/ucb_admissions.parquet", tmp_path))
    assert '# weight = "Freq"' in text


def labelled(folder, label, **columns):
    """A table with two groups, the given label last."""
    rows = {"sex": two("f", "m"), "amount": range(ROWS), **columns, "approved": label}
    pd.DataFrame(rows).to_csv(folder / "t.csv", index=False)
    return folder / "t.csv"


GAPS = [None, *two(0, 1)[1:]]


def test_a_likely_label_with_missing_values_stays_a_comment_with_its_reason(tmp_path):
    seen = look(labelled(tmp_path, GAPS), tmp_path)
    text = write_proposal(seen)
    assert "label:      not used: 'approved' is missing in 1 of 400 rows; fill or drop these rows" in seen.lines[0]
    assert "# label = \"…\"                # 'approved' is missing in 1 of 400 rows; fill or drop" in text
    assert "Name the label above, then add one" in text
    assert run(text, tmp_path) == "not judged"


def test_decisions_without_a_usable_label_are_audited_with_their_positive_value(tmp_path):
    seen = look(labelled(tmp_path, GAPS, pred_v1=two("no", "yes")), tmp_path)
    text = write_proposal(seen)
    assert seen.lines[0].endswith("; until then the file audits the decisions alone")
    assert "prediction: pred_v1, positive yes: check it" in seen.lines
    assert 'positive = "yes"          # the value of "pred_v1" counted as positive: check this' in text
    assert run(text, tmp_path) == "fail"  # every man and no woman
    assert choose_positive(seen, "no").positive == "no"
    with pytest.raises(QuestionError, match="no value of 'pred_v1' 'maybe'"):
        choose_positive(seen, "maybe")


def test_a_label_that_is_not_used_is_no_other_candidate(tmp_path):
    seen = look(labelled(tmp_path, GAPS), tmp_path)
    assert "candidates" not in seen.lines[0]


def test_columns_of_few_values_are_named_beside_the_groups(tmp_path):
    regions = {"region": ["north", "south", "east", "east"] * (ROWS // 4), "grade": ["a", "b"] * (ROWS // 2)}
    seen = look(labelled(tmp_path, two(0, 1), **regions), tmp_path)
    assert "groups:     sex; also few values: region (3)" in seen.lines
    assert "# other columns of few values, which may name groups: region (3)\n" in write_proposal(seen)
    unnamed = look(table(tmp_path, **regions), tmp_path)
    assert "groups:     not found; name them in [data] groups; also few values: region (3)" in unnamed.lines
    assert parse(write_proposal(unnamed)).gates is None


def test_a_second_column_of_predictions_is_named_for_a_comparison(tmp_path):
    seen = look(labelled(tmp_path, two(0, 1), pred_v1=two(0, 1), pred_v2=two(1, 0)), tmp_path)
    assert "prediction: pred_v1; also named like one: pred_v2 (audit pairs --against)" in seen.lines
    assert '# against = "pred_v2"' in write_proposal(seen)
    alone = look(labelled(tmp_path, two(0, 1), pred_v1=two(0, 1)), tmp_path)
    assert "prediction: pred_v1" in alone.lines
    assert "against" not in write_proposal(alone)


def run(text, folder):
    """The verdict of a proposed file."""
    return run_job(Job(config=parse(text), folder=folder, store=Store(folder / "store"), metered=False)).result.verdict


@pytest.mark.parametrize("missing", [GAPS, [float("nan"), *two(0.0, 1.0)[1:]]])
def test_a_named_label_with_missing_values_is_refused_with_what_to_do(tmp_path, missing):
    pd.DataFrame({"sex": two("f", "m"), "approved": missing}).to_parquet(tmp_path / "t.parquet")
    seen = look(tmp_path / "t.parquet", tmp_path)
    with pytest.raises(ValuesError, match="label 'approved' is missing in 1 of 400 rows; fill or drop these rows"):
        choose_label(seen, "approved")


def test_an_empty_table_is_refused_by_name(tmp_path):
    (tmp_path / "t.csv").write_text("sex,approved\n", encoding="utf-8")
    with pytest.raises(ValuesError, match=r"t\.csv has no rows, so there is nothing to audit"):
        look(tmp_path / "t.csv", tmp_path)
    pd.DataFrame({"sex": [], "approved": []}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ValuesError, match=r"t\.parquet has no rows, so there is nothing to audit"):
        look(tmp_path / "t.parquet", tmp_path)


def test_a_label_of_one_value_is_named_as_such(tmp_path):
    seen = look(labelled(tmp_path, ["yes"] * ROWS), tmp_path)
    assert "label:      not used: 'approved' has one value, 'yes', in the first 200,000 rows" in seen.lines[0]
    assert run(write_proposal(seen), tmp_path) == "not judged"
    with pytest.raises(QuestionError, match="label 'approved' has one value, 'yes'.*name a column of two values"):
        choose_label(seen, "approved")


def test_a_label_of_several_classes_says_what_to_write(tmp_path):
    seen = look(labelled(tmp_path, ["a", "b", "c", "c"] * (ROWS // 4)), tmp_path)
    with pytest.raises(QuestionError, match='has 3 values.* write label = "approved" and classes = true under'):
        choose_label(seen, "approved")


def test_predictions_that_rows_lack_are_refused_by_name(tmp_path):
    path = labelled(tmp_path, two(0, 1), prediction=GAPS)
    with pytest.raises(ValuesError, match="prediction 'prediction' is missing in 1 of 400 rows; drop these rows"):
        look(path, tmp_path)


def test_a_wide_table_is_read_in_few_passes(tmp_path, monkeypatch):
    """A pass for each of 2,000 columns of Parquet took minutes, because each opens the file again."""
    from audit.tables.formats.parquet import ParquetTable

    path, scan, scans = tmp_path / "wide.parquet", ParquetTable.scan, []
    pd.DataFrame({f"c{i}": [0, 1] for i in range(300)}).to_parquet(path)
    monkeypatch.setattr(ParquetTable, "scan", lambda *args: scans.append(args) or scan(*args))
    assert len(look(path, tmp_path).candidates.columns) == 300
    assert len(scans) == 5
