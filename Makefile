# Two commands are all a newcomer needs: `make demo` and `make test`. Each sets up .venv/ by itself.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt
CURATE := $(BIN)/curate

.PHONY: help demo demo-llama demo-probe models test test-fast check docs site format bench mutants train-extractor train-quality clean

help:
	@echo "make demo             set up, clean the embedded sample crawl, show the funnel and where the report is"
	@echo "make demo-llama       all seven sources of LLaMA from embedded samples of their dumps, mixed by its table"
	@echo "make demo-probe       the same, then mix, train a tiny model on clean and raw text, and give the verdict"
	@echo "make models           small models for the recipes gpt3, ccnet and llama, from what demo-llama makes"
	@echo "make test             set up, run every test"
	@echo "make test-fast        the pure tests only, seconds"
	@echo "make check            format, lint, types"
	@echo "make docs             docs/filters.md and docs/commands.md again, from filters and commands themselves"
	@echo "make site             all pages as a site in build/site, links checked"
	@echo "make mutants          small faults put into the code one at a time: do the tests notice? Hours"
	@echo "make train-extractor  the extractor's model again from labelled pages (CURATE_TESTDATA)"
	@echo "make train-quality    the shipped model of quality again, the same way"

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or newer is needed; name one with make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv

# Spark whole or its small client: two packages in one folder (docs/dependencies.md). Whole where `make test` put it.
ENGINE = $(if $(wildcard .venv/lib/python3*/site-packages/pyspark/jars),spark,local)

# Stamps: what is installed depends on these two files only. Not compiled: Python does that for the modules that it imports.
.venv/.core: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing curate into .venv (0.9 GB on disk the first time) ..."
	$(PIP) --editable '.[$(ENGINE)]'
	$(CURATE) assets fetch lid.176
	@echo "compiling the extractor, once on a machine (up to a minute) ..."
	@echo "<p>compiled" | $(CURATE) extract - > /dev/null
	@touch $@

.venv/.probe: .venv/.core
	@echo "installing the trainer (torch: about 200 MB to download for a CPU build, up to 3 GB for CUDA) ..."
	$(PIP) --editable '.[probe]'
	@touch $@

.venv/.dev: .venv/.probe
	@$(BIN)/python -m pip uninstall --quiet --yes pyspark-client
	$(PIP) --editable '.[spark,probe,dev]'
	$(CURATE) assets fetch licensedb
	$(CURATE) assets fetch ldnoobw
	@touch $@

demo: .venv/.core
	@rm -rf demo/crawl demo/corpus demo/corpus.partial
	@$(CURATE) sample-crawl demo/crawl
	@$(CURATE) clean --input demo/crawl --output demo/corpus
	@echo
	@echo "Look into it:  $(CURATE) inspect demo/corpus"
	@echo "Open:          demo/corpus/report.html"

LLAMA = demo/llama
SEVEN = commoncrawl c4 github wikipedia books arxiv stackexchange

demo-llama: .venv/.core
	@rm -rf $(LLAMA)
	@$(CURATE) assets fetch licensedb
	@$(CURATE) sample-dumps $(LLAMA)/dumps
	@$(CURATE) sample-crawl $(LLAMA)/crawl
	@$(CURATE) clean --input $(LLAMA)/crawl --recipe c4 --output $(LLAMA)/c4
	@$(CURATE) clean --input $(LLAMA)/c4 --recipe gopher --output $(LLAMA)/commoncrawl
	@$(CURATE) code --input '$(LLAMA)/dumps/github/*.tar.gz' --output $(LLAMA)/github
	@for source in wikipedia books arxiv stackexchange; do \
		$(CURATE) clean --input $(LLAMA)/dumps/$$source --recipe $$source --output $(LLAMA)/$$source || exit 1; done
	@$(CURATE) mix --weights llama $(foreach source,$(SEVEN),--source $(source)=$(LLAMA)/$(source)) --tokens 100K \
		--output $(LLAMA)/mix

# Models for recipes that need one of yours; what is there stays. Large ones: make models WIKI=wiki/ GOOD="wiki/ books/" BAD=crawl/extracted
WIKI ?= $(LLAMA)/wikipedia
GOOD ?= $(LLAMA)/wikipedia $(LLAMA)/books
REFERENCES ?= $(WIKI)
BAD ?= $(LLAMA)/c4/extracted

models: models/en-5gram models/gpt3 models/llama
	@echo
	@echo "Use them:  $(CURATE) clean --input $(LLAMA)/crawl --recipe gpt3 --output gpt3"

$(LLAMA)/mix: .venv/.core
	@$(MAKE) --no-print-directory demo-llama

models/en-5gram: | .venv/.core $(if $(filter $(LLAMA)/%,$(WIKI)),$(LLAMA)/mix)
	$(CURATE) ngram train --input $(WIKI) --output $@

models/gpt3: | .venv/.core $(if $(filter $(LLAMA)/%,$(GOOD) $(BAD)),$(LLAMA)/mix)
	$(CURATE) quality train $(GOOD:%=--good %) $(BAD:%=--bad %) --output $@

models/llama: | .venv/.core $(if $(filter $(LLAMA)/%,$(REFERENCES) $(BAD)),$(LLAMA)/mix)
	$(CURATE) quality train $(REFERENCES:%=--good %) $(BAD:%=--bad %) --output $@

demo-probe: .venv/.probe demo
	@$(BIN)/python -m benchmarks.demo_probe

# A file of tests whole to one worker, which makes what its tests share once; in the order of tests/conftest.py.
TWO = --hypothesis-profile ci -n 2 --dist loadfile --no-loadscope-reorder

test: .venv/.dev
	@command -v java >/dev/null || echo "no Java: the tests of Spark on this machine will be skipped (Debian: apt-get install openjdk-17-jre-headless)"
	$(BIN)/python -m pytest $(TWO) -m "not alone"
	$(BIN)/python -m pytest $(TWO) -m alone tests/jobs/test_differential.py

test-fast: .venv/.dev
	$(BIN)/python -m pytest -q -n 2 -m "not engine and not spark and not slow"

check: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: .venv/.core
	$(CURATE) filters --markdown > docs/filters.md.new
	@mv docs/filters.md.new docs/filters.md
	$(BIN)/python -m curate.commands.reference > docs/commands.md.new
	@mv docs/commands.md.new docs/commands.md

# The pages lie below build/pages as they do here, so that a link is right in both.
PAGES = README.md ARCHITECTURE.md CONTRIBUTING.md CHANGELOG.md LICENSE docs benchmarks/results filters/data/quality/MODEL.md

.venv/.docs: .venv/.core
	$(PIP) --editable '.[$(ENGINE),docs]'
	@touch $@

site: .venv/.docs
	@rm -rf build/pages build/site
	@for page in $(PAGES); do mkdir -p build/pages/$$(dirname $$page) && ln -s "$$PWD/$$page" build/pages/$$page || exit 1; done
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "Open: build/site/index.html"

format: .venv/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv demo runs mixes build dist

# Not among what `dev` installs: nothing else needs it.
.venv/.mutants: .venv/.dev
	$(PIP) --editable '.[spark,probe,dev,mutants]'
	@touch $@

SEED ?= 1
COUNT ?= 300

mutants: .venv/.mutants
	$(BIN)/python -m benchmarks.mutants map
	$(BIN)/python -m benchmarks.mutants run --seed $(SEED) --count $(COUNT) --results build/mutants-$(SEED).jsonl
	$(BIN)/python -m benchmarks.mutants score build/mutants-$(SEED).jsonl

train-extractor: .venv/.dev
	$(BIN)/python -m benchmarks.extractor_train

train-quality: .venv/.dev
	$(BIN)/python -m benchmarks.quality_train
