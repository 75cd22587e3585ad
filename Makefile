# Everything a checkout can do. Needs Python 3.11 to 3.13, make and git; the rest is fetched into .venv.

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/python -m uv
READY := .venv/ready

# uv does not read pip's variable for a mirror
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

# Whoever forbids it has every process that is started compile all that it imports: a server takes thrice as long.
unexport PYTHONDONTWRITEBYTECODE

# An environment that was made elsewhere holds paths to there: a moved checkout makes it anew.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
$(READY): remake
endif

.DEFAULT_GOAL := help
.PHONY: help setup up demo down status test test-quick test-spark lint lint-sql format bench bench-peers lock clean remake

help: ## list these targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

setup: $(READY) ## install everything, locked and hashed, into .venv

up: $(READY) ## run the demo, then keep the platform running until Ctrl-C
	@$(BIN)/foresync demo --keep-running

demo: $(READY) ## take a real edit history through the whole platform, then end it
	@$(BIN)/foresync demo

down: $(READY) ## end the platform
	@$(BIN)/foresync down

status: $(READY) ## show every part of the platform: state, health, address
	@$(BIN)/foresync status

test: lint ## style, types, and every test
	$(BIN)/pytest -n 2

test-quick: $(READY) ## the tests that take seconds
	$(BIN)/pytest -n 2 -m "not slow"

test-spark: $(READY) ## the dbt project on Spark, against DuckDB; needs a Java, fetches 0.5 GB into .venv-spark
	test -x .venv-spark/bin/dbt || { $(BIN)/python -m venv --clear .venv-spark && \
	  $(UV) pip install --python .venv-spark/bin/python --require-hashes -r spark.lock; }
	$(BIN)/pytest tests/dbt/spark

lint: $(READY) ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lint-sql: $(READY) ## style of the dbt models
	cd dbt_project && ../$(BIN)/sqlfluff lint -q models tests

format: $(READY) ## put the code into the house's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## run a benchmark: make bench BENCH=push
	@test -n "$(BENCH)" || { echo "which? BENCH=$$(ls bench/*.py | sed -E 's,bench/(.*)\.py,\1,' | tr '\n' ' ')"; exit 2; }
	$(BIN)/python bench/$(BENCH).py

# No package's own scripts are run: leveldb comes ready made.
PEERS := $(or $(FORESYNC_HOME),.foresync)/bench
bench-peers: ## install the servers that `make bench` compares with (needs node and npm)
	mkdir -p $(PEERS)/pouchdb
	cp bench/peers/pouchdb/package.json bench/peers/pouchdb/package-lock.json $(PEERS)/pouchdb
	cd $(PEERS)/pouchdb && npm ci --ignore-scripts --no-audit --no-fund

lock: $(READY) ## resolve the dependencies anew
	$(UV) pip compile --universal --generate-hashes --python-version 3.11 --extra platform --extra dev \
	  pyproject.toml -o requirements.lock --no-header -q
	$(UV) pip compile --universal --generate-hashes --python-version 3.11 --extra spark pyproject.toml -o spark.lock \
	  --no-header -q
	echo uv | $(UV) pip compile --universal --generate-hashes --python-version 3.11 - -o bootstrap.lock --no-header -q

clean: $(READY) ## end the platform, and delete its state (databases, lake, models) and every cache
	$(BIN)/foresync down --delete-state
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dbt_project/target dbt_project/logs

# Written last, so that an interrupted installation is taken up again. A broken or foreign environment is replaced.
$(READY): requirements.lock bootstrap.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v < (3, 14) or \
	  sys.exit("Python 3.11 to 3.13 is needed; $(PYTHON) is %d.%d (choose: make PYTHON=python3.12 …)" % v)'
	@case "$(CURDIR)" in *%*) echo "MLflow cannot live below a folder with a % in its name: $(CURDIR)"; exit 1;; esac
	@if test -e $(READY) && test "$$(cat $(READY))" != "$(CURDIR)" || ! $(BIN)/python -c '' 2>/dev/null; then \
	  $(PYTHON) -m venv --clear .venv; fi
	@$(BIN)/python -c 'import uv' 2>/dev/null || { $(BIN)/python -m ensurepip >/dev/null && \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r bootstrap.lock; }
	$(UV) pip install --python $(BIN)/python --require-hashes -r requirements.lock
	$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@printf %s "$(CURDIR)" > $(READY)

remake:
