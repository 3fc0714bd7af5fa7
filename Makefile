# The README's two commands are `make quickstart` and `make test`. Both need nothing beforehand but Python and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install quickstart test slow check format bench docs clean

help:  ## Show what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(STAMP)  ## Make .venv and install everything, once

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "polycritic needs Python 3.11 or newer"'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $(STAMP)

quickstart: $(STAMP)  ## Train one critic on built-in tasks, judge tasks it never saw, write a report
	$(BIN)/polycritic quickstart

test: $(STAMP)  ## Run the tests
	$(BIN)/python -m pytest

slow: $(STAMP)  ## Run the tests that take minutes
	$(BIN)/python -m pytest -m slow

check: $(STAMP)  ## Lint, types, imports, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

format: $(STAMP)  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)  ## Run the benchmarks
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

docs: $(STAMP)  ## Build the documentation into docs/_build
	$(BIN)/sphinx-build -W -q -b html docs docs/_build

clean:  ## Remove what builds leave behind
	rm -rf $(VENV) docs/_build docs/auto_examples .mypy_cache .ruff_cache .pytest_cache .hypothesis
