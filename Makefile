# LeadScore: `make help` lists what there is.
PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
READY   := $(VENV)/.ready
LOOPS   := $(addsuffix /_compiled.pyx,schemas features agents stream/kafka) \
           $(addprefix model/serving/,_compiled.pyx tree_walk.c tree_walk.h)
LOCK    := --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links -q
SEEDS   ?= long
MINUTES ?= 30
JOBS    ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all coverage dist chaos soak fuzz lint format docs lock bench bench-full drift-delays clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(READY)  ## Create the environment (.venv) from the locked, hashed requirements

$(READY): requirements/all.lock requirements/uv.lock pyproject.toml $(LOOPS)
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else f"LeadScore needs Python 3.11 to 3.13, this is {v[0]}.{v[1]}. Name another with: make PYTHON=python3.11 ...")'
	@echo "Setting up $(VENV) (once; one to two minutes) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes --no-deps -r requirements/all.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)  ## Train on real contacts, score the rest through Kafka, show the result
	@$(BIN)/leadscore demo

test: $(READY)  ## All rings but their long tests: unit, contract, integration, short chaos and e2e, on real Kafka
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not long" tests

test-all: $(READY)  ## All rings with their long tests, on real Kafka: what CI runs
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests

coverage: $(READY)  ## Measure the line coverage of the unit ring; fails below the floor in pyproject.toml
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not long" --cov --cov-report=term:skip-covered tests/unit

chaos: $(READY)  ## The chaos ring, all of it, thrice (SEEDS=all: once): workers, brokers, network, topics
	@LEADSCORE_CHAOS=$(SEEDS) $(BIN)/python -m pytest tests/chaos

soak: $(READY)  ## A fault each minute under load, for MINUTES (30): nothing lost, memory flat
	@LEADSCORE_CHAOS=all LEADSCORE_SOAK_MINUTES=$(MINUTES) $(BIN)/python -m pytest -s tests/chaos/test_soak.py

fuzz: MINUTES = 10
fuzz: $(READY)  ## Fuzz all readers of external input (TARGETS="http_port tables", MINUTES=10 of each)
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes --no-deps -r requirements/fuzz.lock
	@$(BIN)/python -m tests.fuzz.run $(TARGETS) --minutes $(MINUTES)

lint: $(READY)  ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: $(READY)  ## Regenerate the tables of docs/ from the declarations
	@$(BIN)/python docs/generate.py

dist: $(READY)  ## The wheel and the source distribution, in dist/
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv build --quiet --no-build-isolation --wheel --sdist --out-dir dist

format: $(READY)  ## Fix lint errors and format with ruff
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

lock: $(READY)  ## Lock the requirements again: versions and hashes, without registry addresses
	@$(BIN)/uv pip compile pyproject.toml $(LOCK) --all-extras -o requirements/all.lock
	@$(BIN)/uv pip compile pyproject.toml --extra s3 $(LOCK) -c requirements/all.lock -o requirements/worker.lock
	@$(BIN)/uv pip compile pyproject.toml --extra drift --extra outcomes --extra s3 $(LOCK) -c requirements/all.lock -o requirements/drift.lock
	@$(BIN)/uv pip compile pyproject.toml --extra snapshot --extra s3 $(LOCK) -c requirements/all.lock -o requirements/snapshot.lock
	@$(BIN)/uv pip compile pyproject.toml --extra archive --extra s3 $(LOCK) -c requirements/all.lock -o requirements/archive.lock
	@$(BIN)/uv pip compile pyproject.toml --extra lake --extra registry $(LOCK) -c requirements/all.lock -o requirements/lake.lock
	@$(BIN)/uv pip compile pyproject.toml --extra sql --extra webhook --extra registry $(LOCK) -c requirements/all.lock -o requirements/sinks.lock
	@$(BIN)/uv pip compile pyproject.toml --extra registry --extra s3 $(LOCK) -c requirements/all.lock -o requirements/registry.lock
	@$(BIN)/uv pip compile pyproject.toml --extra rest --extra sql --extra registry --extra s3 $(LOCK) -c requirements/all.lock -o requirements/rest.lock
	@$(BIN)/uv pip compile pyproject.toml --extra train --extra s3 $(LOCK) -c requirements/all.lock -o requirements/train.lock
	@$(BIN)/uv pip compile pyproject.toml --extra spark $(LOCK) -c requirements/all.lock -o requirements/spark.lock
	@$(BIN)/uv pip compile requirements/xgboost-cpu.in --no-deps $(LOCK) -o requirements/xgboost-cpu.lock
	@$(BIN)/uv pip compile requirements/pyspark.in $(LOCK) -o requirements/pyspark.lock
	@$(BIN)/uv pip compile requirements/bench-quix.in $(LOCK) -o requirements/bench-quix.lock
	@$(BIN)/uv pip compile requirements/bench-bento.in $(LOCK) -o requirements/bench-bento.lock
	@$(BIN)/uv pip compile requirements/fuzz.in $(LOCK) -o requirements/fuzz.lock
	@$(BIN)/uv pip compile requirements/mlflow.in $(LOCK) -o requirements/mlflow.lock

bench: $(READY)  ## Time LeadScore and its alternatives on the same work (real Kafka; about twenty minutes)
	@$(BIN)/python -m benchmarks.run
	@$(BIN)/python -m benchmarks.replays

bench-full: $(READY)  ## Benchmark all contenders, rates and sizes, into docs/performance.md (hours)
	@$(BIN)/python -m benchmarks.run --full --write-docs

drift-delays: $(READY)  ## Measure the delay of drift detection, and its false alarms
	@$(BIN)/python -m benchmarks.drift_delays

clean:  ## Remove the environment and the output of runs
	rm -rf $(VENV) .leadscore build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
