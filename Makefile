# `make` alone explains the targets. Everything happens in .venv; nothing needs root.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--exclude-newer "2 weeks" \
	--custom-compile-command "make lock"

help: ## explain the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.run ## run deploy/samples/quickstart.yaml with no cluster (ASK="Hello" asks once and ends)
	@$(BIN)/kubectl-assistant run deploy/samples/quickstart.yaml $(if $(ASK),--ask "$(ASK)")

test: .venv/.dev control-plane ## every test, on a real kube-apiserver (ARGS="-k name" chooses)
	$(BIN)/pytest -n 2 $(ARGS)

check: lint test ## everything that CI checks

lint: .venv/.dev ## style, types, import directions, and that generated files are fresh
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/python -m chatassistant_operator.generate --check

generate: .venv/.dev ## write what is generated from the models: the CRD and the reference
	$(BIN)/python -m chatassistant_operator.generate

format: .venv/.dev ## let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: .venv/.uv ## pin every dependency anew, with hashes
	$(COMPILE) --upgrade --extra dev pyproject.toml -o requirements/dev.txt
	for extra in operator kubeconfig chatbot cli; do \
		$(COMPILE) --extra $$extra --constraint requirements/dev.txt pyproject.toml -o requirements/$$extra.txt; \
	done
	$(COMPILE) --extra chatbot --extra cli --constraint requirements/dev.txt pyproject.toml -o requirements/run.txt
	for tool in uv go; do \
		$(COMPILE) --upgrade requirements/$$tool.in -o requirements/$$tool.txt; \
	done

bench: .venv/.dev control-plane ## compare the operator with its peers and floors (minutes)
	$(BIN)/python -m bench.operator
	$(BIN)/python -m bench.operator.real

control-plane: .venv/.dev ## build etcd, kube-apiserver and the rest for the tests, once
	@PYTHONPATH=tests $(BIN)/python -m support.kubernetes.build

clean: ## remove what was set up here
	rm -rf .venv dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

.venv/.uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with PYTHON=…"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "On Debian, 'apt-get install python3-venv' brings what is missing."; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

.venv/.run: .venv/.uv requirements/run.txt pyproject.toml
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/run.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

.venv/.dev: .venv/.uv requirements/dev.txt pyproject.toml
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@ .venv/.run

.PHONY: help demo test check lint generate format lock bench control-plane clean
