"""The audit as tests: ``pytest --audit audit.toml`` has one test for each limit, and the fixture ``audit_result``.

Must not: import anything of ours, or anything that pytest has not loaded, before ``--audit`` is given. Every pytest run
in an environment that has evenhand imports this file.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from audit.record.result import AuditResult, Gate

SESSION = "evenhand-audit"
SHARED = "evenhand_shared"
"""Key under which workers of pytest-xdist are told where they share what was found."""
UNCOLLECTED = "uncollected"
"""File by which a worker says that it did not come upon the audit."""
UNJUDGED = "audit"
"""Name of the only test of a configuration without limits."""
EDGE = "edge"
"""Name of the test of what compressed models change."""
NO_AUDIT = "audit_result needs an audit; run pytest --audit audit.toml"
NO_LIMIT = "NOT JUDGED: No limit is set. The report has the measurements; add [[gates]] to judge them."
ELSEWHERE = "workers on several machines cannot share one audit; run pytest --audit on one machine"
LONGEST_NAME = 160


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--audit``."""
    group = parser.getgroup("evenhand", "audit of a training run")
    group.addoption(
        "--audit",
        metavar="FILE",
        dest="audit_config",
        help="Audit as this audit.toml says (or the one in this folder), with one test for each limit.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Add the configuration to what is collected, where one is named.

    Raises
    ------
    pytest.UsageError
        When there is no such file.
    """
    named = config.getoption("audit_config")
    if named is None:
        return
    here = config.invocation_params.dir
    path = here / named
    path = path / "audit.toml" if path.is_dir() else path
    if not path.is_file():
        from audit.errors import printable

        raise pytest.UsageError(f"--audit: no file '{printable(path)}'; name an audit.toml or its folder")
    config.pluginmanager.register(AuditSession(config, path), SESSION)
    asked = [(here / str(given).partition("::")[0]).resolve() for given in config.args]
    # Before pytest 9, a file that is asked for beside its folder takes the place of all else in that folder.
    if not any(place in {path.resolve(), *path.resolve().parents} for place in asked):
        config.args.append(str(path))


@pytest.fixture(scope="session")
def audit_result(request: pytest.FixtureRequest) -> AuditResult:
    """Return the result of the audit that ``--audit`` names; it runs once, for this and for the tests of limits."""
    session = request.config.pluginmanager.get_plugin(SESSION)
    if session is None:
        pytest.fail(NO_AUDIT, pytrace=False)
    outcome = session.find_outcome()
    if outcome.result is None or outcome.error:
        pytest.fail(outcome.error, pytrace=False)
    result: AuditResult = outcome.result
    return result


class Outcome(NamedTuple):
    """What an audit came to."""

    result: AuditResult | None
    """None where nothing could be audited."""
    error: str
    """Why nothing was judged; empty where it was."""
    folder: str
    """Folder of the run; empty where none was kept."""


class LimitError(Exception):
    """A limit that is not passed, in one sentence."""


class AuditSession:
    """The one audit of a pytest run, shared by all its workers."""

    def __init__(self, config: pytest.Config, path: Path) -> None:
        self.path = path
        self.here = config.invocation_params.dir
        self._collected = False
        self._outcome: Outcome | None = None
        self._shared: Path | None = None
        self._owns = False
        worker = getattr(config, "workerinput", None)
        self._is_worker = worker is not None
        if worker is not None:
            self._shared = Path(worker[SHARED])

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> AuditFile | None:
        """Collect the configuration."""
        if file_path.resolve() != self.path.resolve():
            return None
        self._collected = True
        return AuditFile.from_parent(parent, path=file_path, audit=self)

    def pytest_collection_finish(self) -> None:
        """Refuse to go on without the audit, where pytest ignores the folder in which the configuration lies.

        Raises
        ------
        pytest.UsageError
            With what to do.
        """
        if self._collected:
            return
        if self._is_worker and self._shared is not None and self._shared.is_dir():
            # An error of a worker ends in an internal one of pytest-xdist; who started the workers tells people.
            (self._shared / UNCOLLECTED).touch()
            return
        self._refuse_ignored()

    def _refuse_ignored(self) -> None:
        named = os.path.relpath(self.path, self.here)
        raise pytest.UsageError(f"--audit: '{named}' is in a folder that pytest ignores; name it as an argument too")

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self) -> None:
        """Refuse to go on where a worker has collected all but the audit; no test has begun."""
        if self._shared is not None and (self._shared / UNCOLLECTED).exists():
            self._refuse_ignored()

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Let the last lines say what is wrong in the configuration, as they say what is wrong in a test."""
        report = yield
        if isinstance(collector, AuditFile) and report.failed:
            report.longrepr = str(report.longrepr)
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the sentence of a limit in place of a traceback, and its line as the place where it was skipped."""
        report = yield
        if not isinstance(item, LimitItem) or call.excinfo is None:
            return report
        if isinstance(call.excinfo.value, LimitError):
            report.longrepr = str(call.excinfo.value)
        elif report.skipped:
            report.longrepr = (str(item.path), item.line, str(call.excinfo.value))
        return report

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of pytest-xdist where it finds what another one found."""
        if self._shared is None:
            self._shared, self._owns = Path(tempfile.mkdtemp(prefix="evenhand-")), True
        node.workerinput[SHARED] = str(self._shared)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what the audit came to, and where its report is."""
        outcome = self._outcome
        if outcome is None and self._shared is not None:
            outcome = _read_outcome(self._shared)
        if outcome is not None and outcome.result is not None:
            terminalreporter.write_sep("=", "audit")
            terminalreporter.write_line(
                _summarise(outcome.result, os.path.relpath(outcome.folder, self.here) if outcome.folder else "")
            )

    def pytest_unconfigure(self) -> None:
        """Remove what workers shared."""
        if self._owns and self._shared is not None:
            shutil.rmtree(self._shared, ignore_errors=True)

    def find_outcome(self) -> Outcome:
        """Return what the audit came to; the first call runs it, and other workers wait."""
        if self._outcome is None:
            if self._shared is None:
                self._outcome = _run_audit(self.path, self.here)
            else:
                self._outcome = _run_once(self.path, self.here, self._shared)
        return self._outcome


class AuditFile(pytest.File):
    """An audit.toml, with one test for each limit."""

    def __init__(self, *, audit: AuditSession, **more: Any) -> None:
        super().__init__(**more)
        self.audit = audit

    def collect(self) -> Iterable[LimitItem]:
        """Yield a test for each limit; a configuration that cannot be used is an error of the collection."""
        from audit.errors import AuditError

        try:
            named = _list_limits(Path(os.path.relpath(self.path)))
        except AuditError as error:
            raise self.CollectError(str(error)) from None
        for place, (name, line) in enumerate(named):
            yield LimitItem.from_parent(self, name=name, line=line, place=place, audit=self.audit)


class LimitItem(pytest.Item):
    """The test of one limit."""

    def __init__(self, *, line: int, place: int, audit: AuditSession, **more: Any) -> None:
        super().__init__(**more)
        self.line = line
        self._place = place
        self._audit = audit
        self._gates: tuple[Gate, ...] = ()

    def setup(self) -> None:
        """Run the audit where no test has yet; what has no verdict is an error and no failure.

        Raises
        ------
        LimitError
            When nothing was judged, or the limit is undefined.
        """
        outcome = self._audit.find_outcome()
        if outcome.result is None or outcome.error:
            raise LimitError(outcome.error)
        self._gates = self._choose_gates(outcome.result)
        if self.name == EDGE and not self._gates:
            raise LimitError("UNDEFINED: No compressed model was judged.")
        undefined = [gate for gate in self._gates if gate.verdict in {"undefined", "withheld"}]
        if undefined and not any(gate.verdict == "fail" for gate in self._gates):
            raise LimitError(_describe(undefined))

    def _choose_gates(self, result: AuditResult) -> tuple[Gate, ...]:
        """Return the verdicts that this test is about."""
        if self.name == EDGE:
            return result.gates[self._place :]
        return result.gates[self._place : self._place + 1]

    def runtest(self) -> None:
        """Pass where the limit does, and skip where it is known, waived, or the policy lets an inconclusive one be.

        Raises
        ------
        LimitError
            When the limit is not passed.
        """
        allowed = {"known", "waived"}
        result = self._audit.find_outcome().result
        if result is not None and (result.question.config.get("policy") or {}).get("insufficient") == "warn":
            allowed.add("insufficient")
        broken = [gate for gate in self._gates if gate.verdict not in {"pass", *allowed}]
        if broken:
            raise LimitError(_describe(broken))
        let_be = [gate for gate in self._gates if gate.verdict != "pass"]
        if let_be:
            pytest.skip(_describe(let_be))
        if not self._gates:
            pytest.skip(NO_LIMIT)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Return where the limit stands; lines count from 0 here."""
        return self.path, self.line - 1, self.name


def _list_limits(path: Path) -> list[tuple[str, int]]:
    """Return name and line of each limit of a configuration, in the order in which they are judged."""
    from audit.config.read import load
    from audit.errors import printable
    from audit.gates.judge import expand_rules
    from audit.record.result import identify_limit
    from audit.report.ci.ci_report import number_apart
    from audit.report.ci.places import find_rule_lines

    config, _ = load(path)
    lines = find_rule_lines(path.read_text(encoding="utf-8-sig"), config)
    # A suite or the four-fifths rule sets a limit that has no line of its own.
    named = [
        (printable(rule.name, LONGEST_NAME), lines.get(identify_limit(rule)) or 1) for rule in expand_rules(config)
    ]
    if config.edge is not None:
        named.append((EDGE, 1))
    apart = number_apart([name for name, _ in named])
    return [(name, line) for name, (_, line) in zip(apart, named, strict=True)] or [(UNJUDGED, 1)]


def _run_audit(path: Path, here: Path) -> Outcome:
    """Audit as a configuration says, and keep the run in the store as ``audit run`` does, wherever a test has moved."""
    from audit.config.read import load, name_config
    from audit.errors import AuditError
    from audit.gates.headline import write_headline
    from audit.pipeline.run import Job, run
    from audit.record.result import name_verdict
    from audit.record.store import Store
    from audit.system.environment import DEFAULT_STORE, STORE

    try:
        config, folder = load(path)
        store = Store(here / (os.environ.get(STORE) or DEFAULT_STORE))
        command = ("pytest", "--audit", name_config(path))
        audited = run(Job(config=config, folder=folder, store=store, command=command, quiet_stdout=True, say=_say))
    except AuditError as error:
        return Outcome(None, str(error), "")
    result, unfinished = audited.result, ""
    if result.run.interrupted:
        pytest.exit(write_headline(result), returncode=audited.exit_code)
    if result.verdict == "incomplete":
        unfinished = f"{name_verdict(result.verdict)}: {write_headline(result)}"
    if audited.lost is not None:
        _say(f"audit: the run was judged, but not kept: {audited.lost}")
    return Outcome(result, unfinished, str(audited.folder or ""))


def _say(sentence: str) -> None:
    """Say something to people; pytest shows it beside a test that did not pass."""
    print(sentence, file=sys.stderr)  # noqa: T201 - what pytest captures


def _describe(gates: Iterable[Gate]) -> str:
    """Return the sentences of limits, each after its verdict where that is no plain failure."""
    from audit.record.result import name_verdict

    return "\n".join(
        gate.sentence if gate.verdict == "fail" else f"{name_verdict(gate.verdict)}: {gate.sentence}" for gate in gates
    )


def _summarise(result: AuditResult, folder: str) -> str:
    """Return the verdict, how many limits have which, and where the report is."""
    from audit.gates.headline import count_limits, write_headline
    from audit.record.result import name_verdict

    if result.verdict == "not judged" and not result.gates:
        said = NO_LIMIT
    elif result.verdict in {"not judged", "incomplete"}:
        said = f"{name_verdict(result.verdict)}: {write_headline(result)}"
    else:
        count = count_limits(result.gates) if len(result.gates) > 1 else "1 limit."
        said = f"{name_verdict(result.verdict)}: {count}"
    return f"{said} Report: {Path(folder) / 'report.html'} (internal)" if folder else said


# Workers of pytest-xdist: the first one that needs the audit runs it, and all others read what it found.
def _run_once(path: Path, here: Path, shared: Path) -> Outcome:
    if not shared.is_dir():
        return Outcome(None, ELSEWHERE, "")
    with _hold_lock(shared):
        outcome = _read_outcome(shared)
        if outcome is None:
            outcome = _run_audit(path, here)
            _write_outcome(outcome, shared)
    return outcome


@contextmanager
def _hold_lock(shared: Path) -> Iterator[None]:
    """Hold what one worker at a time may hold; a worker that dies holds it no longer."""
    import fcntl

    with (shared / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write_outcome(outcome: Outcome, shared: Path) -> None:
    import json

    if outcome.result is not None:
        (shared / "result.json").write_text(outcome.result.to_json(), encoding="utf-8")
    said = {"judged": outcome.result is not None, "error": outcome.error, "folder": outcome.folder}
    # Last and whole: while it is missing, nothing has been found.
    (shared / "outcome.part").write_text(json.dumps(said), encoding="utf-8")
    (shared / "outcome.part").rename(shared / "outcome.json")


def _read_outcome(shared: Path) -> Outcome | None:
    """Return what another worker found; None where none has."""
    import json

    place = shared / "outcome.json"
    if not place.exists():
        return None
    from audit.record.reader import read_result

    said = json.loads(place.read_text(encoding="utf-8"))
    result = read_result(shared / "result.json") if said["judged"] else None
    return Outcome(result, said["error"], said["folder"])
