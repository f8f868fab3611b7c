"""A refusal held to its words and to the time that it may take."""

from __future__ import annotations

import time

import pytest

from audit.errors import SourceError

FAST_S = 2.0


def refused(call, says):
    """The one line of a refusal, which has to come quickly."""
    before = time.process_time()  # what it takes by itself, whatever else this machine does
    with pytest.raises(SourceError, match=f"(?i){says}") as caught:
        call()
    assert time.process_time() - before < FAST_S
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()
    assert caught.value.exit_code == 2
    return str(caught.value)
