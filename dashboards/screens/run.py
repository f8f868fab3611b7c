"""The verdict of one run: why, by how much, who answers for it, and what to do."""

from __future__ import annotations

from dashboards import shell


def main() -> None:
    """Draw the page."""
    shown = shell.get_shown()
    card = shell.make_page_view(shown)
    shell.draw("verdict", card=card, name=shown.result.run.id)
    shell.draw("limits", limits=card.limits)
    flows = [grouping.flow for grouping in card.model if grouping.flow is not None]
    if flows:
        shell.draw("flow", flows=flows)
    if card.models is not None:
        shell.draw("models", models=card.models)


main()
