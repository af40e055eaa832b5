#!/usr/bin/env bash
# Makes .venv from requirements.lock (every package with its hash) and installs this package in it.
# Does nothing where that is done already.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "setup: $("$python" --version) found; expected Python 3.11 or newer. Install it, or name" \
        "one: make setup PYTHON=/path/to/python3.11" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        apt-get install --yes --no-install-recommends python3-venv >/dev/null
    else
        echo "setup: this Python cannot make a virtual environment. Install python3-venv" >&2
        exit 1
    fi
fi

echo "setup: Python packages into .venv"
"$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --require-hashes --requirement requirements.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --no-deps --no-build-isolation --editable .
touch .venv/installed
