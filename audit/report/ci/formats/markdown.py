"""One comment in Markdown, for a pull request: the verdict, the limits, the waivers.

The first line is a mark by which a comment of before is found and edited, so that there is never a second one.
"""

from __future__ import annotations

import re

from audit.report.ci.ci_report import CiReport, Format
from audit.report.ci.sections import (
    MARK,
    MOST_COMMENT_BYTES,
    Section,
    write_foot,
    write_head,
    write_limits,
    write_page,
    write_waivers,
)

MOST_LIMITS = 50


def write(report: CiReport) -> str:
    """Return the report as one comment."""
    body = (*write_limits(report, MOST_LIMITS), *write_waivers(report), write_foot(report))
    return write_page([Section("mark", MARK), write_head(report), *body], MOST_COMMENT_BYTES)


FORMAT = Format(name="markdown", file="audit-comment.md", write=write, ours=re.compile(re.escape(MARK)))
