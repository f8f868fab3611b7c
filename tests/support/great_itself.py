"""Great Expectations as its users call it, on a frame that pandas itself made: the oracle of what a suite says.

It shares nothing with the package: neither its reading of reports nor its frames.
"""

from __future__ import annotations

import json
import logging
import warnings


def great(frame, expectations):
    """Of each expectation (type, kwargs) pass, fail or error, and its unexpected count, which may be None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            batch = _batch(frame)
            return [_asked(batch, kind, kwargs) for kind, kwargs in expectations]
        finally:
            logging.disable(before)


def _batch(frame):
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})


def _asked(batch, kind, kwargs):
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    try:
        made = ExpectationConfiguration(type=kind, kwargs=kwargs).to_domain_obj()
        found = batch.validate(made, result_format="BASIC").to_json_dict()
    except Exception:  # noqa: BLE001 - whatever it raises is an error of the peer
        return "error", None
    raised = '"raised_exception": true' in json.dumps(found.get("exception_info") or {}, default=str)
    outcome = "error" if raised else "pass" if found["success"] else "fail"
    return outcome, found["result"].get("unexpected_count")
