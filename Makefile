# Holdfast. `make up` installs and starts it; `make help` lists the rest.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
DEV := .venv-dev
BUILD_TOOLS := build/tools
DEV_PYTHON := $(DEV)/bin/python
RUNTIME_STAMP := $(VENV)/.installed
SDK := .venv-sdk
SDK_STAMP := $(SDK)/.installed
TEST_STAMP := $(DEV)/.installed-test
LINT_STAMP := $(DEV)/.installed-lint
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
LOCKED := --require-hashes --only-binary :all: --requirement

# Each file of tests in one of several processes, each of which has a Redis server of its own.
BESIDE := -n auto --maxprocesses 4 --dist loadfile

CANDIDATES := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
FIND_PYTHON = for candidate in $(CANDIDATES); do \
	  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	    >/dev/null 2>&1; then echo "$$candidate"; exit; fi; done; \
	  echo "Holdfast needs Python 3.11 or newer with venv (on Debian: apt install python3-venv)." \
	    "Found none among: $(CANDIDATES). Nothing was installed." >&2; exit 1

.PHONY: help
help: ## List what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

# $(call create,FOLDER): an empty environment, kept when it is there.
define create
	@test -x $(1)/bin/python && $(1)/bin/python -m pip --version >/dev/null 2>&1 || \
	  { python="$$($(FIND_PYTHON))" && "$$python" -m venv --clear $(1); }
endef

# $(call install-holdfast,FOLDER): this tree, editable. The tools that build it are pinned like all
# else, and stay out of the environment.
define install-holdfast
	@test -d $(BUILD_TOOLS)/hatchling && test ! requirements/build.txt -nt $(BUILD_TOOLS) || \
	  { rm -rf $(BUILD_TOOLS) && $(1)/bin/python $(PIP_INSTALL) --target $(BUILD_TOOLS) \
	    $(LOCKED) requirements/build.txt && touch $(BUILD_TOOLS); }
	@PYTHONPATH=$(CURDIR)/$(BUILD_TOOLS) $(1)/bin/python $(PIP_INSTALL) --no-deps \
	  --no-build-isolation --editable .
endef

.PHONY: install
install: $(RUNTIME_STAMP) ## Make the environment in .venv: pip, holdfast, and what it runs on

$(RUNTIME_STAMP): pyproject.toml requirements/runtime.txt requirements/build.txt
	$(call create,$(VENV))
	@echo "Installing Holdfast into $(VENV)"
	@$(VENV)/bin/python $(PIP_INSTALL) $(LOCKED) requirements/runtime.txt
	$(call install-holdfast,$(VENV))
	@touch $@

$(SDK_STAMP): pyproject.toml requirements/sdk.txt requirements/build.txt
	$(call create,$(SDK))
	@$(SDK)/bin/python $(PIP_INSTALL) $(LOCKED) requirements/sdk.txt
	$(call install-holdfast,$(SDK))
	@touch $@

$(TEST_STAMP): pyproject.toml requirements/test.txt requirements/build.txt
	$(call create,$(DEV))
	@echo "Installing what the tests need into $(DEV)"
	@$(DEV_PYTHON) $(PIP_INSTALL) $(LOCKED) requirements/test.txt
	$(call install-holdfast,$(DEV))
	@touch $@

$(LINT_STAMP): $(TEST_STAMP) requirements/lint.txt
	@echo "Installing the linters into $(DEV)"
	@$(DEV_PYTHON) $(PIP_INSTALL) $(LOCKED) requirements/lint.txt
	@touch $@

.PHONY: up
up: install ## Start Holdfast (DEMO=0: without the demo; PORT=8000; DATA_DIR=.holdfast)
	@exec $(VENV)/bin/holdfast up

.PHONY: test
test: $(TEST_STAMP) ## Run the tests (ARGS="tests/checkpoints -k head"; REQUIRE_SERVICES=1)
	@$(DEV_PYTHON) -m pytest $(BESIDE) $(ARGS)

.PHONY: test-sdk
test-sdk: $(SDK_STAMP) ## Run the SDK's tests where no web framework is installed
	@$(SDK)/bin/python -c 'import importlib.util as u; assert not u.find_spec("django"), "Django is here"'
	@$(SDK)/bin/python -m pytest -W ignore::pytest.PytestConfigWarning $(BESIDE) tests/checkpoints $(ARGS)

.PHONY: lint
lint: $(LINT_STAMP) ## Check style, types, layers, templates, spelling, migrations and settings
	@PATH="$(CURDIR)/$(DEV)/bin:$$PATH" .ci/lint

.PHONY: format
format: $(LINT_STAMP) ## Format the code
	@$(DEV)/bin/ruff check --fix-only --quiet
	@$(DEV)/bin/ruff format --quiet

.PHONY: bench
bench: $(TEST_STAMP) ## Measure what the README promises
	@$(DEV_PYTHON) -m benchmarks $(ARGS)

.PHONY: bench-drift
bench-drift: $(TEST_STAMP) ## Measure how well drift is found (ARGS="numeric --markdown")
	@$(DEV_PYTHON) -m benchmarks.drift $(ARGS)

.PHONY: sweep
sweep: $(TEST_STAMP) ## Kill and race every operation everywhere, for long (SWEEP_MINUTES=30)
	@$(DEV_PYTHON) -m tests.faults.sweep.report $(if $(SWEEP_MINUTES),--minutes $(SWEEP_MINUTES)) $(ARGS)

.PHONY: screenshots
screenshots: $(TEST_STAMP) ## Draw every page into docs/screenshots
	@$(DEV_PYTHON) -m tests.browser.screenshots $(ARGS)

.PHONY: lock
lock: $(LINT_STAMP) ## Choose versions anew and pin them with hashes (UPGRADE=--upgrade)
	@PATH="$(CURDIR)/$(DEV)/bin:$$PATH" requirements/lock $(UPGRADE)

.PHONY: clean
clean: ## Remove what was installed and built; checkpoints and .holdfast stay
	@rm -rf $(VENV) $(DEV) $(SDK) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
