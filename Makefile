# make run    serve the web app (http://127.0.0.1:7860)
# make test   all tests, the slow ones and the browser's included
# make check  style, formatting, types, the limits on sizes and the layers
# Each makes .venv and installs what it needs, once.
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python
INSTALL = $(RUN) -m pip install --disable-pip-version-check -q -c constraints-ci.txt

.PHONY: run test check
.DEFAULT_GOAL := run

run: $(VENV)/.installed
	$(RUN) app.py

test: $(VENV)/.installed-dev
	$(RUN) -m pytest

check: $(VENV)/.installed-dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -m scripts.house_limits
	$(VENV)/bin/lint-imports

$(RUN):
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt constraints-ci.txt | $(RUN)
	$(INSTALL) -r requirements.txt
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements-ray.txt requirements.txt constraints-ci.txt | $(RUN)
	$(INSTALL) -r requirements-dev.txt
	touch $@ $(VENV)/.installed
