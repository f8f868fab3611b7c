"""Models that were called or metered in different ways: each has its own words, and one sentence tells of all only where it holds of all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audit.record.edge import CallEnergy, Edge, Latency, ModelResources, ToolNoise
from audit.record.energy import EnergyComponent
from audit.report.card.tables.models import make_models_view
from audit.report.resources import describe_basis, describe_calls, describe_missing, describe_noise


def meter(*methods):
    components = tuple(
        EnergyComponent(component=name, phase="audit", method=method, energy_j=1.0)
        for name, method in zip(("cpu", "ram"), methods, strict=False)
    )
    return CallEnergy(predictions=1000, duration_s=1.0, components=components, j_per_1000=2.0)


@pytest.fixture
def edge():
    full = ModelResources(
        name="full",
        file="full.onnx",
        latency=Latency(p50_s=1e-5, p95_s=2e-5, repetitions=200, warm_up=20),
        noise=ToolNoise(rows=9, changed=0, batch=1, second_batch=64),
        energy=meter("counter", "model"),
    )
    models = (full, replace(full, name="int8", file="int8.onnx"))
    machine = {"engine": "onnxruntime 1", "processor": "a processor", "batch": 1, "threads": 1}
    return Edge(full="full", models=models, candidates=(), largest_loss=0.01, **machine)


def test_what_is_the_same_of_all_models_is_said_once(edge):
    assert describe_noise(edge).endswith("the same rows come in another order, 64 a call instead of 1")
    assert describe_basis(edge).endswith("idle power included (CPU measured, RAM estimated)")
    assert "threads: 1, 200 timed calls after 20 to warm up; onnxruntime 1" in describe_calls(edge)
    assert describe_missing(edge) == ""


def test_what_differs_is_said_of_each_model(edge):
    full, int8 = edge.models
    one = replace(int8, noise=replace(int8.noise, second_batch=1), energy=meter("sampled", "constant"))
    edge = replace(edge, models=(full, replace(one, latency=replace(int8.latency, repetitions=40))))
    assert describe_noise(edge).endswith("another order, full: 64 a call instead of 1; int8: again 1 a call")
    basis = "full: CPU measured, RAM estimated; int8: CPU measured from samples, RAM assumed"
    assert describe_basis(edge).endswith(f"({basis})")
    assert "full: 200 timed calls after 20 to warm up; int8: 40 timed calls after" in describe_calls(edge)


def test_why_a_number_is_missing_is_said_of_the_models_that_miss_it(edge):
    full, int8 = edge.models
    of_one = replace(edge, models=(full, replace(int8, energy=None, reason="energy was not asked for")))
    assert describe_missing(of_one) == "int8: energy was not asked for"
    assert make_models_view(of_one, "int8").notes[-1] == "Not measured: int8: energy was not asked for."
    of_both = replace(edge, models=tuple(replace(m, reason="energy was not asked for") for m in edge.models))
    assert describe_missing(of_both) == "energy was not asked for"
