# One-word targets. `make run` and `make test` do all the set-up they need.
PYTHON ?= python3.11
BIN := .venv/bin
.PHONY: run setup check test bench bench-full clean

run: setup
	$(BIN)/counterpoint serve

setup: .venv/installed
	$(BIN)/counterpoint weights fetch --only default

.venv/installed: pyproject.toml
	bash deploy/setup.sh "$(PYTHON)"
	touch $@

clean:
	rm -rf .venv node_modules
