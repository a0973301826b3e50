# `make preview STACK=prod` and `make test` set up what they need, once.
STACK ?= prod
PYTHON ?= python3
BIN := venv/bin

.PHONY: preview test check schema golden clean
.DEFAULT_GOAL := preview

preview: venv/.ready
	@$(BIN)/python -m local.preview $(STACK) $(ARGS)

test: venv/.ready
	@$(BIN)/python -m pytest $(ARGS)

check: venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Files in the repository that are computed from it; tests fail when they are stale.
schema: venv/.ready
	@$(BIN)/python -m blueprint.schema > stack.schema.json

golden: venv/.ready
	@$(BIN)/python -m tests.golden

clean:
	rm -rf venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

venv/.ready: requirements.txt requirements-dev.txt
	@echo "Setting up the virtual environment in venv/ (once, about half a minute) ..." >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv venv
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
