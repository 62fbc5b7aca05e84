# Doorstep's commands. `make` or `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The first of these that is Python 3.11 or newer; name another with `make setup PYTHON=python3.12`.
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(name))))
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.doorstep-setup
PINS := requirements/setup.txt requirements/dev.txt
SOURCES := $(wildcard services shared cli deploy tests bench)
# Where the tests marked `broker` are; the other service tests hand events to the consumer's own code directly.
KAFKA_TESTS = tests/shared tests/journeys tests/inventory/test_races.py \
	tests/faults/test_crashes_under_load.py tests/faults/test_deaths_in_mid_journey.py tests/faults/test_zombies.py \
	tests/faults/test_last_units.py tests/faults/test_sick_events.py tests/faults/test_restore.py \
	tests/faults/test_restore_refunds.py
TWO_STACKS = -n 2 --dist loadscope --no-loadscope-reorder
# The rest is wide, or has a target of its own.
CORE_TESTS = $(addprefix tests/,care contracts inventory journeys orders shared shipping)
DOORSTEP_DATA ?= ../shared/data
OLIST := $(DOORSTEP_DATA)/olist
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --no-emit-index-url

# Each process would compile the whole suite again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(STAMP) ## Create .venv with the hash-pinned dependencies (costs nothing when nothing changed)

$(STAMP): $(PINS) pyproject.toml
	@if [ -z "$(PYTHON)" ]; then \
		echo "Doorstep needs Python 3.11 or newer; python3 here is: $$(python3 --version 2>&1 || true)." >&2; \
		echo "Install one, then: make setup PYTHON=/path/to/python3.11" >&2; exit 1; fi
	@if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$(PYTHON) cannot create environments; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; fi
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/setup.txt
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

.PHONY: demo
demo: setup ## Watch 300 orders go from a storefront's POST to the doorstep (ARGS="--orders 50")
	$(BIN)/doorstep demo $(ARGS)

.PHONY: replay-olist
replay-olist: setup ## Replay a year of real orders from DOORSTEP_DATA (ARGS="--limit 1000 --assert")
	@if [ ! -d "$(OLIST)" ]; then \
		echo "The olist data set is not at $(OLIST); set DOORSTEP_DATA to the directory that holds olist/." >&2; exit 1; fi
	$(BIN)/doorstep replay-orders olist $(OLIST) $(ARGS)

.PHONY: run
run: setup ## Start the suite on this machine, without load, and say where it is
	$(BIN)/doorstep up

.PHONY: stop
stop: setup ## Stop it; its data stays for the next start
	$(BIN)/doorstep down

.PHONY: reset
reset: setup ## Stop it and delete its data
	$(BIN)/doorstep reset

.PHONY: lock
lock: setup ## Compile requirements/*.txt from pyproject.toml again, with hashes (LOCK_ARGS=--upgrade for newer ones)
	$(COMPILE) $(LOCK_ARGS) requirements/setup.in -o requirements/setup.txt
	$(COMPILE) $(LOCK_ARGS) pyproject.toml -o requirements/runtime.txt
	$(COMPILE) $(LOCK_ARGS) pyproject.toml --extra local -o requirements/local.txt
	$(COMPILE) $(LOCK_ARGS) pyproject.toml --extra local --extra dev -o requirements/dev.txt

.PHONY: format
format: setup ## Format the code and apply the safe fixes
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

.PHONY: check
check: setup ## Lint, formatting, types, import layers, house rules, compatibility of the events
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/house_rules tests/contracts

.PHONY: contracts
contracts: setup ## Write the schemas and AsyncAPI of the events again, and golden examples of new ones
	$(BIN)/python -m shared.events.contracts write
	$(BIN)/python -m tests.contracts.examples

.PHONY: corpus
corpus: setup ## Record what this version publishes, for later ones to consume (RELEASE=0.2.0 as that release's, once)
	$(BIN)/python -m tests.contracts.corpus $(RELEASE)

.PHONY: test
test: setup ## Test services and journeys on two embedded stacks at once (ARGS="tests/orders -k ..." narrows it, to one)
	$(BIN)/pytest -m "not wide and not faults and not browser and not fuzz" $(or $(ARGS),$(TWO_STACKS) $(CORE_TESTS))

.PHONY: test-wide
test-wide: setup ## Test the rest: every door, route and role, console, command line, stack, simulator, data replays
	$(BIN)/pytest -m "wide and not faults and not browser and not fuzz" $(TABLE) $(or $(ARGS),$(TWO_STACKS))

.PHONY: chromium
chromium:
	@if ! command -v chromium >/dev/null && [ -z "$${DOORSTEP_CHROMIUM:-}" ]; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing Chromium ..."; \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
				apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
		else \
			echo "The browser tests need Chromium; on Debian: sudo apt-get install chromium" >&2; \
			echo "Elsewhere set DOORSTEP_CHROMIUM to a Chromium or Chrome program." >&2; exit 1; \
		fi; fi

