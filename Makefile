# Everything runs in .venv, which the first command makes. Nothing but Python 3.10 or newer, make and git is needed.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
FRAMEWORKS := frameworks frameworks-openai-3-3 frameworks-openai-2
READY := $(VENV)/.ready-$(shell cksum pyproject.toml | cut -d' ' -f1)

.PHONY: help demo test lint types unit oldest contract eval bench docs ocr frameworks clean
.DEFAULT_GOAL := help

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 12

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed" if sys.version_info < (3, 10) else 0)'
	$(PYTHON) -m venv $(VENV)

# Named after pyproject.toml's checksum, so that a changed dependency is installed and an unchanged one is not.
$(READY): | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@rm -f $(VENV)/.ready-*
	@touch $@

$(VENV)/.demo: | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

demo: $(VENV)/.demo ## see what passes, what is stopped, and why
	@$(BIN)/python examples/demo.py

test: lint types unit ## everything that must pass

lint: $(READY) ## style and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: $(READY) ## mypy and pyright, both strict
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

unit: $(READY) ## the tests, with branch coverage
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report

oldest: tests/oldest.txt ## the tests with the oldest dependencies that are supported
	$(PYTHON) -m venv $(VENV)-oldest
	$(VENV)-oldest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(VENV)-oldest/bin/python -m pip install --quiet --disable-pip-version-check --editable . --group test --constraint $<
	$(VENV)-oldest/bin/python -m pytest

contract: $(READY) ## openai's own tests, against stock and against ours
	$(BIN)/python -m tests.contract $(if $(QUICK),--quick --judge off)

eval: $(READY) ## score the guard over a corpus: make eval CORPUS=folder
	$(BIN)/python -m evaluation $(CORPUS)

bench: $(READY) ## what a check costs
	$(BIN)/python -m benchmarks

docs: $(VENV)/.docs ## make the reference from the code, and all pages into site/
	$(BIN)/python docs/build.py
	$(BIN)/zensical build --strict

$(VENV)/.docs: pyproject.toml | $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group docs
	@touch $@

ocr: ## the tests of text in pictures, with the engine that reads it
	$(PYTHON) -m venv $(VENV)-ocr
	$(VENV)-ocr/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(VENV)-ocr/bin/python -m pip install --quiet --disable-pip-version-check --editable . --group test --group ocr
	$(VENV)-ocr/bin/python -m pytest --group ocr

frameworks: ## the frameworks of the docs, with the openai that each wants
	for group in $(FRAMEWORKS); do \
	  $(PYTHON) -m venv $(VENV)-$$group && \
	  $(VENV)-$$group/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' && \
	  $(VENV)-$$group/bin/python -m pip install --quiet --disable-pip-version-check --editable . --group test --group $$group && \
	  $(VENV)-$$group/bin/python -m pytest tests/test_frameworks.py tests/test_docs.py --group $$group || exit 1; \
	done

clean: ## forget the environment and what was built
	rm -rf $(VENV) $(VENV)-oldest $(VENV)-ocr $(FRAMEWORKS:%=$(VENV)-%) .cache build dist site .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis
