# Everything runs in .venv, which the first call makes from the locks in requirements/; later calls find it ready.
# What the program needs comes with $(RUN), what tests and lint need besides with $(DEV).

PYTHON ?= python3
ARGS ?=
# All cores, whatever OMP_NUM_THREADS says of the threads of one process, which nproc would go by.
CORES ?= $(shell env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc 2>/dev/null || echo 1)
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.run
DEV := $(VENV)/.dev
UNFINISHED := $(VENV)/.unfinished
# Python compiles what it imports; to compile all packages beforehand takes as long as to install them.
INSTALL := $(BIN)/python -m pip install -qq --no-deps --require-hashes --no-compile

# Which test files have tests of a marker: to collect all others takes as long as many tests.
MARKED = $(shell grep -rlw --include='test_*.py' $(1) tests)

# What a machine with torch, triton and pytest may still lack.
GPU_PACKAGES := dill lark msgspec multiprocess platformdirs setproctitle tomli-w
GPU_PYTHON ?= 3.12
GPU_PLATFORMS := manylinux_2_28_x86_64 manylinux_2_17_x86_64 manylinux2014_x86_64
empty :=
space := $(empty) $(empty)

# One process more than there are cores: tests of workers, kills and locks wait for others most of their time.
PARALLEL := -n $(shell expr $(CORES) + 1) --dist worksteal

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help evolve test test-long test-timing test-engine scale chaos gpu-wheels gpu-check lint docs lock audit clean

help:  ## print this list
	@echo 'make TARGET [ARGS="..."] [PYTHON=python3]'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

evolve: $(RUN)  ## search for cells: archsearch evolve $(ARGS)
	@$(BIN)/archsearch evolve $(ARGS)

test: $(DEV)  ## run the quick tests (ten to twenty minutes on two cores)
	@$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

test-long: $(DEV)  ## run the slow tests with their full numbers
	@$(BIN)/python -m pytest -m "slow and not timing" --hypothesis-profile=long --timeout=1200 --durations=20 $(PARALLEL) $(or $(ARGS),$(call MARKED,slow))

test-timing: $(DEV)  ## run the tests that hold only on an idle machine
	@$(BIN)/python -m pytest -m timing $(or $(ARGS),$(call MARKED,timing))

test-engine: $(DEV)  ## hold compiled code against the interpreter: all cells, sizes and builds
	@$(BIN)/python -m pytest -m "(slow or not slow) and not timing" --timeout=1200 $(PARALLEL) tests/compiler $(ARGS)

scale: $(DEV)  ## measure a run of 100,000 candidates and 20,000 compiled cells (about a quarter of an hour)
	@$(BIN)/python -m tests.scale search $(ARGS)
	@$(BIN)/python -m tests.scale cells

chaos: $(DEV)  ## kill, damage, read and soak at random moments, a quarter of an hour; --driver-kills N and others in ARGS
	@$(BIN)/python -m pytest -m chaos --timeout=3600 tests/chaos $(ARGS)

gpu-wheels:  ## fetch what gpu-check needs beside torch, for a machine without network, into build/gpu-wheels
	@$(PYTHON) -m pip download -qq --no-deps --only-binary=:all: --python-version $(GPU_PYTHON) --implementation cp \
	  $(GPU_PLATFORMS:%=--platform %) -d build/gpu-wheels \
	  $(shell sed -nE 's/^(($(subst $(space),|,$(GPU_PACKAGES)))==[^ ;]*).*/\1/p' requirements/run.lock) && ls build/gpu-wheels

gpu-check:  ## run what only a GPU shows, in eight minutes, with the torch of $(PYTHON); ARGS="--data DIR" for PTB
	@if [ -d build/gpu-wheels ]; then $(PYTHON) -m pip install -qq --no-index --no-deps --no-compile --upgrade \
	  --target build/gpu-site build/gpu-wheels/*.whl; fi
	@PYTHONPATH="$(CURDIR):$(CURDIR)/build/gpu-site" $(PYTHON) -m tests.gpu $(ARGS)

lint: $(DEV)  ## check style, layout and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

docs: $(DEV)  ## renew the help in docs/commands.md, and build the site of the documents in build/site
	@$(BIN)/python docs/commands.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build -q && echo build/site/index.html

lock:  ## renew the locks in requirements/ from pyproject.toml
	@$(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/python -m pip install -qq uv
	@PATH="$(CURDIR)/$(VENV)-lock/bin:$$PATH" $(PYTHON) requirements/lock.py $(ARGS); rm -rf $(VENV)-lock

audit:  ## ask the advisory databases about every locked package (needs the network)
	@$(PYTHON) -m venv $(VENV)-audit && $(VENV)-audit/bin/python -m pip install -qq pip-audit
	@status=0; for lock in run dev cuda; do \
	  $(VENV)-audit/bin/pip-audit --disable-pip --require-hashes -r requirements/$$lock.lock $(ARGS) || status=1; done; \
	  rm -rf $(VENV)-audit; exit $$status

clean:  ## remove .venv, caches and build outputs (runs/ stays)
	@rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find archsearch tests -name __pycache__ -type d -prune -exec rm -rf {} +

# An installation that was cut short leaves the mark, and the next call starts it afresh.
$(RUN): requirements/run.lock requirements/cpu.lock requirements/cuda.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  found=$$($(PYTHON) -V 2>/dev/null || echo missing); \
	  echo "Error: archsearch needs Python 3.11 or newer; '$(PYTHON)' is $$found. Name another one: make PYTHON=python3.12 ..." >&2; \
	  exit 1; }
	@echo "Installing archsearch and the packages of requirements/run.lock into $(VENV) (once, a few minutes) ..."
	@rm -f $@ $(DEV); if [ -e $(UNFINISHED) ]; then rm -rf $(VENV); fi; mkdir -p $(VENV); touch $(UNFINISHED)
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) -r requirements/cpu.lock 2>/dev/null || true  # torch for CPUs where pip finds that, else the index's below
	@$(INSTALL) -r requirements/run.lock
	@if $(BIN)/python -c 'import importlib.metadata as m; raise SystemExit(not any("nvidia" in r for r in m.requires("torch")))'; \
	  then $(INSTALL) -r requirements/cuda.lock; fi
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e .
	@rm -f $(UNFINISHED); touch $@

$(DEV): $(RUN) requirements/dev.lock
	@echo "Installing what the tests need (requirements/dev.lock) into $(VENV) (once) ..."
	@$(INSTALL) -r requirements/dev.lock
	@touch $@
