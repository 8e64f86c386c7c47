# `make solve` and `make test` do all of their own set-up on a machine with make, python3 (3.11 or later) and its venv module.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The median of the decoding suite by guided time over stock time (bench/results/decoding.jsonl.xz), not a chosen winner.
EXAMPLE := data/decoding-200-5000023.cnf.gz
# The (lower) median of the auctions run by the same ratio (bench/results/auctions-default.jsonl.xz).
EXAMPLE_MILP := data/auctions-200-5000047.mps.gz

.PHONY: solve test lint results clean

solve: $(VENV)/.base
	@$(BIN)/neurosolve compare $(EXAMPLE)
	@echo
	@$(BIN)/neurosolve compare $(EXAMPLE_MILP)

test: $(VENV)/.full
	$(BIN)/python -m pytest

lint: $(VENV)/.full
	$(BIN)/ruff check neurosolve bench tests
	$(BIN)/mypy neurosolve bench

results: $(VENV)/.full
	$(BIN)/python -m bench report bench/results/*.jsonl.xz --markdown docs/results.md --html runs/results.html
	$(BIN)/python -m bench cards

$(VENV)/.base: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -e .
	@touch $@

# torch comes from constraints.txt: the CPU build, not gigabytes of CUDA.
$(VENV)/.full: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt -e '.[train,bench,dev]'
	@touch $(VENV)/.base $@

clean:
	rm -rf $(VENV) runs build dist
