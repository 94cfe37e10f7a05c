# Two commands on a fresh machine: `make demo` and `make test`. Both make what they need, in .venv.

PYTHON ?= python3
VENV ?= .venv
# Versions of packages; an empty file takes the newest that pyproject.toml allows.
CONSTRAINTS ?= constraints.txt
BIN = $(VENV)/bin
NODE = PATH="$(abspath $(BIN)):$$PATH"

.PHONY: demo test check check-scripts tests types clean

demo: $(VENV)/installed
	$(BIN)/vbench demo --out demo

test: $(VENV)/test-installed check tests

check: $(VENV)/test-installed check-scripts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/audit.py

# The page's scripts: format, lint, and types against the schema of the server.
check-scripts: node_modules/installed
	$(NODE) npm run --silent check

# After a change of the JSON API.
types: $(VENV)/test-installed node_modules/installed
	$(BIN)/python tools/api_types.py

tests: $(VENV)/test-installed .tools/moto/installed
	bash tools/test_services.sh
	$(BIN)/pytest -n 2 --dist worksteal

$(VENV)/installed: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -c 'import sys; sys.exit(f"vbench needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}. Say which to use: make demo PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint $(CONSTRAINTS) torch torchvision
	$(BIN)/pip install --quiet --constraint $(CONSTRAINTS) --editable .
	touch $@

$(VENV)/test-installed: $(VENV)/installed
	$(BIN)/pip install --quiet --constraint $(CONSTRAINTS) --editable '.[test,sdk,speech,text,trackers,mcp]'
	touch $@

# A server of S3 for the tests, apart from the rest: it needs an older python-dateutil.
.tools/moto/installed:
	$(PYTHON) -m venv .tools/moto
	.tools/moto/bin/pip install --quiet 'moto[server]>=5.2.5,<6' || echo "moto's server could not be installed: tests of buckets will be skipped" >&2
	touch $@

node_modules/installed: package.json package-lock.json | $(VENV)/test-installed
	bash tools/javascript.sh $(BIN)
	touch $@

clean:
	rm -rf $(VENV) .tools node_modules demo
