# `make run` and `make test` make the environment in .venv from the hashed locks, once, and then do as they say.
PYTHON ?= python3
EXTRAS ?=
PROFILE ?= quick
ARGS ?=
VENV := .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
UV := $(shell command -v uv 2>/dev/null)
comma := ,
LOCKS_RUN := requirements/run.lock $(patsubst %,requirements/%.lock,$(subst $(comma), ,$(EXTRAS)))

.DEFAULT_GOAL := help
.PHONY: help run test check lock clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10
	@echo "variables: PROFILE=quick  ARGS='--only gru'  EXTRAS=jax,parquet,gpu  PYTHON=python3.12"

run: $(INSTALLED)-run  ## run a profile: make run [PROFILE=study] [ARGS='--workers 1']
	$(PY) main.py $(PROFILE) $(ARGS)

test: $(INSTALLED)-dev  ## run the tests
	$(PY) -m pytest $(ARGS)

check: $(INSTALLED)-dev  ## lint and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

lock:  ## resolve the locks anew (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements/run.lock $(UPGRADE)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -c requirements/run.lock --group dev -o requirements/dev.lock
	for extra in jax gpu parquet; do uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -c requirements/run.lock --extra $$extra -o requirements/$$extra.lock || exit 1; done

clean:  ## remove the environment (never artifacts)
	rm -rf $(VENV)

$(PY):
ifdef UV
	uv venv --quiet --python $(PYTHON) $(VENV)
else
	$(PYTHON) -m venv $(VENV)
endif

# The stamp of what is installed: it is out of date when a lock changes, and an extra installs once.
$(INSTALLED)-dev: requirements/dev.lock $(LOCKS_RUN) | $(PY)
	$(call install,requirements/dev.lock $(filter-out requirements/run.lock,$(LOCKS_RUN)))
	@touch $(INSTALLED)-run $@

$(INSTALLED)-run: $(LOCKS_RUN) | $(PY)
	$(call install,$(LOCKS_RUN))
	@touch $@

ifdef UV
install = uv pip install --quiet --python $(PY) --require-hashes $(addprefix -r ,$(1))
else
install = $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes $(addprefix -r ,$(1))
endif
