# `make demo` and `make test` work on a machine that has Python 3.11 or newer and make, nothing else.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-fast lint format bench docs lock clean distclean

VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.setup-complete
DEMO   := build/demo
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' $(firstword $(MAKEFILE_LIST)) | awk -F': ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

# --- setup -----------------------------------------------------------------------------------------------------------

setup: $(STAMP) ## make .venv from requirements.lock; nothing to do when neither it nor pyproject.toml changed

# Which Python: PYTHON when it is given, else the newest that the lock file is known to install on, else plain python3.
# Each must be 3.11 or newer and able to make a virtual environment. The stamp is written last, so that a setup that
# was interrupted is done again.
$(STAMP): pyproject.toml requirements.lock requirements-data.lock
	@rm -f $@
	@if ! $(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    chosen=; tried=; \
	    for candidate in $(or $(PYTHON),python3.13 python3.12 python3.11 python3); do \
	        if ! found=$$($$candidate -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); then \
	            tried="$$tried\n  $$candidate: not found"; \
	        elif ! $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
	            tried="$$tried\n  $$candidate: is Python $$found"; \
	        elif ! $$candidate -c 'import ensurepip, venv' 2>/dev/null; then \
	            tried="$$tried\n  $$candidate: Python $$found without the venv module (Debian, Ubuntu: apt install python$$found-venv)"; \
	        else chosen=$$candidate; break; fi; \
	    done; \
	    if [ -z "$$chosen" ]; then \
	        printf "sandgrain needs Python 3.11 or newer with the venv module; tried:$$tried\n" >&2; \
	        echo "Install one, or name it: make PYTHON=/path/to/python3.12" >&2; \
	        exit 1; \
	    fi; \
	    echo "setup: $(VENV) with Python $$found ($$chosen)"; \
	    $$chosen -m venv --clear $(VENV) || exit 1; \
	fi
	@echo "setup: installing requirements.lock"
	@$(PIP) install --quiet --require-hashes --requirement requirements.lock
	@$(PIP) install --quiet --require-hashes --no-deps --requirement requirements-data.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

lock: setup ## write requirements.lock anew from pyproject.toml
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe \
	    --extra dev --extra examples --all-build-deps --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	    --output-file requirements.lock pyproject.toml

# --- the main job ----------------------------------------------------------------------------------------------------

# $(call audit,SUBMISSION,CASE): refuted (1) and open (3) are answers; anything else but 0 is a failure.
audit = $(BIN)/sandgrain audit $(1) -o $(2) || { code=$$?; [ $$code -eq 1 ] || [ $$code -eq 3 ] || exit $$code; }

demo: setup ## audit a clean PicoRV32 and one with a planted shutdown
	@rm -rf $(DEMO)
	@mkdir -p $(DEMO)
	$(BIN)/sandgrain example picorv32 -o $(DEMO)/picorv32
	$(BIN)/sandgrain example picorv32 --plant bus-kill -o $(DEMO)/picorv32-bus-kill
	@$(call audit,$(DEMO)/picorv32,$(DEMO)/case-picorv32)
	@$(call audit,$(DEMO)/picorv32-bus-kill,$(DEMO)/case-picorv32-bus-kill)
	@echo
	@echo "The two reports:"
	@echo "  clean:                       $(CURDIR)/$(DEMO)/case-picorv32/report.html"
	@echo "  with the planted shutdown:   $(CURDIR)/$(DEMO)/case-picorv32-bus-kill/report.html"

# --- checks ----------------------------------------------------------------------------------------------------------

lint: setup ## style, types, and the one-way imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint ## lint, then every test
	$(BIN)/pytest -n auto -m "not slow"
	$(BIN)/pytest -n auto --dist worksteal -m slow

test-fast: setup ## the tests that take seconds
	$(BIN)/pytest -n auto -m "not slow"

format: setup ## let ruff lay out the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: setup ## time us beside our peers, and the audit by stage
	@$(PIP) install --quiet --requirement benchmarks/requirements.txt
	@for file in benchmarks/*.py; do $(BIN)/python "$$file" || exit 1; done

docs: setup ## build the documentation into site/
	$(BIN)/mkdocs build --strict

# --- away with it ----------------------------------------------------------------------------------------------------

clean: ## remove what was built, keep .venv
	rm -rf build dist site .numba_cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove .venv too
	rm -rf $(VENV)
