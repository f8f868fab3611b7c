"""Every block of code in README and the guide runs as it stands, and what it prints is what the page shows.

Regenerate outputs with: EVENHAND_UPDATE_GOLDEN=1 pytest tests/house/test_docs.py
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import guide_data
import pytest
from commands import audit, run_program

from audit.config.read import build

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "README.md",
    *(f"docs/{name}.md" for name in (
        "first-audit", "concepts", "limits", "pairs", "python", "training-loop", "tables", "privacy", "edge", "faq",
        "language-models"
    )),
)  # fmt: skip
BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)(?P<path>[^)#]+)(?:#(?P<heading>[^)]+))?\)")
RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
VERDICTS = {0, 1, 3}
LOADED = ("pandas", "torch", "sklearn.linear_model", "sklearn.pipeline", "sklearn.preprocessing")
"""What every program of a page imports: loaded once for all of them."""
NOT_RUN = {"pip": "installs from a registry", "make": "is what CI runs", "cd": "is followed by this test"}
"""Commands that are not started here, and why."""


def blocks(page, *languages):
    text = (ROOT / page).read_text(encoding="utf-8")
    return [m["text"] for m in BLOCK.finditer(text) if m["language"] in languages]


def test_every_language_is_run():
    known = {"sh", "toml", "python", "text"}
    found = {m["language"] for page in PAGES for m in BLOCK.finditer((ROOT / page).read_text(encoding="utf-8"))}
    assert found == known


def commands(text):
    """Commands of a shell block, comments and broken lines resolved."""
    joined = text.replace("\\\n", " ")
    return [words for line in joined.splitlines() if (words := shlex.split(line, comments=True))]


def run(words, folder):
    if words[0] == "audit":
        return audit(*words[1:], cwd=folder, env={"COLUMNS": "80"}, timeout=300)
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "80",
           "NO_COLOR": "1"}  # fmt: skip
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "sh")])
def test_commands_run_and_print_what_the_page_shows(page, tmp_path):
    folder = guide_data.write(tmp_path)
    if ".onnx" in "".join(blocks(page, "sh")):
        pytest.importorskip("onnxruntime", reason="pip install 'evenhand[onnx]'")
        guide_data.write_models(folder)
    shown, text = [], (ROOT / page).read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        if match["language"] == "sh":
            shown = []
            for words in commands(match["text"]):
                if words[0] == "cd":
                    folder = folder / words[1]
                if words[0] in NOT_RUN:
                    continue
                done = run(words, folder)
                allowed = VERDICTS if words[0] == "audit" else {0}
                assert done.returncode in allowed, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
                shown.append(done.stdout)
        elif match["language"] == "text":
            printed = RUN_ID.sub("20261130T020810Z-f5e2b1", "".join(shown))
            if os.environ.get("EVENHAND_UPDATE_GOLDEN"):
                text = text.replace(match.group(), f"```text\n{printed}```")
                (ROOT / page).write_text(text, encoding="utf-8")
            assert f"```text\n{printed}```" in text, f"{page} shows what is not printed"


@pytest.mark.parametrize("page", [*PAGES, "docs/ci.md"])
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for found in LINK.finditer(text):
        target = ((ROOT / page).parent / found["path"]).resolve()
        assert target.exists(), found["path"]
        if found["heading"]:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert found["heading"] in {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize(("page", "text"), [(p, t) for p in PAGES for t in blocks(p, "toml")])
def test_configurations_are_read(page, text):
    """A piece of a file is read within the rest of one."""
    written = tomllib.loads(text)
    whole = {section: guide_data.CONFIG.get(section, {}) for section in ("data", "predictions")} | written
    whole["data"] = {**guide_data.CONFIG["data"], **written.get("data", {})}
    if "train" in written:
        whole["predictions"] = written["predictions"]
    if "waivers" in written:
        whole["gates"] = [{"metric": "selection_rate", "compare": "ratio", "by": ["race"], "min": 0.8}]
    assert build(whole) == build(whole), page


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")])
def test_python_runs(page, tmp_path, monkeypatch):
    """All blocks of a page, in order, as one program that already has the data."""
    monkeypatch.chdir(guide_data.write(tmp_path))
    if ".onnx" in "".join(blocks(page, "python")):
        pytest.importorskip("onnxruntime", reason="pip install 'evenhand[onnx]'")
        guide_data.write_models(tmp_path)
    program = "\n".join([guide_data.PRELUDE, *blocks(page, "python")])
    done = run_program(program, env={"COLUMNS": "80", "NO_COLOR": "1"}, timeout=300, loaded=LOADED)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_extras_that_are_named_exist(page):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for names in re.findall(r"evenhand\[([\w,-]+)\]", (ROOT / page).read_text(encoding="utf-8")):
        assert set(names.split(",")) <= set(extras)


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("target", ["demo", "test"])
def test_targets_of_the_readme_exist(target):
    assert f"make {target} " in "".join(blocks("README.md", "sh"))
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
