"""Reports of a result as CI gets them, and the command line in this process."""

from __future__ import annotations

import datetime as dt
from contextlib import chdir
from dataclasses import replace
from pathlib import Path

import pytest
from sample_results import boston

from audit.cli import main
from audit.record.result import AuditResult
from audit.report.ci.ci_report import CiReport, make_ci_report
from audit.report.ci.registry import load_format

TODAY = dt.date(2026, 11, 24)


def stopped() -> AuditResult:
    """A run whose training ended with an error, so that nothing was judged."""
    run = replace(boston().run, exit_codes={"train": 3}, ended="the predictions are missing")
    return replace(boston(), run=run, gates=(), verdict="incomplete")


def report_of(result: AuditResult, today: dt.date = TODAY, config: Path | None = None) -> CiReport:
    return make_ci_report(result, today, config=config)


def write(name: str, result: AuditResult, today: dt.date = TODAY, config: Path | None = None) -> str:
    return load_format(name).write(report_of(result, today, config))


def run_here(folder: Path, *words: object) -> int:
    """Exit code of a command; what it prints goes where the test looks."""
    with chdir(folder), pytest.raises(SystemExit) as ended:
        main(["--help"] if not words else [str(word) for word in words])
    assert isinstance(ended.value.code, int)
    return ended.value.code
