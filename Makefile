# Two commands from a bare clone: `make demo` and `make test`. Each sets up .venv by itself; it needs Python 3.11 or newer.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
STORE ?= audit-runs

.PHONY: help demo dashboard test test-all lint check simulate bench schema notebook clean
.SECONDARY:

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/.demo: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it: make demo PYTHON=/path/to/python3.11"; exit 2; }
	@echo "Setting up .venv with $(PYTHON) (once, about a minute)"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

.venv/.dev: .venv/.demo
	@echo "Adding what the tests need"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo,dashboard,dev]'
	$(BIN)/python tests/support/schemas.py
	@touch $@

demo: .venv/.demo ## audit a real training run on 1,989 mortgage decisions, and say where its card lies
	$(BIN)/audit run pipelines/boston_mortgages --exit-zero --store $(STORE)

dashboard: .venv/.dev ## show the runs in a browser, on this machine only
	$(BIN)/audit dashboard --store $(STORE)

# Three at a time on two cores: many tests wait for a process, a browser or a clock.
test: .venv/.dev ## all tests but the long ones, under ten minutes on two cores
	$(BIN)/python -m pytest -q -n 3 --dist loadfile -m "not slow"

test-all: .venv/.dev ## all tests, with all examples of property tests
	EVENHAND_ALL_EXAMPLES=1 $(BIN)/python -m pytest -q -n 3 --dist loadfile

lint: .venv/.dev ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test ## what has to be green before a commit

simulate: .venv/.dev ## measure the error of every interval and verdict, and write docs/inference.md (ten minutes)
	$(BIN)/python tests/simulations/run.py --full --out docs/inference.md

# Each peer has an environment of its own, because their pins clash with each other's and with ours.
PEERS := $(basename $(notdir $(wildcard tests/benchmarks/peers/*.txt)))

.venv-peer-%/.done: tests/benchmarks/peers/%.txt
	@echo "Setting up an environment for $*"
	$(PYTHON) -m venv .venv-peer-$*
	.venv-peer-$*/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

bench: .venv/.dev $(PEERS:%=.venv-peer-%/.done) ## time it beside other tools, and write docs/benchmarks.md (half an hour, on an idle machine)
	$(BIN)/python tests/benchmarks/run.py --out docs/benchmarks.md

GREAT := reports/schema/great-expectations

schema: .venv/.dev ## write the JSON Schemas of audit.json, audit.toml, drill.json and expectations, and the pages on audit.toml and on the data checks
	$(BIN)/python -m audit.config.reference --schema > reports/schema/audit-toml-1.schema.json
	$(BIN)/python -m audit.config.reference > docs/audit-toml.md
	$(BIN)/python -m audit.checks.reference > docs/data-checks.md
	$(BIN)/python -m audit.record.schema > reports/schema/audit-result-1.schema.json
	$(BIN)/python -m audit.faults.schema > reports/schema/audit-drill-1.schema.json
	$(BIN)/python -m audit.checks.expectations.argument_schema > $(GREAT)/$$($(BIN)/python -c 'from importlib.metadata import version; print(version("great-expectations"))').json

notebook: .venv/.dev ## run docs/first-audit.ipynb, and keep what it shows
	$(BIN)/python tests/support/first_audit.py

clean: ## remove what was built
	rm -rf .venv .venv-peer-* dist build .pytest_cache .mypy_cache .ruff_cache
