# Everything a newcomer needs: `make run` and `make test`. Both make their own environment.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Tests start some hundred processes: without bytecode kept each compiles every module anew.
unexport PYTHONDONTWRITEBYTECODE
# Files of tests side by side; ARGS="-n 0" runs them one after the other, for a debugger.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

.PHONY: help run test test-slow test-reference test-oldest coverage reached mutants system parity bench \
        scorecard lint ci clean

help:
	@echo "make run             set up, then train the ladder of networks and draw their gradients"
	@echo "make test            set up, then run the test suite (under 5 minutes)"
	@echo "make test-slow       the slow tests"
	@echo "make test-reference  the suite on the readable NumPy kernels"
	@echo "make test-oldest     the suite on the oldest versions of what it needs"
	@echo "make coverage        the branches that the suite reaches; fails under 90 % of a module (installs the peers)"
	@echo "make reached         the same, and which tests reach which line, for make mutants"
	@echo "make mutants         changes the source in one place at a time: do the tests notice? (hours)"
	@echo "make parity          what needs PyTorch and other peers, the HTML report in a browser (installs them)"
	@echo "make bench           training steps timed beside the peers (ARGS=--quick: under 2 minutes)"
	@echo "make scorecard       the claims of the post and the papers, tried anew (docs/scorecard.md)"
	@echo "make lint            linter, formatter and types"
	@echo "make clean           remove the environment, caches and outputs"

$(VENV)/.python:
	@command -v $(PYTHON) >/dev/null || { echo "No '$(PYTHON)' found: install Python 3.11 or newer, or say PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "nnscratch needs Python 3.11 or newer; %s is %d.%d. Say for example PYTHON=python3.11" % (sys.executable, *v[:2]))'
	@echo "==> Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.python pyproject.toml
	@echo "==> Installing nnscratch (NumPy, Numba, Matplotlib)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.runtime
	@echo "==> Installing the test tools (pytest, pytest-xdist, hypothesis)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	@echo "==> Installing the linter and the type checker"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[lint]'
	@touch $@

$(VENV)/.peers: $(VENV)/.test
	@echo "==> Installing the peers to compare with (PyTorch, JAX, scikit-learn)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[peers]'
	@touch $@

run: $(VENV)/.runtime
	@echo "==> Training the ladder of networks: nnscratch compare $(ARGS)"
	@$(BIN)/nnscratch compare $(ARGS)

test: $(VENV)/.test
	@echo "==> Running the tests: pytest $(ARGS)"
	@$(PYTEST) $(ARGS)

test-slow: $(VENV)/.test
	@echo "==> Running the slow tests"
	@$(PYTEST) -m slow $(ARGS)

test-reference: $(VENV)/.test
	@echo "==> Running the tests on the reference kernels (plain NumPy)"
	@NNSCRATCH_KERNELS=reference $(PYTEST) $(ARGS)

system:
	@sh tests/system.sh

# What `make test` skips in part or whole for want of a peer or a browser.
WITH_PEERS = tests/parity tests/benchmarks tests/plots/report/browser tests/nnscratch/pytorch \
  $(shell grep -rlE --include='test_*.py' 'importorskip' tests)

parity: $(VENV)/.peers system
	@echo "==> Comparing with PyTorch and other peers, and the HTML report in a browser"
	@$(PYTEST) $(WITH_PEERS) $(ARGS)

bench: $(VENV)/.peers
	@echo "==> Benchmarks: python -m benchmarks $(ARGS)"
	@$(BIN)/python -m benchmarks $(ARGS)

reached:
	@NNSCRATCH_CONTEXT=test_function $(MAKE) coverage

mutants: $(VENV)/.peers
	@echo "==> Changing one thing at a time: who notices? (hours; ARGS=\"--areas theory --count 20\")"
	@nice $(BIN)/python tests/mutants $(ARGS)

# The suite, the comparison with the peers in it, on the readable kernels; then the tests of what
# only compiled kernels have, and those slow ones that alone reach what measures, tries claims and
# judges cures. What is left out, and why, stands in pyproject.toml.
COVERED  := $(subst $(BIN)/python,$(BIN)/python -m coverage run,$(PYTEST))
COMPILED := tests/kernels tests/benchmarks/test_growth.py $(addprefix tests/nnscratch/,network \
  test_sequences.py test_interrupts.py test_interrupted_compiling.py training/test_stretch.py \
  pytorch/test_watch.py)
SLOWLY   := -m slow tests/benchmarks tests/nnscratch/cli/test_public_cases.py $(addprefix \
  tests/nnscratch/experiments/,public claims/test_small_runs.py claims/test_committed_results.py)

coverage: $(VENV)/.peers system
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'coverage>=7.10'
	@$(BIN)/python -m coverage erase
	@echo "==> Branch coverage of the suite on the reference kernels"
	@NNSCRATCH_KERNELS=reference $(COVERED) $(ARGS)
	@echo "==> Branch coverage of what runs compiled kernels"
	@NNSCRATCH_KERNELS=numba $(COVERED) $(COMPILED) $(ARGS)
	@NNSCRATCH_KERNELS=numba $(COVERED) $(SLOWLY) $(ARGS)
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report | awk '{ print } /\.py / && $$NF + 0 < 90 { low++ } \
		END { if (low) { print low " modules lie under 90 %"; exit 1 } }'

test-oldest:
	@echo "==> The suite on the oldest versions that pyproject.toml allows"
	@$(PYTHON) -m venv $(VENV)-oldest
	@sed -n '/^dependencies/,/^\]/s/ *"\(.*\)>=\(.*\)",/\1==\2/p' pyproject.toml > $(VENV)-oldest/constraints.txt
	@echo 'pyparsing<3.3 # newer ones warn of what that Matplotlib does' >> $(VENV)-oldest/constraints.txt
	@$(VENV)-oldest/bin/python -m pip install --quiet --constraint $(VENV)-oldest/constraints.txt --editable '.[test]'
	@$(VENV)-oldest/bin/python -m pytest -n auto $(ARGS)

scorecard: $(VENV)/.runtime
	@echo "==> Trying every claim: nnscratch reproduce all --out docs $(ARGS)"
	@$(BIN)/nnscratch reproduce all --out docs $(ARGS)

lint: $(VENV)/.lint
	@echo "==> Linter, formatter, types"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

ci:
	@.ci/run

clean:
	rm -rf $(VENV) $(VENV)-oldest runs build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
