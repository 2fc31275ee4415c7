# Everything runs in .venv, which the first call makes from requirements.lock; later calls find it ready.

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
UNFINISHED := $(VENV)/.unfinished

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help evolve test test-long test-timing test-engine lint clean

help:  ## print this list
	@echo 'make TARGET [ARGS="..."] [PYTHON=python3]'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

evolve: $(STAMP)  ## search for cells: archsearch evolve $(ARGS)
	@$(BIN)/archsearch evolve $(ARGS)

test: $(STAMP)  ## run the quick tests (a few minutes)
	@$(BIN)/python -m pytest $(ARGS)

test-long: $(STAMP)  ## run the slow tests with their full numbers
	@$(BIN)/python -m pytest -m "slow and not timing" --hypothesis-profile=long --timeout=1200 $(ARGS)

test-timing: $(STAMP)  ## run the tests that hold only on an idle machine
	@$(BIN)/python -m pytest -m timing $(ARGS)

test-engine: $(STAMP)  ## hold compiled code against the interpreter: all cells, sizes and builds
	@$(BIN)/python -m pytest -m "(slow or not slow) and not timing" --timeout=1200 tests/compiler $(ARGS)

lint: $(STAMP)  ## check style and types
	@$(BIN)/ruff check .
	@$(BIN)/mypy

clean:  ## remove .venv, caches and build outputs (runs/ stays)
	@rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find archsearch tests -name __pycache__ -type d -prune -exec rm -rf {} +

# An installation that was cut short leaves the mark, and the next call starts it afresh.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  found=$$($(PYTHON) -V 2>/dev/null || echo missing); \
	  echo "Error: archsearch needs Python 3.11 or newer; '$(PYTHON)' is $$found. Name another one: make PYTHON=python3.12 ..." >&2; \
	  exit 1; }
	@echo "Installing archsearch and the packages of requirements.lock into $(VENV) (once, a few minutes) ..."
	@rm -f $@; if [ -e $(UNFINISHED) ]; then rm -rf $(VENV); fi; mkdir -p $(VENV); touch $(UNFINISHED)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq -r requirements.lock
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e .
	@rm -f $(UNFINISHED); touch $@
