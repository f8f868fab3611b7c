"""Scales of the mean losses of probabilities, and of label less probability; a few rows may carry a loss's variance.

Must not: see rows, names or limits of a policy.
"""

from __future__ import annotations

import numpy as np

from audit.measurement.inference.scales import Scale, mean_of, resting_of

_MOMENTS = {
    "squared_error": ("squared_error_1_w4", "squared_error_2_w4", "squared_error_3_w4", "squared_error_4_w4"),
    "log_loss": ("log_loss_1_w4", "log_loss_2_w4", "log_loss_3_w4", "log_loss_4_w4"),
    "calibration": ("missing_1_w4", "squared_error_1_w4", "missing_3_w4", "squared_error_2_w4"),
}
"""Sums of the first four powers of each size, with fourth powers of weights."""
_RANGES = {"squared_error": (0.0, 1.0), "log_loss": (0.0, np.inf), "calibration": (-1.0, 1.0)}
LOSSES: dict[str, Scale] = {
    name: mean_of(name)._replace(range=_RANGES[name], resting=resting_of(name, moments), lends="value")
    for name, moments in _MOMENTS.items()
}
LOSSES["calibration"] = LOSSES["calibration"]._replace(lends="spread", sizes=mean_of("missing")._replace(lends="value"))
