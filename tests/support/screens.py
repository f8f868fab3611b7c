"""The dashboard without a browser: a page of it over a store, and all text on it."""

from __future__ import annotations

import html
import re
from pathlib import Path

from served_store import WIDEST_S

from audit.cli import dashboard

APP = Path(__file__).resolve().parents[2] / "dashboards" / "app.py"
SCREENS = tuple(sorted(p.stem for p in (APP.parent / "screens").glob("*.py")))
TAG = re.compile(r"<style>.*?</style>|<[^>]*>", re.DOTALL)


def open_screen(store, monkeypatch, screen="run", **asked):
    """A page, at an address with the given choices."""
    from streamlit.testing.v1 import AppTest

    monkeypatch.setenv(dashboard.STORE_VARIABLE, str(store.folder))
    at = AppTest.from_file(str(APP), default_timeout=WIDEST_S)
    for key, value in asked.items():
        at.query_params[key] = value
    if screen != "run":
        at._page_hash = ""
        at.switch_page(f"screens/{screen}.py")
    return at.run()


def list_html(at):
    """Return every piece of HTML on the page, without the style."""
    drawn = [b.value for b in at.markdown if b.value.startswith("<div class='evenhand'>")]
    linked = [h.proto.body for h in at.get("html") if "<style>" not in h.proto.body]
    return [*drawn, *linked]


def read_screen(at):
    """Return all text of the page in one line, without tags and escapes."""
    made = [html.unescape(TAG.sub(" ", piece)) for piece in list_html(at)]
    own = [b.value for kind in ("title", "markdown", "error", "warning", "info", "header") for b in at.get(kind)]
    plain = [re.sub(r"\\([^A-Za-z0-9])", r"\1", t).replace("\u2060", "") for t in own if "class='evenhand'" not in t]
    return re.sub(r"\s+", " ", " ".join([*made, *plain])).replace("\u2060", "")
