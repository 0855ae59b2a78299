# `make demo` and `make test` need only Python >= 3.10 (with pip and venv) and make.
# Everything they install goes to .venv; nothing else on the machine changes.

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
BENCH_VENV := $(VENV)-bench
BENCH_PIP := $(BENCH_VENV)/bin/python -m pip --disable-pip-version-check --quiet

# On Linux the torch of PyPI is a CUDA build, which constraints.txt refuses. The second attempt of the
# installs below then takes the CPU build from PyTorch's own index.
TORCH_CPU := --extra-index-url https://download.pytorch.org/whl/cpu
TRY_CPU_INDEX = || { echo "Trying again with the CPU builds of PyTorch's own index."; \
	$(1) $(TORCH_CPU); }

.PHONY: help demo tour test lint docs coverage release-check bench experiments clean

help:
	@echo "make demo   install the linter and show what it finds in examples/"
	@echo "make tour   run examples/tour.ipynb, the story of one bug, and keep what it prints"
	@echo "make test   install everything for the tests and run all checks"
	@echo "make lint   the checks without the tests: ruff, mypy, and jitlint on itself"
	@echo "make docs   write the generated parts of the documentation and build it in build/site"
	@echo "make coverage  the tests again, and which lines and branches they run (40 minutes on two cores)"
	@echo "make release-check  build the packages and try them in clean environments"
	@echo "make bench  compare the speed of jitlint with other linters (about 15 minutes)"
	@echo "make experiments  fit and price everything on the CPU (an hour; stop and continue at will)"
	@echo "make clean  delete the virtual environments and all caches"

demo: $(VENV)/.linter
	$(BIN)/jitlint --exit-zero --no-cache --format full examples/
	$(BIN)/jitlint --exit-zero --no-cache --unsafe-fixes --diff examples/

tour: $(VENV)/.tour
	$(BIN)/jupyter-execute --inplace --kernel_name=python3 examples/tour.ipynb

test: lint
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/jitlint .

docs: $(VENV)/.docs
	$(BIN)/python docs/generate.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

# Whether tests pass is what `make test` says: a few measure time, or what is imported, and fail under coverage.
coverage: $(VENV)/.dev
	rm -f .coverage .coverage.*
	for part in tests/jitlint tests/runtime_probe tests/reference_model "$$(echo tests/test_*.py)"; do \
		$(BIN)/python -m coverage run -m pytest -q $$part || true; done
	$(BIN)/python -m coverage combine --quiet
	for part in jitlint runtime_probe reference_model; do \
		echo "$$part: $$($(BIN)/python -m coverage report --include "$$part/*" --format total) %"; done
	$(BIN)/python -m coverage report --skip-covered --sort cover --fail-under 92

release-check: $(VENV)/.dev
	$(BIN)/python tests/release_check.py

bench: $(VENV)/.linter $(BENCH_VENV)/.peers
	$(BIN)/python benchmarks/lint_speed.py --peers $(BENCH_VENV)/bin \
		--corpus "$$($(BENCH_VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"

experiments: $(VENV)/.reference
	$(BIN)/python -m reference_model fit --preset committed --out runs
	$(BIN)/python -m reference_model prices --out runs
	$(BIN)/python -m reference_model report runs

clean:
	rm -rf $(VENV) $(BENCH_VENV) .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "jitlint needs Python 3.10 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.linter: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -e . -c constraints.txt
	@touch $@

$(VENV)/.docs: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -e '.[docs]' -c constraints.txt
	@touch $@ $(VENV)/.linter

INSTALL_DEV := $(PIP) install -e '.[dev]' -c constraints.txt
$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL_DEV) $(call TRY_CPU_INDEX,$(INSTALL_DEV))
	@touch $@ $(VENV)/.linter

INSTALL_TOUR := $(PIP) install -e '.[tour]' -c constraints.txt
$(VENV)/.tour: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL_TOUR) $(call TRY_CPU_INDEX,$(INSTALL_TOUR))
	@touch $@ $(VENV)/.linter

INSTALL_REFERENCE := $(PIP) install -e '.[reference]' -c constraints.txt
$(VENV)/.reference: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL_REFERENCE) $(call TRY_CPU_INDEX,$(INSTALL_REFERENCE))
	@touch $@ $(VENV)/.linter

INSTALL_PEERS := $(BENCH_PIP) install -c benchmarks/constraints.txt \
	torch torchvision lightning transformers ruff flake8 flake8-bugbear pylint torchfix semgrep
$(BENCH_VENV)/.peers: benchmarks/constraints.txt
	$(PYTHON) -m venv $(BENCH_VENV)
	$(INSTALL_PEERS) $(call TRY_CPU_INDEX,$(INSTALL_PEERS))
	@touch $@