.PHONY: test-browser
test-browser: setup chromium ## Work the console's pages in Chromium, as people do (ARGS="-k phone")
	$(BIN)/pytest tests/browser $(ARGS)

.PHONY: screenshots
screenshots: setup chromium ## Play a demonstration and take pictures of every page into docs/screenshots (ARGS="--only pick")
	$(BIN)/python -m tests.browser.screenshots $(ARGS)

.PHONY: wrk
wrk:
	@if ! command -v wrk >/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing wrk ..."; \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
				apt-get install -y -qq --no-install-recommends wrk >/dev/null; \
		else \
			echo "The benchmarks' load comes from wrk, a C program; on Debian or Ubuntu: sudo apt-get install wrk" >&2; \
			exit 1; \
		fi; fi

.PHONY: bench
bench: setup wrk java ## Measure speed against PostgreSQL's own, in minutes (ARGS="--only intake_1")
	$(BIN)/python -m bench quick $(ARGS)

.PHONY: bench-full
bench-full: setup wrk java ## The same with more cells and 1,000,000 orders of history (ARGS="--write-docs")
	$(BIN)/python -m bench full $(ARGS)

.PHONY: profile
profile: setup wrk java ## Show where the processor time of each hot path goes, by py-spy (ARGS="--write-docs")
	$(BIN)/python -m bench profile $(ARGS)

.PHONY: simulate
simulate: setup ## Simulate 10 to 1,000 times the orders with the costs last measured, to see what fills up first
	$(BIN)/python -m bench simulate $(ARGS)

.PHONY: soak
soak: setup wrk java ## Place RATE=150 orders a second for MINUTES=30 and watch what must stay flat
	$(BIN)/python -m bench soak --minutes $(or $(MINUTES),30) --rate $(or $(RATE),150) $(ARGS)

.PHONY: java
java:
	@if ! command -v java >/dev/null || ! command -v mvn >/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing Java 17 and Maven ..."; \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
				apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless maven >/dev/null; \
		else \
			echo "Apache Kafka needs Java 17 or newer and Maven (its jars come from Maven Central);" >&2; \
			echo "on Debian or Ubuntu: sudo apt-get install openjdk-17-jre-headless maven" >&2; exit 1; \
		fi; fi

.PHONY: security
security: setup ## Run the tests that prove the security lines, and print for each how many there are and whether they pass
	$(BIN)/pytest -m "security and not faults and not browser and not fuzz" --security-table -q $(or $(ARGS),$(TWO_STACKS))

.PHONY: fuzz
fuzz: setup ## Send every door and parser what nobody thought of, for a few minutes (SEED=1 repeats a run)
	DOORSTEP_FUZZ_SEED=$(SEED) $(BIN)/pytest tests/fuzz -q $(ARGS)

.PHONY: audit
audit: setup ## Known vulnerabilities of the dependencies (where a source of advisories is reachable), secrets in files
	@$(BIN)/python .ci/audit.py

.PHONY: sbom
sbom: setup ## Write what the image holds to sbom.json, as CycloneDX
	$(BIN)/cyclonedx-py requirements requirements/runtime.txt --pyproject pyproject.toml --sv 1.6 \
		--output-reproducible --of JSON --output-file sbom.json
	@$(BIN)/python -c 'import json; print("sbom.json:", len(json.load(open("sbom.json"))["components"]), "components")'

.PHONY: faults
faults: setup ## Faults F1 to F24 in running stacks, as long as promised, a line and its zeros for each (SHORT=1: minutes)
	$(BIN)/pytest tests/faults --ignore=tests/faults/test_kill_in_demo.py $(if $(SHORT),,--full) $(ARGS)

.PHONY: faults-soak
faults-soak: setup ## Live load while faults strike at random for MINUTES=20, then check all (SEED= repeats a schedule)
	$(BIN)/python -m tests.faults.soak --minutes $(or $(MINUTES),20) $(if $(SEED),--seed $(SEED))

.PHONY: guards
guards: setup ## Remove each lock, dedupe and check of the version seen in a copy, and show its test go red (ARGS="--only shared")
	$(BIN)/python -m tests.guards $(ARGS)

.PHONY: faults-demo
faults-demo: setup ## Kill processes in mid-demonstration and compare the outcomes (ARGS="-k in_turn": the short form)
	$(BIN)/pytest tests/faults/test_kill_in_demo.py $(ARGS)

.PHONY: test-kafka
test-kafka: setup java ## Run messages, journeys, races and faults against a real Apache Kafka, idempotent producer on
	DOORSTEP_TEST_BROKER=kafka $(BIN)/pytest -m broker $(or $(ARGS),$(KAFKA_TESTS))

.PHONY: kafka-up
kafka-up: setup java ## Start a real Apache Kafka of its own at 127.0.0.1:9092, with the suite's topics
	$(BIN)/python -m deploy.local.kafka_server up

.PHONY: kafka-down
kafka-down: setup ## Stop it
	$(BIN)/python -m deploy.local.kafka_server down
