"""The last line of a summary: the step that makes sense next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sample_results as samples
import typer

from audit.cli.job import conclude
from audit.measurement.estimates import Estimates
from audit.pipeline.run import Audited


@pytest.mark.parametrize(
    ("factor", "said"),
    [(1.003, "about 1.1 times as many"), (3.84, "about 3.8 times as many"), (99.7, "about 100 times as many")],
)
def test_it_counts_rows_as_the_sentence_of_the_limit_does(factor, said, capsys):
    boston = samples.boston()
    undecided = replace(next(g for g in boston.gates if g.verdict == "insufficient"), needed_n=factor)
    result = replace(
        boston, verdict="insufficient", gates=(undecided,), run=replace(boston.run, command=("audit", "run", "."))
    )
    with pytest.raises(typer.Exit):
        conclude(
            Audited(result=result, folder=None, exit_code=3),
            Path("audit-runs"),
            json=False,
            exit_zero=False,
            gated=True,
        )
    assert f"Audit {said} rows, or accept it on record with a waiver" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("section", "said"), [("predictions", "set groups in [data]"), ("policy", "set label and groups")]
)
def test_a_label_that_the_section_of_the_predictions_names_is_not_missing(section, said, capsys):
    boston = samples.boston()
    question = replace(boston.question, config={"data": {}, "predictions": {}, section: {"label": "approved"}})
    unmeasured = replace(boston, question=question, estimates=Estimates(()), gates=(), verdict="not judged")
    result = replace(unmeasured, run=replace(boston.run, command=("audit", "run", ".")))
    with pytest.raises(typer.Exit):
        conclude(Audited(result=result, folder=None, exit_code=0), Path("s"), json=False, exit_zero=False, gated=False)
    assert f"Next    To compare groups, {said}" in capsys.readouterr().out
