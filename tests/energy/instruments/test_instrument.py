"""Who read what, from which device, and whose joules those are: every source says it, and none says too much."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from audit.energy.instruments.codecarbon import Codecarbon, _describe_cpu
from audit.energy.instruments.instrument import EVERY_BOARD
from audit.energy.instruments.isolated import IsolatedInstrument
from audit.energy.instruments.probe import make_instrument
from audit.energy.instruments.zeus import Zeus
from audit.energy.ledger import WHOLE_MACHINE
from audit.errors import QuestionError
from audit.record.result import EnergyMethod

ROOT = Path(__file__).resolve().parents[3]
DATA = SimpleNamespace(
    cpu_energy=1.0, gpu_energy=1.0, ram_energy=1.0, ram_total_size=24.0, ram_power=20.0, gpu_model="2 x Board",
    codecarbon_version="3.3.2",
)  # fmt: skip


def part(kind: str, **fields: object) -> object:
    """A piece of hardware as codecarbon names it; the real ones need the machine."""
    return type(kind, (), fields)()


def board(*, counter: bool, fallback: bool, lost: bool = False) -> SimpleNamespace:
    return SimpleNamespace(_has_counter=counter, _use_power_fallback=fallback, _warned_power_failure=lost)


def gpu(*boards: SimpleNamespace) -> object:
    return part("GPU", devices=SimpleNamespace(devices=list(boards)))


@pytest.mark.parametrize(
    ("mode", "method"),
    [
        ("intel_rapl", "counter"),
        ("windows_emi", "counter"),
        ("intel_power_gadget", "sampled"),
        ("cpu_load", "model"),
        ("constant", "constant"),
        ("something new", "model"),
        (None, "model"),
    ],
)
def test_a_processor_is_labelled_by_how_it_is_read(mode, method):
    source = _describe_cpu(part("CPU", _mode=mode, _tdp=65, _model="Test CPU"))
    assert (source.method, source.device, source.attribution) == (method, "Test CPU", WHOLE_MACHINE)
    assert "Test CPU" in source.detail
    assert source.idle_w is None
    nameless = _describe_cpu(part("CPU", _mode=mode, _tdp=None, _model=None))
    assert (nameless.method, nameless.device) == (method, None)


@pytest.mark.parametrize(
    ("boards", "method"),
    [
        ([board(counter=True, fallback=False)], "counter"),
        ([board(counter=True, fallback=False), board(counter=False, fallback=True)], "sampled"),
        ([board(counter=True, fallback=True)], "sampled"),
        ([], "sampled"),
    ],
)
def test_boards_are_counted_only_where_every_one_is(boards, method):
    source = Codecarbon()._describe_source(gpu(*boards), DATA)
    assert (source.component, source.method, source.device) == ("gpu", method, "2 x Board")
    assert source.attribution == EVERY_BOARD


def test_a_board_that_fell_back_once_is_never_called_counted_again():
    meter, one = Codecarbon(), board(counter=True, fallback=False)
    assert meter._describe_source(gpu(one), DATA).method == "counter"
    one._use_power_fallback = True
    assert meter._describe_source(gpu(one), DATA).method == "sampled"
    one._use_power_fallback = False
    assert meter._describe_source(gpu(one), DATA).method == "sampled"


@pytest.mark.parametrize(
    ("kind", "method"), [("AppleSiliconChip", "sampled"), ("Raspberry", "sampled"), ("Unheard", "model")]
)
def test_other_chips(kind, method):
    source = Codecarbon()._describe_source(part(kind, chip_part="CPU", _model="M9"), DATA)
    assert (source.component, source.method, source.device) == ("cpu", method, "M9")


def test_what_is_added_up_while_a_board_is_lost_is_left_out():
    meter, one = Codecarbon(), board(counter=True, fallback=False)
    boards = (gpu(one, board(counter=True, fallback=False)),)
    assert meter._subtract_unseen(100.0, boards) == 100.0
    one._warned_power_failure = True
    assert meter._subtract_unseen(150.0, boards) == 100.0
    assert meter.reason == "a graphics board stopped answering"
    one._warned_power_failure = False
    assert meter._subtract_unseen(250.0, boards) == 200.0


def test_every_source_crosses_to_the_run_whole():
    """The process of the meter says the same as an instrument in this one."""
    apart, here = IsolatedInstrument(), make_instrument("codecarbon")
    apart.start()
    here.start()
    try:
        time.sleep(0.1)
        theirs, ours = apart.read(), here.read()
        assert theirs is not None
        assert ours is not None
        assert theirs.sources == ours.sources
        assert (theirs.version, set(theirs.total_j)) == (ours.version, set(ours.total_j))
        assert all(s.attribution and s.detail for s in theirs.sources.values())
    finally:
        apart.stop()
        here.stop()


def test_a_meter_that_does_not_exist_is_refused_by_name():
    with pytest.raises(QuestionError, match="no meter 'zeuss'; did you mean 'zeus'"):
        make_instrument("zeuss")


def test_the_question_names_the_meter():
    from audit.config.read import build

    assert build({}, "a test").energy.meter == "codecarbon"
    assert build({"energy": {"meter": "zeus"}}, "a test").energy.meter == "zeus"
    with pytest.raises(QuestionError, match="meter"):
        build({"energy": {"meter": "wattmeter"}}, "a test")


# --- zeus ----------------------------------------------------------------------------------------------------------


def test_without_zeus_the_reason_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "zeus", None)
    monkeypatch.setitem(sys.modules, "zeus.device", None)
    monkeypatch.setitem(sys.modules, "zeus.device.soc", None)
    meter = Zeus()
    meter.start()
    assert meter.read() is None
    assert "pip install 'evenhand[zeus]'" in meter.reason
    meter.stop()


def test_zeus_on_a_machine_without_such_a_chip_measures_nothing_and_says_why(monkeypatch):
    soc = pytest.importorskip("zeus.device.soc")
    monkeypatch.setattr(soc, "_soc", None)
    with pytest.raises(soc.ZeusSoCInitError):
        soc.get_soc()
    from audit.energy.meter import Meter

    monkeypatch.setattr("audit.energy.meter.START_S", 20.0)
    with Meter(country="FRA", instrument=Zeus()) as meter, meter.phase("train"):
        pass
    energy = meter.energy()
    assert energy.energy_kwh is energy.carbon_g is None
    assert all((r.energy_j, r.method) == (None, "none") for r in energy.components)
    assert all("No observable SoC was found" in r.detail for r in energy.components)


def chip(kind: str, measured: str, *readings: dict[str, float]) -> str:
    """A device as Zeus lets one be registered: an instance of its own class in its own slot."""
    return textwrap.dedent(f"""
        import json
        import zeus.device.soc as soc
        from zeus.device.soc.common import SoC
        from zeus.device.soc.apple import AppleSiliconMeasurement
        from zeus.device.soc.jetson import JetsonMeasurement
        class {kind}(SoC):
            readings = iter({list(readings)!r})
            def get_available_metrics(self): return set()
            def get_total_energy_consumption(self): return {measured}(**next(self.readings))
            def begin_window(self, key, restart=False): raise NotImplementedError
            def end_window(self, key): raise NotImplementedError
        soc._soc = {kind}()
        from audit.energy.instruments.probe import make_instrument
        meter = make_instrument("zeus")
        meter.start()
        for _ in range({len(readings)}):
            found = meter.read()
            print(json.dumps([found and dict(found.total_j), found and {{c: s.method for c, s in found.sources.items()}}, meter.reason]))
    """)


def said_of(code: str) -> list[list[object]]:
    import json

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_apples_chip_is_a_counter_of_processor_graphics_engine_and_memory():
    pytest.importorskip("zeus.device.soc")
    first = {"cpu_total_mj": 1000, "gpu_mj": 500, "gpu_sram_mj": 100, "dram_mj": 300, "ane_mj": 0,
             "performance_cores_mj": [600, 400]}  # fmt: skip
    (total_j, methods, reason), (partial, _, _) = said_of(
        chip("AppleSilicon", "AppleSiliconMeasurement", first, {"cpu_total_mj": 2500})
    )
    assert total_j == {"ane": 0.0, "cpu": 1.0, "gpu": 0.6, "ram": 0.3}
    assert set(methods.values()) == {"counter"}
    assert reason is None
    assert partial == {"cpu": 2.5}


def test_a_jetson_is_sampled_and_the_rest_of_its_board_is_other():
    pytest.importorskip("zeus.device.soc")
    reading = {"cpu_energy_mj": 2000.0, "gpu_energy_mj": 5000.0, "total_energy_mj": 10_000.0}
    ((total_j, methods, _), (nothing, _, reason)) = said_of(chip("Jetson", "JetsonMeasurement", reading, {}))
    assert total_j == {"cpu": 2.0, "gpu": 5.0, "other": 3.0}
    assert set(methods.values()) == {"sampled"}
    assert nothing is None
    assert reason == "Zeus reads nothing from this chip (Jetson)"


def test_a_device_that_nobody_knows_is_never_called_measured():
    pytest.importorskip("zeus.device.soc")
    ((_, methods, _),) = said_of(chip("Abacus", "JetsonMeasurement", {"cpu_energy_mj": 2000.0}))
    assert methods == {"cpu": "model"}
    assert "model" in EnergyMethod.__args__
