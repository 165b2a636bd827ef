#!/usr/bin/env bash
# Resolves every third-party requirement again and pins it by hash, for Python 3.11 and later, into:
#   requirements.lock            all services and what `make up` needs
#   requirements-dev.lock        the tests and linters, on top of it
#   requirements-fuzz.lock       the fuzzer of `make fuzz`
#   requirements-peers.lock      what `make bench` measures against, and requirements-peers-build.lock, which builds it
#   requirements-build.lock      what builds our own packages in the images
#   requirements-SERVICE.lock    one service alone, for its image
# Needs `uv`. All agree on versions, because each is resolved under the first two as constraints.
set -euo pipefail
cd "$(dirname "$0")/.."

compile() { # OUTPUT INPUT...
    local output=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-package spark-market --no-emit-package spark-bus --no-emit-package spark-service --no-emit-package spark-ingest \
        "${UPGRADE[@]}" --output-file "$output" "$@"
}

UPGRADE=("$@") # for example --upgrade
compile requirements.lock --group run --group build services/*/pyproject.toml
compile requirements-dev.lock --group dev --constraint requirements.lock
compile requirements-fuzz.lock --group fuzz --constraint requirements.lock
compile requirements-peers.lock --group peers --constraint requirements.lock
compile requirements-peers-build.lock --group peers-build
UPGRADE=()
compile requirements-build.lock --group build --constraint requirements.lock
for service in services/*/; do
    compile "requirements-$(basename "$service").lock" --constraint requirements.lock "${service}pyproject.toml"
done
