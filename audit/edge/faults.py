"""What ONNX Runtime refuses, in words that name the mend.

Must not: run a model.
"""

from __future__ import annotations

import re

from audit.errors import printable

NOISE = re.compile(
    # The code of the error, and the path that the sentence around it names already.
    r"\[ONNXRuntimeError\] : \d+ : \w+ : |Load model from .*? failed:|Non-zero status code returned while running "
    # The place in the source of the engine, with the signature of a function that may hold brackets.
    r"|\w+\.cc:\d+ \w+ |/onnxruntime_src/\S+:\d+ [^()]*\((?:[^()]|\([^()]*\))*\) "
)
NODE = re.compile(r" node\. Name:'.*?' Status Message: ")
"""What stands between the kind of an operator and what it refuses."""
LONGEST = 200
AGAIN = "export it again"
MENDS = {
    "IR version": "export it with an older opset, or upgrade onnxruntime",
    "is under development": "export it with an older opset, or upgrade onnxruntime",
    "External": "put the whole file of its weights beside it",
    "not a registered function/op": "export it with operators of ONNX alone",
}
"""What to do, by what the engine says of a file that it does not open."""


def list_faults() -> tuple[type[Exception], ...]:
    """List the errors of the engine, which share no base but Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    kinds = (getattr(state, name) for name in dir(state))
    of_engine = (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Exception))
    return (RuntimeError, ValueError, OSError, *of_engine)


def quote_fault(error: Exception) -> str:
    """Return what the engine says, in one line and without the places in its own source."""
    said = NODE.sub(": ", NOISE.sub("", str(error)))
    return printable(" ".join(said.split()).rstrip("."), LONGEST)


def choose_mend(error: Exception) -> str:
    """Return what to do about a file that the engine does not open."""
    said = str(error)
    return next((mend for part, mend in MENDS.items() if part in said), AGAIN)
