"""Software Carbon Intensity, published totals, and joules that come back exactly."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from fractions import Fraction

import pytest
import sample_results
from hypothesis import given
from hypothesis import strategies as st

from audit.config.read import build
from audit.energy.carbon import Grid
from audit.energy.ledger import add_declared_rows
from audit.energy.sci import (
    NOT_EMBODIED,
    compute_carbon_per_unit,
    compute_embodied_g,
    compute_sci_g,
)
from audit.energy.site import Site, make_site
from audit.energy.totals import total_footprint
from audit.energy.units import J_PER_KWH, to_joules, to_kwh
from audit.errors import QuestionError
from audit.estimate import Estimate
from audit.pipeline.verify import describe_differences
from audit.record.energy_text import estimate_total, format_mass
from audit.record.result import EnergyComponent, Factor
from audit.report.card.energy import make_energy_view
from audit.report.disclosure.publishable import publishable

H, T = 3600.0, 1e6


def grid(g_per_kwh: float) -> Grid:
    factor = Factor(name="grid carbon intensity", value=g_per_kwh, unit="gCO2e/kWh", source="published", date="2024")
    return Grid(country="USA", g_per_kwh=g_per_kwh, factor=factor)


def contract(g_per_kwh: float) -> Factor:
    return Factor(name="contracted carbon intensity", value=g_per_kwh, unit="gCO2e/kWh", source="s", date="2024")


def row(energy_j: float | None, **more) -> EnergyComponent:
    said = {"component": "gpu", "phase": "train", "method": "declared", "coverage": 1.0}
    return EnergyComponent(**{**said, "energy_j": energy_j, **more})


def cells(table):
    return {r.header: [c.text for c in r.cells] for r in table.rows}


# --- formulas -------------------------------------------------------------------------------------------------------


def test_the_worked_vector_of_the_standard():
    operational = 1.2 * 1.5 * 400  # kWh with the site's overhead, times g per kWh
    embodied = compute_embodied_g(1_500_000, reserved_s=7200, lifetime_s=4 * 365 * 86_400, reserved_share=1 / 8)
    assert operational == pytest.approx(720, rel=1e-15)
    assert embodied == pytest.approx(10.702055, abs=5e-7)
    assert compute_sci_g(operational, embodied, 10_000) == pytest.approx(0.07307021, abs=5e-9)
    exact = (Fraction(12, 10) * Fraction(3, 2) * 400 + Fraction(1_500_000 * 7200, 4 * 365 * 86_400 * 8)) / 10_000
    assert compute_sci_g(operational, embodied, 10_000) == pytest.approx(float(exact), rel=1e-15)


def test_the_same_vector_through_a_whole_ledger():
    config = build(
        {
            "energy": {
                "pue": 1.5,
                "functional_unit": "loan application",
                "functional_units": 10_000,
                "embodied": {
                    "total_g": 1_500_000,
                    "lifetime_years": 4,
                    "reserved_share": 0.125,
                    "source": "maker",
                    "date": 2024,
                },
            }
        }
    )
    site = replace(make_site(config.energy), grid=grid(400))
    energy = total_footprint([row(1.2 * J_PER_KWH)], 7200, site, "")
    assert energy.carbon_g == pytest.approx(720, rel=1e-14)
    assert energy.embodied_g == pytest.approx(10.702055, abs=5e-7)
    (found,) = compute_carbon_per_unit(energy, unit=config.energy.unit, predictions=None)
    assert found.sci_g == pytest.approx(0.07307021, abs=5e-9)
    assert (found.operational_g, found.embodied_g) == (energy.carbon_g / 10_000, energy.embodied_g / 10_000)
    view = make_energy_view(replace(energy, sci=(found,)))
    assert view.units.caption.startswith("Software carbon intensity (ISO/IEC 21031:2024)")
    assert cells(view.units)["loan application"] == ["73.1 mg", "72.0 mg", "1.07 mg"]


@pytest.mark.parametrize("units", [0, -1, math.nan, math.inf])
def test_an_impossible_number_of_units_is_refused(units):
    with pytest.raises(QuestionError, match="units"):
        compute_sci_g(1, 1, units)


@pytest.mark.parametrize("lifetime_s", [0, -5, math.nan])
def test_an_impossible_lifetime_is_refused(lifetime_s):
    with pytest.raises(QuestionError, match="lifetime_s"):
        compute_embodied_g(1, reserved_s=1, lifetime_s=lifetime_s, reserved_share=1)


# --- joules and kilowatt-hours --------------------------------------------------------------------------------------


@given(st.integers(1, 10**15), st.integers(0, 9))
def test_a_figure_of_fifteen_digits_comes_back_exactly(digits, places):
    energy_j = float(f"{digits}e-{places}")
    assert to_joules(to_kwh(energy_j)) == energy_j


@given(st.floats(1e-12, 1e18))
def test_any_figure_comes_back_to_fifteen_digits(energy_j):
    assert math.isclose(to_joules(to_kwh(energy_j)), energy_j, rel_tol=5.5e-15)


@given(st.floats(1e-12, 1e18))
def test_kilowatt_hours_are_the_nearest_float_to_the_exact_quotient(energy_j):
    assert to_kwh(energy_j) == float(Fraction(energy_j) / 3_600_000)


def test_two_joules_may_share_one_figure_of_kilowatt_hours_which_is_why_digits_are_named():
    start, shared = 4.0e6, 0
    for _ in range(200):
        following = math.nextafter(start, math.inf)
        shared += to_kwh(start) == to_kwh(following)
        start = following
    assert shared > 0


# --- published totals -----------------------------------------------------------------------------------------------


def test_bloom_keeps_dynamic_idle_and_embodied_apart():
    """Luccioni et al. 2022: 1,082,990 GPU hours of 400 W, 57 g/kWh; 256,646 kWh of idle; 11.2 t of making."""
    dynamic_j, idle_j = 1_082_990 * 400.0 * H, 256_646 * J_PER_KWH
    assert to_kwh(dynamic_j) == pytest.approx(433_196, rel=1e-12)
    share = idle_j / (dynamic_j + idle_j)
    site = Site(grid=grid(57))
    energy = total_footprint([row(dynamic_j + idle_j, idle_share=share)], None, site, "")
    energy = replace(energy, embodied_g=11.2 * T)
    idle_g = energy.carbon_g * energy.idle_kwh / energy.energy_kwh
    assert idle_g / T == pytest.approx(14.63, abs=0.005)
    assert (energy.carbon_g - idle_g) / T == pytest.approx(24.69, abs=0.005)
    assert (energy.carbon_g + energy.embodied_g) / T == pytest.approx(50.5, abs=0.05)
    shown = cells(make_energy_view(energy).totals)
    assert shown["Carbon, location-based"][0] == "39.3 t"
    assert shown["… for the work"][0] == "24.7 t"
    assert shown["… idle"][0] == "14.6 t"
    assert shown["Embodied carbon (not in the total)"][0] == "11.2 t"


def test_llama_shows_the_grid_beside_a_contract_of_zero():
    """Llama 3.1 405B: 30.84 M GPU hours of 700 W; 8,930 t location based, 0 t market based."""
    site = Site(grid=grid(8930e6 / 21_588_000), market=contract(0))
    energy = total_footprint([row(30.84e6 * 700.0 * H)], None, site, "")
    assert energy.energy_kwh == pytest.approx(21_588_000, rel=1e-12)
    assert energy.carbon_g / T == pytest.approx(8930, rel=1e-12)
    assert energy.carbon_market_g == 0
    shown = cells(make_energy_view(energy).totals)
    assert shown["Carbon, location-based"][0] == "8,930 t"
    assert shown["Carbon, market-based"][0] == "0 g"
    assert "stated beside the location-based figure, never instead of it" in shown["Carbon, market-based"][1]
    (found,) = compute_carbon_per_unit(energy, unit=("model", 1), predictions=None)
    assert found.operational_g == energy.carbon_g, "the intensity is location based, whatever the contract"


def test_a_contract_without_a_grid_does_not_take_its_place():
    energy = total_footprint([row(3.6e6)], None, Site(market=contract(20)), "")
    assert (energy.carbon_g, energy.carbon_market_g) == (None, 20)
    (found,) = compute_carbon_per_unit(energy, unit=("model", 1), predictions=None)
    assert (found.operational_g, found.sci_g) == (None, None)
    assert "country" in found.reason
    assert cells(make_energy_view(energy).totals)["Carbon, location-based"][0] == "undefined"


# --- a correct prediction of each group -----------------------------------------------------------------------------


def accuracy(group: str, value: float | None, **more) -> Estimate:
    said = {"stage": "model", "metric": "accuracy", "by": ("race",), "group": (group,), "value": value}
    return Estimate(**{**said, **more})


@given(
    st.floats(1e-6, 1e9),
    st.floats(1e-6, 1e9),
    st.lists(st.tuples(st.integers(1, 500), st.integers(1, 500)), min_size=1, max_size=6),
)
def test_groups_pay_for_their_predictions_and_the_groups_pay_for_all(carbon_g, embodied, counts):
    groups = [(right, right + wrong) for right, wrong in counts]
    n = sum(all_ for _, all_ in groups)
    energy = replace(total_footprint([row(1.0)], None, Site(), ""), carbon_g=carbon_g, embodied_g=embodied)
    found = compute_carbon_per_unit(
        energy,
        unit=None,
        predictions=n,
        accuracies=[accuracy(str(i), right / all_) for i, (right, all_) in enumerate(groups)],
    )
    per, each = found[0], found[1:]
    assert per.sci_g * n / 1000 == pytest.approx(carbon_g + embodied, rel=1e-12)
    for one, (right, all_) in zip(each, groups, strict=True):
        spent_g = (carbon_g + embodied) * all_ / n
        assert one.sci_g == pytest.approx(spent_g / right, rel=1e-12)
    whole = math.fsum(one.sci_g * right for one, (right, _) in zip(each, groups, strict=True))
    assert whole == pytest.approx(carbon_g + embodied, rel=1e-9)


def test_the_interval_is_that_of_the_accuracy_turned_over():
    energy = replace(total_footprint([row(1.0)], None, Site(), ""), carbon_g=30.0)
    found = compute_carbon_per_unit(
        energy, unit=None, predictions=100, accuracies=[accuracy("a", 0.5, low=0.0, high=0.75), accuracy("b", 1.0)]
    )
    assert (found[1].operational_g, found[1].low, found[1].high) == (0.6, pytest.approx(0.4), None)
    assert found[2].operational_g == 0.3


@pytest.mark.parametrize(
    ("value", "reason", "said"), [(None, "nobody is labelled", "nobody is labelled"), (0.0, None, "no prediction is")]
)
def test_a_group_without_correct_predictions_has_no_figure(value, reason, said):
    energy = replace(total_footprint([row(1.0)], None, Site(), ""), carbon_g=30.0, embodied_g=1.0)
    one = compute_carbon_per_unit(energy, unit=None, predictions=100, accuracies=[accuracy("a", value, reason=reason)])[
        1
    ]
    assert (one.sci_g, one.operational_g, one.embodied_g, one.low, one.high) == (None,) * 5
    assert said in one.reason


def test_without_embodied_carbon_it_is_called_operational_and_no_intensity():
    energy = total_footprint([row(3.6e6)], 10, Site(grid=grid(500)), "")
    found = compute_carbon_per_unit(energy, unit=("loan", 10), predictions=1000, accuracies=[accuracy("a", 0.5)])
    assert [r.sci_g for r in found] == [None] * 3
    assert {r.reason for r in found} == {NOT_EMBODIED}
    assert [r.operational_g for r in found] == [50, 500, 1]
    view = make_energy_view(replace(energy, sci=found))
    assert view.units.caption.startswith("Operational carbon")
    assert "no software carbon intensity" in view.units.note
    assert estimate_total(replace(energy, sci=found), "sci_g").status == "undefined"


def test_one_reason_for_all_units_is_said_once():
    energy = total_footprint([row(3.6e6)], 10, Site(), "")
    found = compute_carbon_per_unit(energy, unit=("loan", 10), predictions=1000, accuracies=[accuracy("a", 0.5)])
    assert [r.operational_g for r in found] == [None] * 3
    shown = cells(make_energy_view(replace(energy, sci=found)).units)
    assert list(shown) == ["loan", "1,000 predictions"]
    assert all("set [energy] country" in texts[0] for texts in shown.values())


def test_a_whole_run_has_a_row_for_each_group_and_the_card_hides_those_whose_accuracy_is_hidden():
    result = sample_results.boston()
    rows = {r.group: r for r in result.energy.sci if r.by == ("race",)}
    per = next(r for r in result.energy.sci if r.kind == "predictions")
    for e in result.find("accuracy", by=["race"]):
        if e.compare is None and e.group is not None:
            assert rows[e.group].sci_g == pytest.approx(per.sci_g / 1000 / e.value, rel=1e-12)
    shown = publishable(result)
    left = {e.group for e in shown.find("accuracy", by=["race"]) if e.status == "suppressed" and e.group}
    assert left, "the sample hides a group"
    for r in shown.energy.sci:
        if r.by == ("race",):
            assert (r.sci_g is None) == (r.group in left), r


def test_verify_finds_a_total_that_was_changed():
    result = sample_results.boston()
    energy = result.energy
    assert not [d for d in describe_differences(result) if d.startswith("energy")]
    for name in ("energy_kwh", "carbon_g", "carbon_market_g", "water_l", "embodied_g", "measured_share"):
        wrong = replace(result, energy=replace(energy, **{name: getattr(energy, name) * 0.9 + 1e-6}))
        assert any(d.startswith(f"energy.{name}: ") for d in describe_differences(wrong)), name
    scaled = tuple(replace(r, sci_g=(r.sci_g or 0) / 2) for r in energy.sci)
    said = describe_differences(replace(result, energy=replace(energy, sci=scaled)))
    assert any(re.match(r"energy\.sci\.[0-9]+\.sci_g: ", d) for d in said)


def test_declared_rows_are_of_training_alone():
    site = make_site(
        build({"energy": {"declared": {"tpu": {"watts": 170, "device": "TPU v4", "source": "s", "date": 2023}}}}).energy
    )
    assert add_declared_rows(site.declared, "validate", 5, []) == add_declared_rows(site.declared, "audit", 5, []) == []
    (found,) = add_declared_rows(site.declared, "train", 5, [])
    assert (found.energy_j, found.method, found.device, found.idle_share) == (850, "declared", "TPU v4", None)


@given(st.floats(1e-12, 1e12))
def test_a_mass_in_words_is_the_mass(grams):
    number, unit = format_mass(grams).replace(",", "").split()
    scale = {"ng": 1e-9, "µg": 1e-6, "mg": 1e-3, "g": 1, "kg": 1e3, "t": 1e6}[unit]
    assert float(number) * scale == pytest.approx(grams, rel=0.0051)
