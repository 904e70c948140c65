# Everything runs in the virtual environment .venv, which is made on first use and made anew when it is out of date.
PYTHON ?= python3
CORES ?= all
# A notice about a later MkDocs, which is not what is locked, is switched off.
MKDOCS = NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict

.PHONY: help demo test test-slurm test-gpu docs .venv clean
.NOTPARALLEL:

help: ## list these targets
	@awk -F ':.*## ' '/^[.a-z-]+:.*## / { printf "make %-10s  %s\n", $$1, $$2 }' Makefile

demo: .venv ## run the workflow on the demo's photos; CORES=2 for fewer cores than there are
	.venv/bin/snakemake --cores $(CORES)

test: ## check style, types, the workflow and the documentation, then run the tests
	@tools/setup_venv.sh "$(PYTHON)" requirements-dev.lock
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/snakefmt --check Snakefile workflow
	.venv/bin/snakemake --lint
	$(MKDOCS)
	.venv/bin/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-slurm: ## run the workflow through a real Slurm, started for this; as root on Debian, it is installed where missing
	@tools/setup_venv.sh "$(PYTHON)" requirements-dev.lock
	.venv/bin/pytest -rs tests/slurm

test-gpu: ## run the tests that are for a GPU, on this machine's
	@tools/setup_venv.sh "$(PYTHON)" requirements-dev.lock
	.venv/bin/pytest -rs tests/gpu

docs: ## build the documentation as a site; open site/index.html
	@tools/setup_venv.sh "$(PYTHON)" requirements-dev.lock
	$(MKDOCS)

.venv: ## set up the virtual environment alone; PYTHON=python3.12 for another Python
	@tools/setup_venv.sh "$(PYTHON)" requirements.lock

clean: ## remove .venv and caches; results/ and Snakemake's records of it stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist site src/*.egg-info
	find src workflow tests benchmarks tools resources -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
