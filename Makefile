# Everything runs from a virtual environment in .venv, which every target makes or brings up to date first.
# Needs Python 3.11 or newer and nothing else; PYTHON=/path/to/python3.12 chooses one.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
# Test processes, each with servers of its own: two keep two cores busy.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: help setup demo run test test-full test-kafka lint types imports dependencies check bench docs-api docs-check

help: ## Show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{printf "  make %-13s %s\n", $$1, $$2}'
	@echo "  ARGS='…' is passed on: make test ARGS='tests/unit -k routes', make run ARGS='--port-base 9000'"
	@echo "  WORKERS=1 runs tests one after the other"

setup: ## Make .venv: the locked dependencies, checked by hash, and this workspace's packages
	@scripts/setup.sh

demo: setup ## Do the main job once, on sample input, and show each step
	@$(BIN)/tieline demo $(ARGS)

run: setup ## Start everything on this machine and stay up until Ctrl-C
	@$(BIN)/tieline up $(ARGS)

test: setup ## Run every test
	@$(PYTEST) $(ARGS)

test-full: setup ## Run every test, also those that work on whole data sets for minutes
	@TIELINE_TEST_FULL=1 $(PYTEST) $(ARGS)

test-kafka: setup ## Run the tests that need a broker on a real Apache Kafka (needs Java 17 and Maven)
	@TIELINE_TEST_KAFKA=apache $(PYTEST) -m stack $(ARGS)

lint: setup ## Check style and formatting
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "run .venv/bin/ruff format"; exit 1; }

types: setup ## Check types, strictly
	@$(BIN)/mypy

imports: setup ## Check who imports whom
	@$(BIN)/lint-imports --no-logo

dependencies: setup ## Check that every member declares what it imports
	@scripts/check_dependencies.sh

docs-check: setup ## Check that the generated documents are up to date
	@$(BIN)/python -m scripts.gen_docs --check

check: lint types imports dependencies docs-check ## All checks that are no tests

bench: setup ## Measure the main paths on this machine
	@$(BIN)/python -m benchmarks $(ARGS)

docs-api: setup ## Write the API documents and tables that are generated
	@$(BIN)/python -m scripts.gen_docs
