# Two commands: `make run` shows what Portcullis does, `make test` proves it.
# Everything else is a part of these, or a convenience.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help run test unit e2e check demo bench benchapi storm modes certmanager scale fuzz explore soak upgrades previous docs lock sbom audit clean

help: ## what there is
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

$(VENV)/.run: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Portcullis needs Python 3.11 or newer; set PYTHON=…" >&2; exit 1; }
	@echo "installing requirements into $(VENV)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.txt pyproject.toml
	@echo "installing the tools of the tests into $(VENV)" >&2
	@$(PIP) --require-hashes -r requirements-dev.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

run: $(VENV)/.run ## the webhook over an embedded cluster, and a tour of its verdicts
	@$(BIN)/python -m examples.tour

test: check unit e2e ## everything: linters, unit, property, chart and real control plane

check: $(VENV)/.dev ## ruff, mypy --strict, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

unit: $(VENV)/.dev ## tests that need no control plane
	@$(BIN)/python -m pytest -m "not controlplane"

e2e: $(VENV)/.dev ## tests on a real kube-apiserver, built on first use
	@$(BIN)/python -m tests.controlplane build
	@$(BIN)/python -m pytest -m controlplane

demo: $(VENV)/.dev ## the story with kubectl on a real control plane, until Ctrl-C
	@$(BIN)/python -m tests.controlplane build
	@$(BIN)/python -m demo

bench: $(VENV)/.dev ## side by side with a do-nothing Go webhook
	@$(BIN)/python bench/admission.py

benchapi: $(VENV)/.dev ## at a real API server, side by side with do-nothing Go and Gatekeeper
	@$(BIN)/python -m tests.controlplane build
	@$(BIN)/python bench/apiserver.py

storm: $(VENV)/.dev ## 1,000 namespaces at once on a real control plane, leaders and replicas killed
	@PORTCULLIS_STORM=1000 $(BIN)/python -m pytest -m controlplane tests/e2e/test_portcullis_storm.py

fuzz: $(VENV)/.dev ## 100,000 mutated reviews, raw garbage and 1,000 slow connections against the whole server
	@PORTCULLIS_FUZZ=100000 PORTCULLIS_SLOWLORIS=1000 $(BIN)/python -m pytest -s \
	  tests/server/test_fuzz.py tests/server/test_slowloris.py

explore: $(VENV)/.dev ## the properties with examples that are new each time; `make test` repeats its own
	@PORTCULLIS_PROPERTIES=explore $(BIN)/python -m pytest -m "hypothesis and not controlplane"

soak: $(VENV)/.dev ## 100 writes/s for five minutes, while all that can go wrong does
	@PORTCULLIS_SOAK=100 $(BIN)/python -m pytest -m controlplane tests/e2e/test_portcullis_soak.py

modes: $(VENV)/.dev ## certificates: every certificates.mode, from one to the next, under load
	@PORTCULLIS_MODES=1 $(BIN)/python -m pytest -m controlplane tests/e2e/test_portcullis_certificates.py

certmanager: $(VENV)/.dev ## certificates by the real cert-manager, built on first use, under load
	@PORTCULLIS_CERTMANAGER=1 $(BIN)/python -m pytest -m controlplane tests/e2e/test_portcullis_certmanager.py

upgrades: $(VENV)/.dev ## ten upgrades and rollbacks from the previous release, under load
	@PORTCULLIS_UPGRADES=10 $(BIN)/python -m pytest -m controlplane tests/e2e/test_portcullis_upgrade.py

previous: ## pack REV as the release that tests/e2e/test_portcullis_upgrade.py upgrades from
	@rm -f tests/e2e/previous/*.tar.xz
	@git archive $(REV) charts/portcullis webhook certs wsgi.py gunicorn.conf.py | \
	  xz -9 > tests/e2e/previous/$$(git rev-parse --short $(REV)).tar.xz

scale: $(VENV)/.dev ## memory, readiness and quiet at 500, 1,500 and 5,000 namespaces
	@$(BIN)/python bench/scale.py

docs: $(VENV)/.dev ## renew what is generated from the code
	@$(BIN)/python -m tools.generate

$(VENV)/audit/.made: requirements-audit.txt
	@$(PYTHON) -m venv $(VENV)/audit
	@$(VENV)/audit/bin/pip install --quiet --require-hashes -r requirements-audit.txt
	@touch $@

lock: $(VENV)/audit/.made ## pin the requirements anew, with hashes
	@for f in requirements requirements-build requirements-dev requirements-audit; do \
	  $(VENV)/audit/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	    --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	    $$(test $$f != requirements-dev || echo -c requirements.txt) -o $$f.txt $$f.in || exit 1; done

sbom: $(VENV)/audit/.made ## what the image installs, as CycloneDX in dist/portcullis.cdx.json
	@$(PYTHON) -m venv --clear --without-pip $(VENV)/image && mkdir -p dist
	@$(VENV)/audit/bin/python -m pip --python $(VENV)/image install --quiet --require-hashes -r requirements.txt
	@$(VENV)/audit/bin/cyclonedx-py environment $(VENV)/image --pyproject pyproject.toml \
	  --output-reproducible --validate -o dist/portcullis.cdx.json

audit: $(VENV)/audit/.made ## known vulnerabilities of all pinned packages; asks PyPI
	@for f in requirements requirements-build requirements-dev requirements-audit; do \
	  $(VENV)/audit/bin/pip-audit --strict --disable-pip --require-hashes -r $$f.txt || exit 1; done

clean: ## forget the virtual environment and caches (not the control plane's binaries)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
