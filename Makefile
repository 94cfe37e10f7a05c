# Two commands on a fresh machine: `make demo` and `make test`. Both make what they need, in .venv.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test check tests browser clean

demo: $(VENV)/installed
	$(BIN)/vbench demo --out demo

test: $(VENV)/test-installed check tests

check: $(VENV)/test-installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

tests: $(VENV)/test-installed
	bash tools/test_services.sh
	$(BIN)/pytest -n 2 --dist worksteal

$(VENV)/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(f"vbench needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}. Say which to use: make demo PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet torch torchvision
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/test-installed: $(VENV)/installed
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@

clean:
	rm -rf $(VENV) demo
