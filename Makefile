# One-word targets. `make run` and `make test` do all the set-up they need.
# PYTHON names the interpreter .venv is built on; empty takes 3.11 or newer, whichever is there.
PYTHON ?=
BIN := .venv/bin
.PHONY: run setup setup-tests check test bench bench-full clean

run: setup
	$(BIN)/counterpoint serve

# What running needs: no npm, no root, no test tools.
setup: .venv/installed
	$(BIN)/counterpoint weights fetch --only default

# What check, test and bench need besides: the weights of the tests too.
setup-tests: .venv/dev
	$(BIN)/counterpoint weights fetch --only default --only tests

.venv/installed: pyproject.toml requirements.lock deploy/setup.sh
	bash deploy/setup.sh "$(PYTHON)"
	touch $@

.venv/dev: .venv/installed
	bash deploy/setup.sh "$(PYTHON)" dev
	touch $@

clean:
	rm -rf .venv node_modules
