# llmlab from a bare checkout: Python 3.10 or newer, a C++ compiler and make are all it takes.
#
#   make run     chat in the terminal              make run ARGS='ask "Hello"'
#   make test    the tests                         make test ARGS='tests/store -x'
#   make check   format, lint, types, walls, tests
#   make bench   the benchmarks, as a table of ratios
#
# Everything goes into .venv; remove that folder to start afresh. PYTHON=... chooses the interpreter.

PYTHON ?= python3 python3.14 python3.13 python3.12 python3.11 python3.10 python
CXX_NAMES := $(CXX) c++ g++ clang++
ARGS ?=

VENV := .venv
PY := $(VENV)/bin/python
# The name of a stamp holds a checksum, not a time: a fresh clone or a switched branch reinstalls only what changed.
SUM := $(shell cksum < pyproject.toml | cut -d ' ' -f 1)
RUN_READY := $(VENV)/.run-$(SUM)
DEV_READY := $(VENV)/.dev-$(SUM)

# What must be importable to go on with what is there when pip cannot follow pyproject.toml, for want of a network.
RUN_NEEDS := import llmlab.cli, llama_cpp, textual
DEV_NEEDS := $(RUN_NEEDS), pytest, hypothesis, mypy, importlinter

# Nothing from outside the checkout leaks in.
unexport PYTHONPATH PYTHONHOME
export PYTHONNOUSERSITE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run test check lint style types walls bench clean

help:
	@sed -n '3,6s/^#//p' Makefile

run: $(RUN_READY)
	@$(PY) -m llmlab $(ARGS)

test: $(DEV_READY)
	@$(PY) -m pytest $(ARGS)

check: lint test

lint: style types walls

style: $(DEV_READY)
	$(PY) -m ruff format --check
	$(PY) -m ruff check

types: $(DEV_READY)
	$(PY) -m mypy

walls: $(DEV_READY)
	$(PY) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

bench: $(DEV_READY)
	@$(PY) -m benchmarks $(ARGS)

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(PY):
	@for python in $(PYTHON); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then \
	    echo "llmlab: making $(VENV) with $$($$python --version)"; \
	    $$python -m venv --clear $(VENV) && exit 0; \
	    rm -rf $(VENV); \
	    echo "llmlab: this Python cannot make virtual environments. On Debian and Ubuntu:  sudo apt install python3-venv" >&2; \
	    exit 1; \
	  fi; \
	done; \
	echo "llmlab: Python 3.10 or newer is needed; tried: $(PYTHON)." >&2; \
	echo "  Install one, or name it:  make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; \
	exit 1

$(RUN_READY): $(PY)
	@$(call install,-e .,$(RUN_NEEDS),$@)

$(DEV_READY): $(PY)
	@$(PY) -m pip --version | awk '{ exit !($$2 + 0 < 25.1) }' && $(PY) -m pip install --quiet --upgrade 'pip>=25.1' || true
	@$(call install,-e . --group dev,$(DEV_NEEDS),$@ $(RUN_READY))

# $(1): what pip installs; $(2): imports that do without pip; $(3): the stamps that say it is done.
define install
compiler=; for name in $(CXX_NAMES); do command -v $$name >/dev/null 2>&1 && compiler=$$name && break; done; \
echo "llmlab: installing into $(VENV); the first time builds llama.cpp, which takes some minutes"; \
if [ -n "$$compiler" ]; then only=; else only="--only-binary llama-cpp-python"; fi; \
if $(PY) -m pip install $$only $(1); then touch $(3); exit 0; fi; \
if $(PY) -c '$(2)' 2>/dev/null; then \
  echo "llmlab: pyproject.toml changed and pip could not follow it; going on with what is installed" >&2; exit 0; fi; \
echo >&2; \
if [ -z "$$compiler" ]; then \
  echo "llmlab: no C++ compiler was found, and llama-cpp-python has to be built with one." >&2; \
  echo "  Debian, Ubuntu:  sudo apt install g++      Fedora:  sudo dnf install gcc-c++" >&2; \
  echo "  macOS:  xcode-select --install             Then try again." >&2; \
else \
  echo "llmlab: pip could not install llmlab; what it says above is the reason. The first time needs the network." >&2; \
fi; \
exit 1
endef
