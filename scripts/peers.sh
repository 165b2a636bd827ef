#!/usr/bin/env bash
# Installs what `make bench` measures ours against and nothing else needs, requirements-peers.lock, into .venv-peers.
# cryptofeed is built from source: that takes a C compiler and about a minute.
set -euo pipefail
cd "$(dirname "$0")/.."

if cmp -s requirements-peers.lock .venv-peers/installed.lock && .venv-peers/bin/python -c ''; then
    exit
fi
echo "installing requirements-peers.lock into .venv-peers" >&2
rm -rf .venv-peers
.venv/bin/python -m venv .venv-peers
pip=(.venv-peers/bin/python -m pip --quiet --disable-pip-version-check --require-virtualenv install --require-hashes)
"${pip[@]}" -r requirements-peers-build.lock
"${pip[@]}" --no-build-isolation -r requirements-peers.lock
cp requirements-peers.lock .venv-peers/installed.lock
