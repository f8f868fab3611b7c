"""Strict JSON in one place: held to the standard library on what is sound, and to its words on what is not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.system import strict_json
from audit.system.strict_json import NotStrictError

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(values)
def test_what_is_sound_is_read_as_the_standard_library_reads_it(value):
    assert strict_json.read_value(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "fault"),
    [('{"a": 1, "a": 1}', "twice"), ('[{"b": {"a": 1, "a": 2}}]', "twice"), ("[NaN]", "constant"),
     ('{"a": -Infinity}', "constant"), ("[1e999]", "infinite"), ("[-1e999]", "infinite")],
)  # fmt: skip
def test_what_is_not_strict_is_refused_by_its_kind(text, fault):
    with pytest.raises(NotStrictError) as caught:
        strict_json.read_value(text)
    assert caught.value.fault == fault
    assert str(caught.value.what) in str(caught.value)


def test_a_reader_may_ask_for_less_or_more():
    assert strict_json.read_value("1e999", infinite=True) == float("inf")
    with pytest.raises(NotStrictError, match="beyond 64 bits"):
        strict_json.make_decoder(whole=True).decode("9" * 30)
    with pytest.raises(NotStrictError, match=r"9007199254740993\.0 would be rounded"):
        strict_json.make_decoder(whole=True).decode("9007199254740993.0")
    for kept in ("9007199254740994.0", "0.1", "9007199254740993e0", "1.2345678901234567e+22", "-123456.7"):
        assert strict_json.make_decoder(whole=True).decode(kept) == float(kept)
    with pytest.raises(ValueError, match="Expecting"):
        strict_json.read_value("{")
    with pytest.raises(RecursionError):
        strict_json.read_value("[" * 100_000)


def test_a_file_is_bounded_and_utf8(tmp_path):
    file = tmp_path / "a.json"
    for content, fault in ((b"x" * 11, "large"), (b'"\xe9"', "encoding")):
        file.write_bytes(content)
        with pytest.raises(NotStrictError) as caught:
            strict_json.read_text(file, 10)
        assert caught.value.fault == fault
    with pytest.raises(NotStrictError, match="is not a file"):
        strict_json.read_text(tmp_path, 10)
    file.write_bytes(b"\xef\xbb\xbf1")
    assert strict_json.read_text(file, 10, mark=True) == "1"
    assert strict_json.read_text(file, 10) == "\ufeff1"
