"""The steps of an audit around a training that runs in this process.

Every method may raise; the caller decides what reaches the training.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit._version import __version__
from audit.energy.meter import Phase
from audit.errors import SourceError, StoreError, printable
from audit.record.store import Store
from audit.system.environment import today
from audit.wrapping.question import MEMORY, WrappedQuestion
from audit.wrapping.sidecar.client import SidecarClient

if TYPE_CHECKING:
    from audit.config.schema import Config
    from audit.gates.before_training import Standing
    from audit.pipeline.earlier_predictions import Stamp
    from audit.pipeline.stages import Findings, OpenTables
    from audit.record.result import AuditResult, Code, Energy
    from audit.system.file_watch import Watch

NEEDED_AT_THE_END = (
    "audit.energy.sci",
    "audit.gates.check_counts",
    "audit.record.epochs",
    "audit.report.card.dataset",
    "audit.report.card.energy",
    "audit.report.card.epochs",
    "audit.report.croissant",
    "audit.report.terminal.summary",
)
NEEDED_BY_PREDICTIONS = (
    "audit.counting.backends.dense",
    "audit.counting.backends.duckdb",
    "audit.counting.kinds.exact_auc",
    "audit.counting.kinds.median",
    "audit.counting.kinds.regression",
    "audit.measurement.ranking.ranking_table",
    "audit.measurement.rates.multiclass",
    "audit.measurement.rates.neighbours",
    "audit.measurement.rates.strata",
    "audit.measurement.regression.regression_table",
    "audit.measurement.scores.scores",
    "audit.report.card.tables.classes",
    "audit.tables.frames",
    "pyarrow",
    "scipy.optimize",
    "scipy.special",
)


class Recording:
    """One run: what was asked, what was found, and where it is kept."""

    def __init__(self, asked: WrappedQuestion, *, metered: bool, note: Callable[[str], None]) -> None:
        from audit.pipeline.run import now

        self.trained_well = False
        self._asked = asked
        self._config = asked.config
        # Without a store nothing is kept, but the meter's record needs a place while the training goes on.
        self._spare = Path(tempfile.mkdtemp(prefix="evenhand-")) if asked.store is None and metered else None
        self._store = Store(asked.store or self._spare or Path())
        self._begun: dict[str, Any] = {
            "id": self._store.new_run_id(),
            "started": now(),
            "version": __version__,
            "command": _read_command(),
        }
        self._before: Mapping[Path, Stamp] = {}
        self._watch: Watch | None = None
        self._ended = ""
        self._note = note
        self.staging: Path | None = self._begin() if asked.store is not None or metered else None
        # The meter takes seconds to start: everything heavy is imported while it does.
        self._beside = self._start_sidecar() if metered and self.staging is not None else None
        from audit.pipeline.stages import Findings

        self.found = Findings()

    def _begin(self) -> Path | None:
        """Return the folder of the run while it goes on; None where the store refuses, which is noted."""
        try:
            return self._store.begin(str(self._begun["id"]))
        except StoreError as error:
            self._note(str(error))
            return None

    def look_at_data(self) -> None:
        """Check the data and measure its bias, before any model exists."""
        from audit.pipeline.stages import Findings, check_data
        from audit.system.file_watch import Watch

        before = self._config.model_copy(update={"predictions": None, "train": None})
        self._before = self._make_stamps()
        self._watch = Watch(self._before)
        if before.data.source is None:
            return
        fresh = Findings()
        with self._enter_phase("validate"):
            check_data(before, self._open_sources(before), fresh, nullcontext)
        # Only what is whole enters: a step that was given up may still be filling its own findings.
        self.found = fresh

    def _open_sources(self, config: Config) -> OpenTables:
        from audit.pipeline.stages import OpenTables, require_inputs
        from audit.tables.open import open_frame

        if not self._asked.rows:
            return require_inputs(config, self._asked.folder)
        tables = {source: open_frame(rows) for source, rows in self._asked.rows.items()}
        return OpenTables(config, self._asked.folder, tables)

    def judge_data(self) -> Standing:
        """Return how the gates on the data stand."""
        from audit.gates.before_training import judge_before_training
        from audit.gates.judge import Evidence
        from audit.pipeline.records import remeasure_from

        remeasure = remeasure_from(self._config, self.found.cubes)
        evidence = Evidence(estimates=self.found.estimates, checks=self.found.checks, remeasure=remeasure)
        return judge_before_training(self._config, evidence, today())

    def enter_training(self) -> None:
        """Begin the phase of the training, when the meter is ready; what the end will need is loaded meanwhile."""
        if self._beside is not None:
            self._load()
            self._beside.ready()
            self._beside.enter("train")

    def _load(self) -> None:
        from audit.record.reader import read_energy
        from audit.report.card.render import prepare

        for name in NEEDED_AT_THE_END:
            import_module(name)
        if self._config.predictions is not None:
            self._load_for_predictions()
        prepare()
        # Makes what reads the account of the meter, of an account that is none.
        read_energy({})
        # Read when it was imported, and not when somebody has committed more meanwhile.
        _ = self._code

    def _load_for_predictions(self) -> None:
        from audit.checks.codes import codes
        from audit.measurement.metrics.catalogue import CATALOGUE

        for name in NEEDED_BY_PREDICTIONS:
            import_module(name)
        # A name that is not among the usual ones is looked for in every file of metrics.
        len(CATALOGUE)
        # A card explains the codes of the groups' checks, and to know a code is to load its check.
        codes()

    @cached_property
    def _code(self) -> Code | None:
        from audit.pipeline.run import code_version

        return code_version(self._asked.folder)

    def leave_training(self, error: BaseException | None) -> None:
        """End the phase of the training, and keep how it ended."""
        if self._beside is not None:
            self._beside.leave()
        code = _to_exit_code(error)
        self.found.exit_codes["train"] = code
        self.trained_well = code == 0
        if code != 0:
            self._ended = f"training ended with {type(error).__name__}"

    def lose_training(self, reason: str) -> None:
        """End the phase of a training that never said how it ended."""
        if self._beside is not None:
            self._beside.leave()
        self._ended = reason

    def audit_predictions(self) -> None:
        """Count the predictions that the training left, and compute every rate of every group."""
        from audit.pipeline.stages import Findings

        if self._config.predictions is None:
            return
        fresh = Findings()
        with self._enter_phase("audit"):
            self._audit(fresh)
        self.found.data += fresh.data
        self.found.cubes += fresh.cubes
        self.found.estimates += fresh.estimates
        self.found.checks += fresh.checks

    def _audit(self, fresh: Findings) -> None:
        from audit.pipeline.stages import OpenTables, audit_model, audit_predictions, measure_all
        from audit.tables.open import open_frame

        if self._asked.handed is not None:
            audit_model(open_frame(self._asked.handed, "the predictions"), self._config, fresh, nullcontext)
            measure_all(fresh, nullcontext)
            return
        self._require_new()
        audit_predictions(self._config, OpenTables(self._config, self._asked.folder), fresh, nullcontext)

    def conclude(self, problems: tuple[str, ...]) -> AuditResult:
        """Judge what was found, and make the document."""
        from audit.pipeline.run import conclude, now
        from audit.record.epochs import read_epochs
        from audit.record.result import Run

        ended = "; ".join(filter(None, (self._ended, *problems)))
        found = self.found
        if self.staging is not None:
            found.epochs, found.epoch_notes = read_epochs(self.staging)
        record = Run(
            **self._begun,
            finished=now(),
            code=self._code,
            exit_codes=found.exit_codes,
            ended=ended,
            stopped_by=found.stopped_by,
            continued=found.continued,
        )
        return conclude(self._config, found, record, self._stop_meter(), failed=bool(ended))

    def write(self, result: AuditResult) -> Path | None:
        """Publish the run; None where there is no store."""
        from audit.pipeline.run import write

        if self._spare is not None:
            shutil.rmtree(self._spare, ignore_errors=True)
            return None
        return None if self.staging is None else write(result, self._store)

    def let_go(self) -> None:
        """End without a document: what was kept stays, as a run that did not end, which no gate passes."""
        if self._beside is not None:
            self._beside.abandon()
        if self._spare is not None:
            shutil.rmtree(self._spare, ignore_errors=True)

    def abandon(self) -> None:
        """Leave nothing behind."""
        if self._beside is not None:
            self._beside.abandon()
        for place in (self.staging, self._spare):
            if place is not None:
                shutil.rmtree(place, ignore_errors=True)

    def _start_sidecar(self) -> SidecarClient:
        """Start the process beside the training, and tell it what it must know to have the last word."""
        config = self._config.model_dump(mode="json", exclude_none=True)
        beside, self._asked.beside = self._asked.beside or SidecarClient(), None
        beside.begin(
            {
                "config": config,
                "staging": str(self.staging),
                "folder": str(self._asked.folder.absolute()),
                "parent": os.getpid(),
                "run": self._begun,
                "kept": self._spare is None,
            }
        )
        return beside

    def _stop_meter(self) -> Energy | None:
        """Return the energy of the run; where the meter gave none, why."""
        from audit.record.reader import read_energy

        if self._beside is None:
            return None
        energy = read_energy(self._beside.stop())
        return energy or self._read_left(self._beside.reason or "the meter broke")

    def _read_left(self, reason: str) -> Energy:
        """Return what the meter wrote down before it was lost, a flush old at most, with a word about that."""
        from audit.record.held import read_unfinished
        from audit.record.result import Energy

        energy = None if self.staging is None else read_unfinished(self.staging).energy
        if energy is None or energy.energy_kwh is None:
            return Energy(note=f"not measured: {reason}")
        return replace(energy, note=f"{energy.note}; what follows was not measured, because {reason}")

    def _enter_phase(self, name: Phase) -> AbstractContextManager[object]:
        if self._beside is None:
            return nullcontext()
        return self._beside.phase(name)

    def _make_stamps(self) -> Mapping[Path, Stamp]:
        from audit.pipeline.earlier_predictions import read_stamps

        source = self._config.predictions_source
        if source in {None, MEMORY}:
            return {}
        return read_stamps(self._asked.folder / str(source))

    def _require_new(self) -> None:
        """Refuse predictions that lay there before the training and were left as they were."""
        source = self._config.predictions_source
        if source == MEMORY:
            raise SourceError("no predictions were given; call predictions(frame) inside the block")
        old = next((path for path, stamp in self._make_stamps().items() if self._is_old(path, stamp)), None)
        if old is not None:
            of = "" if old.name == Path(str(source)).name else f" of '{printable(source)}'"
            raise SourceError(
                f"'{printable(old.name)}'{of} was not changed by the training; write the new predictions there"
            )

    def _is_old(self, path: Path, stamp: Stamp) -> bool:
        """Return whether a file is as it was: also one that was only given another time of change."""
        before = self._before.get(path)
        if before is None or self._watch is None:
            return False
        return before == stamp or (before[:3] == stamp[:3] and self._watch.is_untouched(path))


def _read_command() -> tuple[str, ...]:
    """Return how this process was started, by the file alone: arguments may hold secrets."""
    script = Path(next(iter(sys.argv), "")).name
    return ("python", script) if script else ("python",)


def _to_exit_code(error: BaseException | None) -> int:
    """Return exit code that the training's process would end with; negative for a signal."""
    if error is None:
        return 0
    if isinstance(error, KeyboardInterrupt):
        return -2
    if not isinstance(error, SystemExit):
        return 1
    if isinstance(error.code, int):
        return error.code
    return int(error.code is not None)
