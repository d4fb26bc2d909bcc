# Each target makes the environment it needs; a second call starts at once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROVIDERS := ibm origin braket cirq aer
PROJECTS := pyproject.toml constraints.txt conformance/pyproject.toml $(PROVIDERS:%=providers/%/pyproject.toml)
SOURCES := qadapt conformance/qadapt_conformance $(foreach p,$(PROVIDERS),providers/$(p)/qadapt_$(p))
DEMO := local:statevector local:emulator/heron-r2 ibm:fake_kingston origin:cpu origin:wukong72-emulator braket:local cirq:simulator
EDITABLE := -e '.[replicate,dev]' -e conformance $(PROVIDERS:%=-e providers/%) -e 'providers/cirq[google]'
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
export OMP_NUM_THREADS ?= 2
export TOKENIZERS_PARALLELISM ?= false
export USAGE_DATA_OPT_OUT ?= True

.PHONY: demo test check format bench clean

demo: $(VENV)/.ready  ## evaluate a small language model with a quantum adapter on seven backends
	$(BIN)/qadapt replicate cayley --quick $(DEMO:%=--backend %) --out runs/demo

test: $(VENV)/.ready  ## run every test
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

check: $(VENV)/.ready  ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(SOURCES) tools benchmarks

format: $(VENV)/.ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.bench  ## measure against the peers, as ratios
	$(BIN)/python -m benchmarks

$(VENV)/.ready: $(PROJECTS) tools/check_system.py
	$(PYTHON) tools/check_system.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing qadapt, its providers and their SDKs into $(VENV); this takes a few minutes the first time"
	$(PIP) $(EDITABLE)
	touch $@

$(VENV)/.bench: $(VENV)/.ready
	$(PIP) -e '.[bench]'
	touch $@

clean:
	rm -rf $(VENV) build runs .mypy_cache .ruff_cache .pytest_cache .hypothesis
