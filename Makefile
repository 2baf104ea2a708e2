# RiskOps: `make help` lists what there is. Needs Python 3.11 to 3.13 with venv, and make.

PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
STATE := $(CURDIR)/.riskops
SESSION ?= 2026-10-30
CELERY := include/docker/requirements-celery
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links

include include/demo.env
RISKOPS_DATABASE_URL := sqlite:///$(STATE)/risk.db
RISKOPS_OUTPUT := $(STATE)/out
RISKOPS_INBOX := $(STATE)/inbox
include include/airflow.env
AIRFLOW_HOME := $(STATE)/airflow
AIRFLOW__CORE__DAGS_FOLDER := $(CURDIR)/dags
AIRFLOW__CORE__PLUGINS_FOLDER := $(CURDIR)/plugins
AIRFLOW__DATABASE__SQL_ALCHEMY_CONN := sqlite:///$(AIRFLOW_HOME)/airflow.db
DEMO := $(foreach name,$(filter RISKOPS_% AIRFLOW% GX_%,$(.VARIABLES)),$(name)='$($(name))')

.PHONY: help setup run up test databases check everything campaigns chaos fuzz bench lint types imports docs audit lock \
	secrets clean
.DEFAULT_GOAL := help

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: .venv/.ready ## Make the virtual environment

.venv/.ready: requirements.txt pyproject.toml
	@echo "Setting up .venv (a minute or so, once)"
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.txt
	@$(BIN)/uv pip install --quiet --no-deps --python $(BIN)/python -e .
	@touch $@

.venv/.celery: .venv/.ready $(CELERY).txt
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.txt -r $(CELERY).txt
	@touch $@

secrets: ## Make secrets/, desk/ and .env for `docker compose up`; what is there is kept
	@sh include/docker/secrets.sh

run: setup .riskops/airflow/.migrated ## Decide and mail this morning's limits for the demo desk, through Airflow
	@env $(DEMO) $(BIN)/riskops demo
	@mkdir -p .riskops/log
	@echo "Running daily_risk_limits for $(SESSION) through Airflow (log: .riskops/log/run.log)"
	@env $(DEMO) $(BIN)/airflow dags test daily_risk_limits $(SESSION)T10:00:00+00:00 \
		--conf '{"session": "$(SESSION)", "deliver": "yes"}' > .riskops/log/run.log 2>&1 \
		|| { tail -n 40 .riskops/log/run.log; echo "The run failed: see .riskops/log/run.log"; exit 1; }
	@env $(DEMO) $(BIN)/riskops report --session $(SESSION)

.riskops/airflow/.migrated: .venv/.ready
	@echo "Migrating Airflow's own database"
	@mkdir -p .riskops/airflow
	@env $(DEMO) $(BIN)/airflow db migrate > .riskops/airflow/migrate.log 2>&1 || { tail -n 20 .riskops/airflow/migrate.log; exit 1; }
	@touch $@

up: setup ## Start the Airflow UI on loopback with PostgreSQL, the demo desk and a mail catcher
	@exec env $(DEMO) $(BIN)/riskops up --folder .riskops/up

test: setup ## Run the test suite, without the long campaigns
	@$(BIN)/python -m pytest --quiet -rs -n 2 --dist loadfile -m "not campaign and not on_postgresql"

databases: setup ## Run the tests of the risk database once more, on PostgreSQL
	@$(BIN)/python -m pytest --quiet -n 2 --dist loadfile -m "on_postgresql and not campaign"

check: setup lint types imports audit everything ## Everything CI runs (docs are tests)

everything: setup .venv/.celery # what `test`, `databases` and `campaigns` run, in one go: the long files first, no idle core
	@$(BIN)/python -m pytest --quiet -rs -n 3 --dist loadfile --no-loadscope-reorder

campaigns: setup .venv/.celery
	@$(BIN)/python -m pytest --quiet -rs -n 3 --dist loadfile -m campaign

chaos: setup ## Kill verbs at random through N mornings: make chaos N=200 SEED=1
	@$(BIN)/python -m tests.campaigns.chaos --mornings $(N) --seed $(SEED)

chaos: N ?= 200
chaos: SEED ?= 1

fuzz: setup ## Feed RiskOps N wrong files, settings and inboxes: make fuzz N=2000 SEED=1
	@$(BIN)/python -m tests.campaigns.fuzz --cases $(N) --seed $(SEED)

fuzz: N ?= 2000
fuzz: SEED ?= 1

bench: setup ## Measure every bar of speed; WRITE=docs/performance.md writes the page
	@$(BIN)/python -m tests.benchmarks $(if $(WRITE),--write $(WRITE))

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup
	@$(BIN)/mypy

imports: setup
	@$(BIN)/lint-imports --no-cache

audit: setup ## Ask the OSV database for known vulnerabilities of the lock (needs the network)
	@$(BIN)/python .ci/audit.py requirements.txt
	@$(BIN)/python .ci/audit.py $(CELERY).txt

lock: setup ## Compile requirements.in into requirements.txt, and what Celery adds to it
	@$(COMPILE) --custom-compile-command "make lock" requirements.in -o requirements.txt
	@$(COMPILE) --no-annotate --no-header --constraints requirements.txt $(CELERY).in > .venv/with-celery.txt
	@grep --line-regexp --fixed-strings --invert-match --file=requirements.txt .venv/with-celery.txt > $(CELERY).txt

clean: ## Forget the demo desk and Airflow's home; keep .venv
	@rm -rf .riskops
