# Each line is one a person could type. `make run` and `make test` set everything up by themselves.
PYTHON ?= python3
BIN := .venv/bin
EXTRAS ?= dev,postgres,server

.PHONY: setup run test test-all coverage lint docs ui server screenshots bench lock clean

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'segmentwerk needs Python 3.11 or newer')"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable ".[$(EXTRAS)]"
	touch $@

run: setup
	$(BIN)/segmentwerk compare

test: setup
	$(BIN)/pytest --doctest-modules -m "not slow" -n logical --maxprocesses 8 --dist loadgroup src tests

test-all: setup
	$(BIN)/pytest --doctest-modules src tests

coverage: setup
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --doctest-modules -m "not slow" -n logical --maxprocesses 8 --dist loadgroup src tests
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

ui: setup
	$(BIN)/segmentwerk ui

server: setup
	$(BIN)/segmentwerk server

screenshots: setup
	SEGMENTWERK_SCREENSHOTS=docs/images $(BIN)/pytest -m browser tests/browser

bench: setup
	$(BIN)/python experiments/bench.py

lock:
	pip-compile --quiet --all-extras --strip-extras --no-emit-find-links --no-emit-index-url --no-annotate --output-file requirements.lock pyproject.toml

clean:
	rm -rf .coverage* .venv .segmentwerk dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
