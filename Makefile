# Every target makes its own virtual environment the first time and starts at once afterwards.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

QUICK := tests/test_errors.py tests/test_operators.py tests/test_package.py tests/test_readout_encode_monitor.py \
         tests/data tests/train/test_train_schedule.py tests/train/test_train_checkpoint.py

.PHONY: help setup demo test check lint types bench bench-sim wheel clean
.DEFAULT_GOAL := help

help:  ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 11

setup: $(READY)  ## make .venv with everything in it

$(READY): setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python >= 3.11 is needed, {v.major}.{v.minor} found; set PYTHON=")'
	@echo "[setup] making $(VENV): about two minutes the first time"
	$(PYTHON) -m venv $(VENV)
	@echo "[setup] installing NeuroGraph and its tools (constraints.txt pins the versions)"
	$(BIN)/pip install --disable-pip-version-check --progress-bar on -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)  ## train CifarConvNet, then simulate it with numba: the main job
	$(BIN)/python examples/cifar_convnet.py

test: $(READY)  ## all tests
	$(BIN)/python -m pytest -n auto

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

check: lint types  ## format, lint, types and the quick tests: under a minute
	$(BIN)/python -m pytest -n auto -m "not slow" $(QUICK)

bench: $(READY)  ## the training benchmarks; tables go to benchmarks/results/
	$(BIN)/python benchmarks/training.py

bench-sim: $(READY)  ## the simulation benchmarks beside Brian2 and NEST: half an hour; BRIAN2_PYTHON= a Python >= 3.13
	$(BIN)/python benchmarks/simulation.py --setup $(if $(BRIAN2_PYTHON),--brian2-python $(BRIAN2_PYTHON))

wheel: $(READY)  ## a wheel in dist/
	$(BIN)/python -m build --wheel

clean:  ## remove what was made (the environment too)
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
