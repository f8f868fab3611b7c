"""A run of the future, and a store asked for its list."""

from __future__ import annotations

import pytest

from audit.cli import main

FUTURE = "20991124T020512Z-ffffff"


def asked(capfd, *words):
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    said = capfd.readouterr()
    return caught.value.code or 0, said.out, said.err
