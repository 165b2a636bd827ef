#!/usr/bin/env bash
# Makes .venv, unless a usable one is there: with $PYTHON, or else with the best Python of this machine.
set -euo pipefail
cd "$(dirname "$0")/.."

usable() { # INTERPRETER: it runs (a version manager's shim may not), is new enough, and can make environments
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

if usable .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; then exit; fi

if [ -n "${PYTHON:-}" ]; then
    candidates=("$PYTHON")
elif command -v redis-server >/dev/null; then
    candidates=(python3.13 python3.12 python3.11 python3)
else
    candidates=(python3.12 python3.11 python3.13 python3) # up to 3.12 the lock brings a Redis along
fi
for candidate in "${candidates[@]}"; do
    if usable "$candidate"; then
        echo "making .venv with $("$candidate" --version)"
        exec "$candidate" -m venv --clear .venv
    fi
done
echo "no usable Python: install Python 3.11 or later with its venv module (Debian: python3-venv)," \
    "or name one with PYTHON=... (tried: ${candidates[*]})" >&2
exit 1
