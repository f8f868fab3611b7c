"""What a list of runs says of each without reading its document."""

from __future__ import annotations

import json

import pytest
import sample_results as samples

from audit.record.heads import find_gate_figure, find_gate_sentence


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "audit.json").write_text(samples.boston().to_json())
    return tmp_path


def test_it_finds_the_gate_that_decides(folder):
    assert find_gate_figure(folder, "fail") == "race 0.64"
    first = next(gate for gate in samples.boston().gates if gate.verdict == "fail")
    assert find_gate_sentence(folder, "fail") == first.sentence


@pytest.mark.parametrize("verdict", ["not judged", None])
def test_a_verdict_that_no_gate_has_says_nothing(folder, verdict):
    assert find_gate_figure(folder, verdict) is None
    assert find_gate_sentence(folder, verdict) is None


@pytest.mark.parametrize("estimate", [None, {}, {"metric": "selection_rate", "value": None}, "text"])
def test_a_gate_without_a_value_says_nothing(folder, estimate):
    document = json.loads((folder / "audit.json").read_text())
    gate = {"name": "g", "verdict": "fail", "sentence": "s", "estimate": estimate}
    head = json.dumps({k: v for k, v in document.items() if k != "gates"})[:-1]
    (folder / "audit.json").write_text(f'{head},\n "gates": [\n{json.dumps(gate)}\n ]}}')
    assert find_gate_figure(folder, "fail") is None
    assert find_gate_sentence(folder, "fail") == "s"
