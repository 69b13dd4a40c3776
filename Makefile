# `make run` and `make test` make the environment in .venv from the hashed locks, once, and then do as they say.
PYTHON ?= python3
EXTRAS ?=
PROFILE ?= quick
ARGS ?=
VENV := .venv
PY := $(VENV)/bin/python
UV := $(shell command -v uv 2>/dev/null)
comma := ,
WANTED := $(patsubst %,$(VENV)/.installed-%,$(subst $(comma), ,$(EXTRAS)))

.DEFAULT_GOAL := help
.PHONY: help run test check docs wheels lock clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10
	@echo "variables: PROFILE=quick  ARGS='--only gru'  EXTRAS=jax,subwords,word2vec,parquet,excel,gpu,page,onnx,litert  PYTHON=python3.12"

run: $(VENV)/.installed-run $(WANTED)  ## run a profile: make run [PROFILE=study] [ARGS='--workers 1']
	$(PY) main.py $(PROFILE) $(ARGS)

test: $(VENV)/.installed-dev $(WANTED)  ## run the tests, two at a time
	$(PY) -m pytest -n 2 --dist worksteal $(ARGS)

check: $(VENV)/.installed-dev  ## lint and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

docs: $(VENV)/.installed-run  ## write docs/configuration.md anew from config.py
	$(PY) -m report.configuration

wheels:  ## show that the locks resolve with binary wheels on every supported Python (needs uv; installs nothing)
	for python in 3.11 3.12 3.13; do for lock in run dev jax subwords word2vec parquet excel page onnx litert; do \
	  echo "Python $$python, $$lock.lock"; \
	  uv pip install --dry-run --python-version $$python --python-platform x86_64-manylinux_2_28 --only-binary :all: \
	    --require-hashes --target $(VENV)/.wheels -r requirements/$$lock.lock 2>&1 | grep -E "Would install|error" || exit 1; \
	done; done

lock:  ## resolve the locks anew (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements/run.lock $(UPGRADE)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -c requirements/run.lock --group dev -o requirements/dev.lock
	for extra in jax gpu parquet excel subwords word2vec page onnx litert; do uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -c requirements/run.lock --extra $$extra -o requirements/$$extra.lock || exit 1; done

clean:  ## remove the environment (never artifacts)
	rm -rf $(VENV)

$(PY):
ifdef UV
	uv venv --quiet --python $(PYTHON) $(VENV)
else
	$(PYTHON) -m venv $(VENV)
endif

# One stamp a lock, out of date when the lock changes; the development lock holds the run lock.
$(VENV)/.installed-%: requirements/%.lock | $(PY)
	$(install) $<
	@touch $@ $(if $(filter dev,$*),$(VENV)/.installed-run)

ifdef UV
install = uv pip install --quiet --python $(PY) --require-hashes -r
else
install = $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r
endif
