# Everything a newcomer needs: `make demo`, `make test`. Each target sets itself up on a fresh clone.
# Recipes are plain sh; the set-up itself is tools/install.py (standard library only).

.DEFAULT_GOAL := help
.PHONY: help install demo local local-stop check test soak fuzz mutants backtest bench release lock clean
MAKEFLAGS += --no-print-directory

PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest
# The CDK's command line starts `node` by name: ours comes with the Python packages.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

PYTHON_READY := .venv/.installed
NODE_READY := node_modules/.installed

help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'
	@echo "  Variables of demo and local: CONFIG=FILE (default feedback.toml), PORT=N (default 4566)"
	@echo "  Variables of backtest: TRACE=FILE (CSV), CONFIG=FILE with it; SEED=N without"
	@echo "  Variables of soak and fuzz: SEED=N (default: a new one, printed), EVENTS=N, INPUTS=N"

install: $(NODE_READY) ## set up .venv and node_modules, and nothing else
	@:

demo: $(NODE_READY) ## deploy to an embedded AWS, send mail through it, show what the loop did
	@$(PYTHON) -m local demo

local: $(NODE_READY) ## the embedded AWS, deployed and left running in the foreground (.local/env has its exports)
	@$(PYTHON) -m local up

local-stop: $(NODE_READY) ## end what `make local` started
	@$(PYTHON) -m local stop

check: $(NODE_READY) ## lint, types, import contracts, unit and property tests: under a minute
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo --config pyproject.toml
	@$(PYTEST) -n auto tests/unit tests/property --ignore tests/unit/adapters

test: check ## check, then adapters, a short soak and fuzz, infrastructure, and end to end
	@$(PYTEST) -n auto tests/unit/adapters tests/soak tests/fuzz
	@$(PYTEST) tests/infra tests/e2e

soak: $(PYTHON_READY) ## a million events under throttles, lost answers and crashes, against a model: some minutes
	@$(PYTHON) -m tests.soak

fuzz: $(PYTHON_READY) ## 240,000 broken and invented inputs through every entry point: some minutes
	@$(PYTHON) -m tests.fuzz

mutants: $(PYTHON_READY) ## change the rules in every small way: which changes does no test notice? Some twenty minutes
	@.venv/bin/mutmut run
	@.venv/bin/mutmut results

backtest: $(NODE_READY) ## months of simulated mail through the synthesised alarms, in a minute; TRACE=FILE plays your own
	@$(PYTHON) -m backtest

bench: $(NODE_READY) ## speed and size against peers and floors, as one table
	@$(PYTHON) -m benchmarks

release: $(NODE_READY) ## keep what the commit deploys, as the release that later ones must update; COMMIT=… (default HEAD)
	@$(PYTHON) tools/keep_release.py $(COMMIT)

lock: $(PYTHON_READY) ## write the lock files anew from requirements*.in and package.json
	@$(PYTHON) tools/lock.py

clean: ## remove everything that make made here, the embedded AWS included
	@if [ -d .local ] && [ -x $(PYTHON) ]; then $(PYTHON) -m local stop; fi
	@rm -rf .venv node_modules .local .build cdk.out *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache mutants
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What setting up says goes to standard error: standard output is the command's own.
$(PYTHON_READY): requirements.txt requirements-dev.txt pyproject.toml tools/install.py
	@python=$$(tools/find-python) && "$$python" tools/install.py python >&2

$(NODE_READY): $(PYTHON_READY) package.json package-lock.json .npmrc
	@$(PYTHON) tools/install.py node >&2
