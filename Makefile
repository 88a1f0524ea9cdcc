# `make demo` and `make test` do all the set-up themselves: a virtual environment in .venv, everything installed into it.

PYTHON ?= python3
BIN := .venv/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint bench clean

demo: .venv/.installed
	$(BIN)/p3mvideo demo demo

test: .venv/.installed-dev
	$(BIN)/python -m pytest

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: .venv/.installed
	$(BIN)/p3mvideo bench

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml | .venv/bin/python
	$(INSTALL) --editable .
	touch $@

.venv/.installed-dev: pyproject.toml | .venv/bin/python
	$(INSTALL) --editable '.[dev]'
	touch $@ .venv/.installed

clean:
	rm -rf .venv demo
