# make run    serve the web app (http://127.0.0.1:7860)
# make test   all tests, the slow ones and the browser's included
# make quick  the quick tests, on all cores
# make check  style, formatting, types, limits on sizes, layers, stale figures, known vulnerabilities
# make lock   write the locked requirements anew (needs uv)
# Each makes .venv and installs what it needs, once.
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python
INSTALL = $(RUN) -m pip install --disable-pip-version-check -q --require-hashes

.PHONY: run test quick check lock
.DEFAULT_GOAL := run

run: $(VENV)/.installed
	$(RUN) app.py

test: $(VENV)/.installed-dev
	$(RUN) -m pytest

quick: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n auto --dist loadfile -m "not slow and not browser"

check: $(VENV)/.installed-dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -m scripts.house_limits
	$(RUN) -m scripts.former_names
	$(VENV)/bin/lint-imports
	$(RUN) -m scripts.stale_figures
	$(RUN) -m scripts.audit

lock:
	$(PYTHON) -m scripts.lock_requirements

$(RUN):
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements-locked.txt | $(RUN)
	$(INSTALL) -r requirements-locked.txt
	touch $@

$(VENV)/.installed-dev: requirements-dev-locked.txt requirements-locked.txt | $(RUN)
	$(INSTALL) -r requirements-dev-locked.txt
	touch $@ $(VENV)/.installed
