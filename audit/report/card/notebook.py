"""A result as a notebook shows it: the verdict, the limits, the groups.

A notebook is its author's private desk, so nothing is left out here; the card is what is published.

Must not: need a stylesheet, a script or the network.
"""

from __future__ import annotations

from audit.record.result import AuditResult
from audit.report.card.render import environment
from audit.report.card.view import card_view
from audit.report.disclosure.publishable import publishable


def fragment(result: AuditResult) -> str:
    """Piece of HTML that stands on its own; names and reasons are escaped."""
    view = card_view(publishable(result, 1), 1)
    return environment("html").get_template("notebook.html.j2").render(card=view)
