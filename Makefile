# Everything runs from .venv, which is made and brought up to date on the way. `make` alone lists what there is.
SHELL := /bin/bash
PY := .venv/bin/python
PROJECTS := $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)
PIP := $(PY) -m pip --quiet --disable-pip-version-check --require-virtualenv
ARGS ?=
# Python 3.11 reads where our packages are in the encoding that this says, and C's has no letters beyond ASCII.
unexport LC_ALL

.DEFAULT_GOAL := help
.PHONY: help up down test lint bench soak-ingest soak-bist soak-monitor soak-incidents fuzz lock

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: .venv/run.stamp ## start everything here, without Docker, and print the address (Ctrl-C stops it)
	@exec $(PY) -IS scripts/leash.py $(PY) scripts/up.py $(ARGS)

down: ## stop what `make up` of this folder left running
	@if [ -x $(PY) ]; then exec $(PY) scripts/down.py $(ARGS); else echo "nothing was running"; fi

test: .venv/dev.stamp ## run all tests, two files side by side since most of them wait; ARGS="-k name" picks some
	$(PY) -m pytest -n 2 --dist loadfile $(ARGS)

lint: .venv/dev.stamp ## check style, formatting and types
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

bench: .venv/dev.stamp ## measure throughput and latency; ARGS="ingest --rounds 5" picks a part
	$(PY) tests/bench/run.py $(ARGS)

soak-ingest: .venv/dev.stamp ## all of BtcTurk's pairs for ten minutes, every message accounted for
	$(PY) tests/soak/ingest.py $(ARGS)

soak-bist: .venv/dev.stamp ## a year of Borsa İstanbul on virtual time, asked as often as in earnest; some ten minutes
	$(PY) tests/soak/bist.py $(ARGS)

soak-monitor: .venv/dev.stamp ## weeks of both venues on a virtual clock, with incidents: what the monitor misses or makes up
	$(PY) tests/soak/monitor.py $(ARGS)

soak-incidents: .venv/dev.stamp ## labelled incidents on running processes: what is found, how soon, and what is made up; a quarter of an hour
	$(PY) tests/soak/incidents.py $(ARGS)

fuzz: .venv/fuzz.stamp ## throw a million inputs at the protocol (Python 3.11 only)
	$(PY) tests/fuzz/run.py $(ARGS)

lock: ## resolve the requirements again and pin them (needs uv); ARGS=--upgrade for newer versions
	scripts/lock.sh $(ARGS)

# The stamps are written last, so a failed or interrupted install is taken up again. They do not count when the Python
# that .venv was made with is gone, as after an upgrade, nor in a folder that was moved or copied: our packages would be
# looked for, or found, where it was before.
.PHONY: elsewhere
HERE = test -x $(PY) && test "$$(cat .venv/run.stamp)" = "$$(pwd -P)"
.venv/run.stamp: requirements.lock $(PROJECTS) $(if $(shell { $(HERE); } 2>/dev/null || echo no),elsewhere)
	@scripts/venv.sh
	@echo "installing requirements.lock and our own packages into .venv"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --no-index $(addprefix -e ,$(dir $(PROJECTS)))
	@pwd -P >$@

.venv/dev.stamp: .venv/run.stamp requirements-dev.lock
	@echo "installing requirements-dev.lock into .venv"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

.venv/fuzz.stamp: .venv/dev.stamp requirements-fuzz.lock
	@echo "installing requirements-fuzz.lock into .venv"
	@$(PIP) install --require-hashes -r requirements-fuzz.lock
	@touch $@
