# The only door: everything that can be done with this repository starts here.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-unit test-contract test-integration test-e2e sandbox sandbox-down generate verify lint format lock bench crash-matrix clean

help: ## what each target does
	@awk 'BEGIN {FS = ":.*## "} /^[a-z][a-z0-9-]*:.*## / {printf "  \033[36m%-18s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements/dev.lock pyproject.toml
	@echo "[setup] Python packages into $(VENV) (about a minute the first time)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(STAMP) ## the virtual environment, hash-locked

lock: $(STAMP) ## resolves the dependencies anew into requirements/*.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 pyproject.toml -o requirements/operator.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 pyproject.toml --extra sandbox --group dev -o requirements/dev.lock

demo: $(STAMP) ## sets everything up and runs a drill from kubectl apply to Completed
	@$(BIN)/python -m drs_sandbox.demo

sandbox: $(STAMP) ## leaves the demo's world up to play with, and prints how
	@$(BIN)/python -m drs_sandbox.demo --stay

sandbox-down: $(STAMP) ## ends what `make sandbox` started
	@$(BIN)/python -m drs_sandbox.demo --down

test: $(STAMP) ## all tests: lint, verify, unit, contract, integration, end to end
	@$(MAKE) --no-print-directory lint verify
	@$(BIN)/python -m drs_sandbox.toolchain kube-apiserver kube-controller-manager kubectl etcd dynamodb
	@$(BIN)/pytest -n 2 --dist loadfile tests

test-unit: $(STAMP) ## seconds: decisions, no network, no processes
	@$(BIN)/pytest -n 2 --dist loadfile tests/unit

test-contract: $(STAMP) ## adapters, ledger and simulator against the sandbox's AWS server
	@$(BIN)/pytest -n 2 --dist loadfile tests/contract

test-integration: $(STAMP) ## against a real API server
	@$(BIN)/pytest -n 2 --dist loadfile tests/integration

test-e2e: $(STAMP) ## the quickstart on the whole sandbox, also with a killed operator
	@$(BIN)/pytest tests/e2e

bench: $(STAMP) ## measures the floors at full size, about ten minutes; BENCH="-o json" for machines
	@$(BIN)/python -m drs_sandbox.toolchain kube-apiserver kube-controller-manager kubectl etcd dynamodb
	@$(BIN)/python -m bench $(BENCH)

crash-matrix: $(STAMP) ## kills the operator at every step of a drill, an hour or so; MATRIX="--minutes 30" ends early, the next call goes on
	@$(BIN)/python -m drs_sandbox.toolchain kube-apiserver kube-controller-manager kubectl etcd dynamodb
	@$(BIN)/python -m tests.crash_matrix $(MATRIX)

generate: $(STAMP) ## writes the generated files anew: CRDs, reasons, CloudFormation, schema of the world file
	$(BIN)/python -m drs_operator.api.crd crds
	$(BIN)/python -m drs_operator.api.reasons docs/reference/reasons.md
	$(BIN)/python -m drs_operator.ledger.cloudformation manifests/aws/ledger.yaml
	$(BIN)/python -m drs_sandbox.world

verify: $(STAMP) ## fails if a generated file is out of date or something is where it must not be
	@test ! -e operator/__init__.py || { echo "operator/__init__.py must not exist: it would shadow Python's own module (docs/adr/0004)"; exit 1; }
	$(BIN)/python -m drs_operator.api.crd crds --check
	$(BIN)/python -m drs_operator.api.reasons docs/reference/reasons.md --check
	$(BIN)/python -m drs_operator.ledger.cloudformation manifests/aws/ledger.yaml --check
	$(BIN)/python -m drs_sandbox.world --check

lint: $(STAMP) ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## formats the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## removes what the other targets made here, not the cache of built tools
	rm -rf .crash-matrix $(VENV) .sandbox .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
