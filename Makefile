# One door: CI runs these same targets. Needs make and Python 3.11 to 3.13; everything else is installed into .venv*.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# The first interpreter that starts and is new enough (a name on the PATH may be a shim that answers nothing).
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
  $$name -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1 \
  && echo $$name && break; done)

STAMPS := .venv/.stamps
RUN := .venv/bin
CI ?= false
# How many tests run at once, and what `make test` is asked to run.
WORKERS ?= 2
TESTS ?= tests
DEMO_ARGS ?=
LOCK ?=
# Which environment `make plan` plans.
ENV ?= prod
TERRAFORM ?=
COMPOSE ?=
NAME ?=
is_on = $(filter 1 true yes,$(1))

.PHONY: help setup demo test check guards-mutate bench dev images-check lock clean emulators emulators-installed emulators-stop function browser plan policy terraform-test

help:  ## this list
	@grep -hE '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*  ## (.*)/  make \1\t\2/' | expand -t 22

setup: $(STAMPS)/dev $(STAMPS)/project .venv-serve/.stamps/serve  ## .venv (everything), .venv-serve (what a function gets), locked and hashed

demo: $(STAMPS)/serve $(STAMPS)/project  ## one simulated session day for three tenants, then an HTML report
	@$(RUN)/qs demo $(DEMO_ARGS)

test: setup emulators-installed browser  ## everything, with emulators, a browser and the README's commands
	@CI=$(CI) $(RUN)/pytest -n $(WORKERS) --dist loadfile $(TESTS)

check: setup  ## under a minute: format, lint, types, architecture, fast tests
	@.ci/check

guards-mutate: setup  ## disable, invert and starve each guard in turn: does a test notice?
	@$(RUN)/python -m tests.mutation.run

bench: setup  ## figures against budgets and peers
	@$(RUN)/qs bench

dev: setup emulators-installed  ## the whole platform on this machine: emulators, every function, replay server, webhook sink
	@$(RUN)/python -m emulators.supervisor

emulators: $(if $(call is_on,$(COMPOSE)),setup,emulators-installed)  ## Firestore, Pub/Sub, storage, provisioned from the map, left running (TERRAFORM=1, COMPOSE=1)
	@$(if $(call is_on,$(COMPOSE)),docker compose -f emulators/compose.yaml up --wait)
	@$(RUN)/python -m emulators.standing_command start \
	  $(if $(call is_on,$(TERRAFORM)),--terraform) $(if $(call is_on,$(COMPOSE)),--compose)

function: setup  ## one function (NAME=decide) in front of the emulators that `make emulators` left running
	@$(RUN)/python -m emulators.local_function "$(NAME)"

emulators-stop:  ## ends the emulators that `make emulators` of this checkout left running
	@[[ ! -x $(RUN)/python ]] || $(RUN)/python -m emulators.standing_command stop

plan:  ## what `terraform apply` would make (ENV=prod), without a cloud: build/plan/prod.json
	@.ci/plan $(ENV)

policy: setup build/plan/prod.json  ## asks every policy of the plan of production: terraform/policies, tests/policies/across.py
	@.ci/policy

# What a plan is made of; what planning itself writes there is not.
build/plan/prod.json: $(shell find terraform -name .terraform -prune -o -type f \( -name '*.tf' -o -name '*.json' -o -name '*.tfvars' -o -name '*.rules' \) ! -name backend_override.tf -print)
	@.ci/plan prod

terraform-test: setup  ## format, validation and tests of every Terraform module, and both plans, without a cloud
	@CI=$(CI) $(RUN)/pytest -n $(WORKERS) --dist load tests/terraform

images-check: setup  ## what the serve image holds, loads and needs to start, without Docker; bills of materials in build/
	@mkdir -p build/sbom
	@set -e; for image in serve batch; do \
	  $(RUN)/python .ci/images/sbom.py requirements/$$image.txt >build/sbom/$$image.cdx.json; done
	@$(RUN)/python -m tests.images.check

lock: $(STAMPS)/installer  ## resolve the groups into requirements/*.txt (newer versions: LOCK=--upgrade)
	@set -e; for group in installer serve batch dev; do \
	  $(RUN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	    $(LOCK) --group $$group -o requirements/$$group.txt pyproject.toml; done

clean:  ## remove what these targets made, except the environments
	@rm -rf build .qs demo bench .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@rm -rf terraform/{envs,modules}/*/{.terraform,.terraform.lock.hcl,backend_override.tf}
	@find shared tests emulators functions -name __pycache__ -type d -prune -exec rm -rf {} +

emulators-installed: setup
	@CI=$(CI) emulators/install.sh

browser:
	@CI=$(CI) .ci/browser

# --- Environments -----------------------------------------------------------------------------------------------------
# A stamp is newer than the requirement file it was made from. `serve` comes first, so that the demo waits for it alone.
$(STAMPS)/installer: requirements/installer.txt
	@.ci/install venv .venv "$(PYTHON)"
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/serve: requirements/serve.txt $(STAMPS)/installer
	@.ci/install requirements .venv requirements/serve.txt
	@touch $@

$(STAMPS)/dev: requirements/dev.txt $(STAMPS)/serve
	@.ci/install requirements .venv requirements/dev.txt --compile-bytecode
	@touch $@

$(STAMPS)/project: pyproject.toml $(STAMPS)/serve
	@.ci/install project .venv
	@touch $@

.venv-serve/.stamps/serve: requirements/serve.txt pyproject.toml $(STAMPS)/installer
	@.ci/install venv .venv-serve "$(PYTHON)"
	@.ci/install requirements .venv-serve requirements/serve.txt --compile-bytecode
	@.ci/install project .venv-serve
	@mkdir -p $(@D) && touch $@
