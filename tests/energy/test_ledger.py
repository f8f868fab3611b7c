"""The books of energy: rows with how they are known, totals that are their sums, and never a 0 for the unmeasured."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
import re
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
import sample_results
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from audit.config.read import build, parse
from audit.energy.ledger import Ledger, Source, share_idle
from audit.energy.site import Declared, Site, make_site
from audit.energy.totals import total_footprint
from audit.errors import QuestionError
from audit.gates.judge import Evidence, judge
from audit.record.energy_text import describe_measured_share, estimate_total
from audit.record.reader import read_result, read_text
from audit.record.result import Energy, EnergyComponent, Factor
from audit.report.card.energy import make_energy_view
from audit.report.card.render import render
from audit.report.terminal.summary import print_summary
from audit.system.strict_json import read_value

TPU = Declared(component="tpu", power_w=170, device="TPU v4", source="Jouppi et al. 2023", date="2023", idle_w=60)
METHODS = ("counter", "sampled", "model", "constant", "declared")
DECLARED = {"watts": 170, "device": "TPU v4", "source": "Jouppi et al. 2023", "date": 2023}
EMBODIED = {"total_g": 1.5e6, "lifetime_years": 4, "reserved_share": 0.125, "source": "maker", "date": 2024}
MARKET = {"market_g_per_kwh": 0, "market_source": "supplier", "market_date": "2025-06-30"}
WATER = {"water_l_per_kwh": 1.8, "water_source": "site", "water_date": 2024}
OFFSITE = {"offsite_water_l_per_kwh": 3.1, "offsite_water_source": "study", "offsite_water_date": 2021}


def section(**energy):
    return build({"energy": energy}).energy


def ledger(site: Site, joules: dict[str, float], seconds: float = 10.0) -> Ledger:
    """Books of one training that drew these joules."""
    books = Ledger(site=site)
    books.book(dict.fromkeys(joules, 0.0), 0.0)
    books.enter("train", 0.0)
    books.book(joules, seconds)
    books.leave(seconds)
    return books


def energy_of(books: Ledger, sources: dict[str, Source], now_s: float = 10.0) -> Energy:
    return books.energy(sources, now_s, missing="not measured", note="note")


# --- rows -----------------------------------------------------------------------------------------------------------


def test_a_row_says_device_idle_share_and_whose_joules_they_are():
    source = Source(component="cpu", method="counter", detail="RAPL", device="Xeon 6338", idle_w=4.0,
                    attribution="the process’s share of the machine, by CPU time")  # fmt: skip
    (row,) = energy_of(ledger(Site(), {"cpu": 100.0}), {"cpu": source}).components
    assert (row.device, row.idle_share, row.coverage) == ("Xeon 6338", pytest.approx(0.4), 1.0)
    assert row.attribution == "the process’s share of the machine, by CPU time"


def test_a_declared_idle_power_stands_before_a_measured_one_and_is_a_factor():
    source = Source(component="cpu", method="counter", detail="RAPL", idle_w=4.0)
    energy = energy_of(ledger(make_site(section(idle_w={"cpu": 7})), {"cpu": 100.0}), {"cpu": source})
    assert energy.components[0].idle_share == pytest.approx(0.7)
    assert energy.idle_kwh == pytest.approx(70 / 3.6e6)
    assert [(f.value, f.unit, f.source) for f in energy.factors if f.name == "idle power, cpu"] == [
        (7, "W", "audit.toml")
    ]


def test_an_idle_power_of_a_component_that_nobody_meters_is_said():
    source = Source(component="cpu", method="counter", detail="RAPL")
    energy = energy_of(ledger(make_site(section(idle_w={"cup": 7})), {"cpu": 100.0}), {"cpu": source})
    assert "idle_w names cup" in energy.note


@pytest.mark.parametrize(
    ("idle_w", "covered_s", "energy_j", "share"),
    [(5, 10, 100, 0.5), (50, 10, 100, 1.0), (None, 10, 100, None), (5, 10, 0, None), (5, 0, 10, 0.0)],
)
def test_the_idle_share_is_capped_and_unknown_where_its_parts_are(idle_w, covered_s, energy_j, share):
    assert share_idle(idle_w, covered_s, energy_j) == share


def test_idle_energy_is_unknown_as_soon_as_one_component_is():
    sources = {"cpu": Source(component="cpu", method="counter", detail="", idle_w=4.0),
               "ram": Source(component="ram", method="constant", detail="")}  # fmt: skip
    energy = energy_of(ledger(Site(), {"cpu": 100.0, "ram": 50.0}), sources)
    assert energy.idle_kwh is None
    known = replace(sources["ram"], idle_w=5.0)
    energy = energy_of(ledger(Site(pue=1.5), {"cpu": 100.0, "ram": 50.0}), sources | {"ram": known})
    assert energy.idle_kwh == pytest.approx(90 / 3.6e6 * 1.5)


# --- declared -------------------------------------------------------------------------------------------------------


def test_a_declared_device_is_counted_for_all_of_training_and_never_measured():
    site = Site(declared=(TPU,))
    cpu = Source(component="cpu", method="counter", detail="RAPL")
    energy = energy_of(ledger(site, {"cpu": 300.0}), {"cpu": cpu})
    tpu = next(r for r in energy.components if r.component == "tpu")
    assert (tpu.energy_j, tpu.method, tpu.coverage, tpu.device) == (1700, "declared", 1.0, "TPU v4")
    assert tpu.idle_share == pytest.approx(60 / 170)
    assert energy.measured_share == pytest.approx(300 / 2000)
    assert energy.sampled_share == 0
    assert {"declared power, tpu", "idle power, tpu"} <= {f.name for f in energy.factors}
    assert (
        make_energy_view(energy).largest
        == "Most of it, 85.0%, is TPU: a wattage that the owner declared, not measured."
    )


def test_a_device_that_a_meter_read_is_not_counted_twice():
    gpu = Source(component="gpu", method="counter", detail="NVML")
    energy = energy_of(ledger(Site(declared=(replace(TPU, component="gpu"),)), {"gpu": 900.0}), {"gpu": gpu})
    assert [(r.component, r.energy_j, r.method) for r in energy.components] == [("gpu", 900, "counter")]
    assert "the declared power of gpu is not counted: a meter read it" in energy.note


def test_a_device_that_the_meter_missed_is_the_declared_one():
    gpu = Source(component="gpu", method="counter", detail="NVML")
    books = ledger(Site(declared=(replace(TPU, component="gpu"),)), {"gpu": 0.0})
    energy = energy_of(books, {"gpu": gpu})
    assert [(r.energy_j, r.method) for r in energy.components] == [(1700, "declared")]
    assert "not measured, so not in the total" not in energy.note


def test_nothing_trained_is_nothing_declared():
    books = Ledger(site=Site(declared=(TPU,)))
    books.enter("validate", 0.0)
    books.leave(4.0)
    energy = energy_of(books, {}, 4.0)
    assert {r.component for r in energy.components} == {"cpu", "ram"}
    assert energy.energy_kwh is None
    assert "the declared power of tpu is not counted: nothing was trained" in energy.note


# --- totals ---------------------------------------------------------------------------------------------------------

ROWS = st.lists(
    st.builds(
        EnergyComponent,
        component=st.sampled_from(["cpu", "gpu", "ram", "tpu"]),
        phase=st.sampled_from(["validate", "train", "audit"]),
        energy_j=st.one_of(st.none(), st.floats(1e-3, 1e12)),
        method=st.sampled_from(METHODS),
        coverage=st.just(1.0),
        idle_share=st.one_of(st.none(), st.floats(0, 1)),
    ),
    max_size=9,
)
SITE = make_site(section(pue=1.4, **MARKET | {"market_g_per_kwh": 30}, **WATER, **OFFSITE, embodied=EMBODIED))


@given(ROWS, st.one_of(st.none(), st.floats(0.1, 1e7)))
def test_totals_are_the_sums_of_the_rows(rows, duration_s):
    energy = total_footprint(rows, duration_s, SITE, "note")
    known = [r for r in rows if r.energy_j is not None]
    if not known:
        derived = (energy.energy_kwh, energy.carbon_market_g, energy.water_l, energy.water_offsite_l, energy.idle_kwh)
        assert derived == (None,) * 5
        assert (energy.measured_share, energy.sampled_share) == (None, None)
        return
    total_j = math.fsum(r.energy_j for r in known)
    assert energy.energy_kwh == total_j / 3.6e6 * 1.4
    assert energy.carbon_g is None
    assert energy.carbon_market_g == energy.energy_kwh * 30
    assert energy.water_l == pytest.approx(total_j / 3.6e6 * 1.8 + energy.energy_kwh * 3.1, rel=1e-12)
    shares = [math.fsum(r.energy_j for r in known if r.method == m) / total_j for m in METHODS]
    assert (energy.measured_share, energy.sampled_share) == tuple(shares[:2])
    assert math.fsum(shares) == pytest.approx(1)
    assert (energy.idle_kwh is None) == any(r.idle_share is None for r in known)
    assert (energy.embodied_g is None) == (duration_s is None)
    assert math.fsum(p.width for p in make_energy_view(energy).pieces) == pytest.approx(100, abs=0.05)


@given(ROWS)
def test_never_a_zero_where_nobody_measured(rows):
    text = "\n".join(
        " ".join(cell.text for cell in r.cells)
        for t in make_energy_view(
            total_footprint([replace(r, energy_j=None, method="none") for r in rows], None, Site(), "")
        ).tables
        for r in t.rows
        if t.caption.startswith("What it means")
    )
    assert not re.search(r"\d", text.replace("CO2", ""))


def test_water_on_site_is_of_the_machines_and_off_site_of_all_that_the_site_draws():
    rows = [EnergyComponent(component="cpu", phase="train", energy_j=7.2e6, method="counter")]
    only = total_footprint(rows, 1, make_site(section(pue=1.5, **WATER)), "")
    assert (only.water_l, only.water_offsite_l) == (pytest.approx(2 * 1.8), None)
    both = total_footprint(rows, 1, make_site(section(pue=1.5, **WATER, **OFFSITE)), "")
    assert both.water_offsite_l == pytest.approx(3 * 3.1)
    assert both.water_l == pytest.approx(2 * 1.8 + 3 * 3.1)
    off = total_footprint(rows, 1, make_site(section(**OFFSITE)), "")
    assert off.water_l == off.water_offsite_l == pytest.approx(2 * 3.1)
    said = next(r for r in make_energy_view(off).totals.rows if r.header == "Water")
    assert said.cells[1].text.startswith("for making the electricity; ")


def test_every_figure_has_value_unit_source_and_date():
    site = make_site(section(country="FRA", pue=1.2, pue_source="operator", pue_date=2025, **MARKET, **WATER, **OFFSITE,
                           embodied=EMBODIED, declared={"tpu": DECLARED | {"idle_watts": 60}}, idle_w={"cpu": 7}))  # fmt: skip
    assert all(f.unit and f.source and f.date for f in site.factors)
    assert [(f.name, f.value) for f in site.factors] == [
        ("power usage effectiveness", 1.2),
        ("grid carbon intensity", 56.039),
        ("contracted carbon intensity", 0),
        ("water usage effectiveness", 1.8),
        ("water intensity of electricity", 3.1),
        ("embodied carbon of the machine", 1.5e6),
        ("expected lifetime of the machine", 4 * 365 * 86_400),
        ("share of the machine reserved", 0.125),
        ("declared power, tpu", 170),
        ("idle power, cpu", 7),
        ("idle power, tpu", 60),
    ]


def test_without_a_pue_it_is_said_that_no_overhead_is_in_it():
    rows = [EnergyComponent(component="cpu", phase="train", energy_j=7.2e6, method="counter")]
    plain = total_footprint(rows, 1, make_site(section()), "")
    assert plain.factors[0].value == 1
    assert "no overhead of the site is in it" in plain.factors[0].source
    assert re.search("not in it: .*overhead of the site", plain.note)
    declared = total_footprint(rows, 1, make_site(section(pue=1.2)), "")
    assert "in the total: idle power and the overhead of the site (PUE 1.2)" in declared.note


def test_the_note_names_what_is_missing_and_what_was_seen_in_part():
    rows = [
        EnergyComponent(component="cpu", phase="train", energy_j=7.2e6, method="counter", coverage=0.5),
        EnergyComponent(component="gpu", phase="train", energy_j=None, method="none", coverage=0.0),
    ]
    note = total_footprint(rows, 1, Site(), "").note
    assert "not measured, so not in the total: GPU in training" in note
    assert "partly covered: CPU in training (50% of the time); the rest is not in the total" in note


# --- audit.toml -----------------------------------------------------------------------------------------------------

TOMORROW = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=3)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"water_l_per_kwh": -1, "water_source": "s", "water_date": 2024}, "energy.water_l_per_kwh"),
        ({"market_g_per_kwh": -3, "market_source": "s", "market_date": 2024}, "energy.market_g_per_kwh"),
        ({"market_g_per_kwh": 0}, "market_source and market_date"),
        ({"water_source": "s"}, "need water_l_per_kwh; add it"),
        ({"pue_source": "s"}, "need pue; add it"),
        (MARKET | {"market_date": TOMORROW.isoformat()}, "today"),
        (MARKET | {"market_date": TOMORROW}, "today"),
        (MARKET | {"market_date": TOMORROW.year + 1}, "today"),
        (MARKET | {"market_date": 1850}, "1990"),
        (MARKET | {"market_date": "last spring"}, "a day such as"),
        (MARKET | {"market_date": True}, "market_date"),
        ({"embodied": EMBODIED | {"reserved_share": 1.5}}, "energy.embodied.reserved_share"),
        ({"embodied": EMBODIED | {"lifetime_s": 5}}, "needs one lifetime"),
        ({"embodied": {k: v for k, v in EMBODIED.items() if k != "lifetime_years"}}, "needs one lifetime"),
        ({"embodied": EMBODIED | {"total_g": 0}}, "energy.embodied.total_g"),
        ({"embodied": {k: v for k, v in EMBODIED.items() if k != "source"}}, "energy.embodied.source is missing"),
        ({"declared": {"tpu": DECLARED | {"watts": 0}}}, "energy.declared.tpu.watts"),
        ({"declared": {"tpu": DECLARED | {"idle_watts": 500}}}, "idle_watts = 500 is above watts = 170"),
        ({"declared": {"tpu": {"watts": 170}}}, "is missing"),
        ({"declared": {"tpu": 170}}, "energy.declared.tpu"),
        ({"declared": {"tpu": DECLARED}, "idle_w": {"tpu": 3}}, "keep declared.tpu.idle_watts"),
        ({"idle_w": {"cpu": -1}}, "energy.idle_w.cpu"),
        ({"functional_unit": "loan"}, "a name and a number"),
        ({"functional_unit": "loan", "functional_units": 0}, "functional_units"),
        ({"functional_units": 7}, "a name and a number"),
        ({"markt_g_per_kwh": 7}, "did you mean 'energy.market_g_per_kwh'"),
    ],
)
def test_what_is_impossible_is_refused_by_name(wrong, told):
    with pytest.raises(QuestionError) as caught:
        section(**wrong)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_dates_are_days_or_years_in_toml_and_in_a_record():
    config = parse(
        """
        [energy]
        market_g_per_kwh = 0
        market_source = "supplier"
        market_date = 2025-06-30
        [energy.declared.tpu]
        watts = 170
        device = "TPU v4"
        source = "Jouppi et al. 2023"
        date = 2023
        """
    )
    assert (config.energy.market_date, config.energy.declared["tpu"].date) == ("2025-06-30", "2023")
    again = build(json.loads(json.dumps(config.model_dump(mode="json", exclude_none=True))))
    assert again.energy == config.energy


# --- limits ---------------------------------------------------------------------------------------------------------


def verdict(metric, energy, **limit):
    config = build({"gates": [{"stage": "energy", "metric": metric, **limit}]})
    (gate,) = judge(config, Evidence(estimates=(), energy=energy), dt.date(2026, 11, 1))
    return gate


@pytest.mark.parametrize("metric", ["carbon_market_g", "embodied_g", "water_l", "sci_g"])
def test_the_new_totals_can_be_limited_and_undefined_never_passes(metric):
    energy = sample_results.boston().energy
    value = estimate_total(energy, metric).value
    assert verdict(metric, energy, max=value + 1).verdict == "pass"
    assert verdict(metric, energy, max=value * 0.9).verdict == ("fail" if value else "pass")
    bare = Energy(energy_kwh=1.0, measured_share=1.0)
    undefined = verdict(metric, bare, max=1)
    assert undefined.verdict == "undefined"
    assert "[energy" in undefined.sentence
    assert verdict(metric, None, max=1).verdict == "undefined"


def test_a_limit_may_ask_how_much_was_measured():
    rows = [EnergyComponent(component="cpu", phase="train", energy_j=j, method=m)
            for j, m in ((6.0, "counter"), (1.0, "sampled"), (3.0, "constant"))]  # fmt: skip
    energy = total_footprint(rows, 1, Site(), "")
    gate = verdict("measured_share", energy, min=0.7)
    assert (gate.verdict, gate.estimate.value) == ("pass", pytest.approx(0.7))
    assert gate.sentence == "70.0% of the energy was measured; the limit is at least 70%."
    assert verdict("measured_share", energy, min=0.71).verdict == "fail"
    for wrong in ({"max": 0.5}, {"min": 0}, {"min": 1.2}):
        with pytest.raises(QuestionError, match="measured_share"):
            build({"gates": [{"stage": "energy", "metric": "measured_share", **wrong}]})


def test_a_sentence_of_energy_says_how_it_is_known():
    energy = sample_results.boston().energy
    for metric in ("energy_kwh", "carbon_g", "carbon_market_g", "water_l", "sci_g"):
        gate = verdict(metric, energy, max=1e9)
        assert ", 89.6% measured by energy counters, the rest estimated; the limit is at most " in gate.sentence
        assert "n=" not in repr(gate.estimate), "a total counts no rows, and is shown in a console all the same"
    assert "market" in verdict("carbon_market_g", energy, max=1).sentence


# --- documents and pages --------------------------------------------------------------------------------------------


def test_a_document_of_before_still_loads_and_is_not_read_as_zero():
    document = read_value(sample_results.boston().to_json())
    old = {"components", "energy_kwh", "carbon_g", "measured_share", "duration_s", "factors", "note"}
    document["energy"] = {k: v for k, v in document["energy"].items() if k in old}
    for component in document["energy"]["components"]:
        for key in ("device", "idle_share", "attribution"):
            component.pop(key)
    result = read_text(json.dumps(document), "old")
    assert (result.energy.carbon_market_g, result.energy.water_l, result.energy.sci) == (None, None, ())
    assert describe_measured_share(result.energy) == "89.6% measured by energy counters, the rest estimated"
    assert "undefined" in render(result, "md")


def test_new_fields_stand_at_the_end_of_the_record():
    names = [f.name for f in fields(Energy)]
    assert names[:7] == ["components", "energy_kwh", "carbon_g", "measured_share", "duration_s", "factors", "note"]


def constant_ram() -> Energy:
    rows = [EnergyComponent(component="ram", phase="train", energy_j=88.0, method="constant", coverage=1.0),
            EnergyComponent(component="cpu", phase="train", energy_j=12.0, method="model", coverage=1.0)]  # fmt: skip
    factor = Factor(name="grid carbon intensity", value=369.0, unit="gCO2e/kWh", source="table", date="2023")
    return replace(total_footprint(rows, 5, Site(), "note"), carbon_g=0.01, factors=(factor,))


def test_a_person_sees_at_once_that_the_energy_is_a_constant_of_memory():
    result = replace(sample_results.boston(), energy=constant_ram())
    for style in ("html", "md"):
        text = re.sub(r"<[^>]*>", " ", render(result, style))
        assert "Most of it, 88.0%, is RAM: an assumed constant, not measured." in text
        assert "(estimated, not measured)" in text
    console = Console(width=200, record=True, file=io.StringIO())
    print_summary(result, console, whole=True)
    assert "Wh (estimated, not measured); RAM 88.0% (constant), CPU 12.0% (model)" in console.export_text()


@pytest.mark.parametrize("style", ["html", "md"])
def test_no_kilowatt_hour_and_no_gram_without_its_measured_share(style):
    text = re.sub(r"<[^>]*>", " ", render(sample_results.boston(), style))
    headlines = [
        line for line in re.split(r"[.;] (?=[A-Z])|\n", text) if re.search(r"\d (k?Wh|g of CO2|g CO2e)\b", line)
    ]
    assert headlines
    for line in headlines:
        assert "measured" in line, line


# --- a whole command ------------------------------------------------------------------------------------------------

TOML = """
[energy]
country = "FRA"
market_g_per_kwh = 0
market_source = "supplier"
market_date = 2025-06-30
water_l_per_kwh = 1.8
water_source = "site"
water_date = 2024
functional_unit = "loan application"
functional_units = 10000
[energy.embodied]
total_g = 1500000
lifetime_years = 4
source = "maker"
date = 2024
[energy.declared.tpu]
watts = 170
device = "TPU v4"
source = "Jouppi et al. 2023"
date = 2023
"""


def tracked(folder, *options):
    command = [
        sys.executable,
        "-m",
        "audit",
        "track",
        *options,
        "--",
        sys.executable,
        "-c",
        "import time; time.sleep(1)",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_track_takes_the_energy_of_a_file(tmp_path):
    (tmp_path / "audit.toml").write_text(TOML)
    done = tracked(tmp_path, "--config", "audit.toml")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "audit-runs").glob("2*")
    energy = read_result(folder).energy
    tpu = next(r for r in energy.components if r.component == "tpu")
    assert tpu.energy_j == pytest.approx(170 * energy.duration_s)
    assert energy.carbon_market_g == 0 < energy.carbon_g
    assert energy.water_l == pytest.approx(energy.energy_kwh * 1.8)
    (row,) = energy.sci
    assert row.sci_g == pytest.approx((energy.carbon_g + energy.embodied_g) / 10_000, rel=1e-12)
    assert "TPU" in done.stdout


def test_track_refuses_two_places_for_one_answer(tmp_path):
    (tmp_path / "audit.toml").write_text(TOML)
    done = tracked(tmp_path, "--config", "audit.toml", "--country", "USA")
    assert done.returncode == 2
    assert "--country cannot be combined with --config; remove one of them" in done.stderr


MOMENTS = st.lists(st.floats(0.001, 2.0), min_size=4, max_size=24)


@given(st.floats(0.5, 500.0), MOMENTS, st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.booleans())
def test_joules_of_a_constant_draw_are_its_watts_times_the_time_that_is_covered(watts, steps, enters, leaves, known):
    """Readings at any moments, each of which takes a while in which nothing is counted, and a phase from anywhere."""
    ends = np.cumsum(steps)
    moments = list(zip(ends[::2], ends[1::2], strict=False))  # up to when a reading counts, and when it is over
    phase = sorted((enters * float(ends[-1]), leaves * float(ends[-1])))
    source = Source(component="ram", method="constant", detail="", constant_w=watts if known else None)
    books, joules, last = Ledger(), 0.0, None
    todo = [(phase[0], "enter"), (phase[1], "leave"), *((ended, (began, ended)) for began, ended in moments)]
    for at, what in sorted(todo, key=lambda step: (step[0], isinstance(step[1], tuple))):
        if what == "enter":
            books.enter("train", at)
        elif what == "leave":
            books.leave(at, unread=True)
        else:
            joules += 0.0 if last is None else watts * (what[0] - last)
            books.book({"ram": joules}, *what)
            last = what[1]
    (row,) = books.energy({"ram": source}, float(ends[-1]), missing="", note="").components
    if row.energy_j is not None and row.coverage is not None:
        length_s = phase[1] - phase[0]
        assert row.energy_j == pytest.approx(watts * row.coverage * length_s, rel=1e-6, abs=1e-6 * watts)
        assert row.energy_j <= watts * length_s * (1 + 1e-9)


def test_joules_that_came_before_a_phase_are_not_its_own_however_late_the_answer_is():
    """The first answer comes 0.3 s after the moment of its reading, the last one at once, as on a busy machine."""
    books = Ledger()
    books.enter("train", 10.0)
    books.book({"ram": 0.0}, 10.0, 10.01)
    books.book({"ram": 20 * 0.99}, 11.0, 11.01)
    books.leave(11.0, unread=True)
    (row,) = books.energy({"ram": Source(component="ram", method="constant", detail="", constant_w=20.0)}, 11.0,
                          missing="", note="").components  # fmt: skip
    assert (row.energy_j, row.coverage) == (pytest.approx(19.8), pytest.approx(0.99))
