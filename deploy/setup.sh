#!/usr/bin/env bash
# Make or update .venv: setup.sh [PYTHON] [dev]
#   PYTHON  the interpreter to build on; empty looks for 3.11 or newer
#   dev     also what checks, tests and the bench need
# COUNTERPOINT_TORCH_INDEX names an index to take torch from, such as its makers' CPU-only one;
# without it pip's own settings decide.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }
die() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local name
    for name in ${1:+"$1"} python3.11 python3.12 python3.13 python3; do
        if command -v "$name" >/dev/null && new_enough "$name"; then
            command -v "$name"
            return
        fi
        if [ -n "${1:-}" ] && [ "$name" = "$1" ]; then
            die "PYTHON=$1 is not there or older than 3.11; name another one: make PYTHON=python3.12"
        fi
    done
    die "Python 3.11 or newer is needed; $(python_called)"
}

# Debian is what all this is tested on; the other names are as those systems' package lists have them.
python_called() {
    if command -v apt-get >/dev/null; then
        echo "Debian 12, Ubuntu 24.04 and newer: apt install python3 python3-venv; Ubuntu 22.04: apt install python3.11 python3.11-venv"
    elif command -v dnf >/dev/null; then
        echo "Fedora: dnf install python3.12"
    elif command -v pacman >/dev/null; then
        echo "Arch: pacman -S python"
    elif [ "$(uname -s)" = Darwin ]; then
        echo "macOS: brew install python@3.12"
    else
        echo "install it with its venv module"
    fi
}

make_venv() {
    local python
    python=$(find_python "${1:-}")
    say "creating .venv with $("$python" --version)"
    rm -rf .venv
    if ! "$python" -m venv .venv; then
        rm -rf .venv
        die "$python has no working venv module; Debian, Ubuntu: apt install $(basename "$python")-venv, then again"
    fi
}

# Without the lock's torch line: builds of one version differ in name (2.13.0, 2.13.0+cpu, +cu…).
install() {
    .venv/bin/python -m pip install --disable-pip-version-check --constraint requirements.lock "$@"
}

[ "$(uname -s)" = Linux ] ||
    say "this is $(uname -s): Counterpoint was never run but on Linux, and what follows may fail; on a Mac, take a Linux machine or container (deploy/Dockerfile)"

# One that was moved or copied with its checkout runs the code of the place it was made in.
if ! { [ -x .venv/bin/python ] && new_enough .venv/bin/python &&
    .venv/bin/python -m pip --version >/dev/null 2>&1 &&
    grep -qF "$(pwd -P)/.venv/bin/python" .venv/bin/pip; }; then
    make_venv "${1:-}"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
fi

torch=$(sed -n 's/^ *"\(torch==[0-9.]*\)".*/\1/p' pyproject.toml)
[ -n "$torch" ] || die "pyproject.toml pins no torch"
say "installing $torch (the largest download)"
# Its dependencies come with ours, from pip's own index and under the lock.
install ${COUNTERPOINT_TORCH_INDEX:+--no-deps --index-url "$COUNTERPOINT_TORCH_INDEX"} "$torch" ||
    die "$torch could not be installed. If pip found no matching distribution, there is no build of it for $(.venv/bin/python --version) on $(uname -sm): try another interpreter (make PYTHON=python3.12); on Alpine or an Intel Mac there is none at all"

extras=model
[ "${2:-}" = dev ] && extras=model,dev
say "installing Counterpoint with [$extras]"
install --editable ".[$extras]"
say "installed"
