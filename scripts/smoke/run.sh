#!/usr/bin/env bash
# Smoke tests against a running mesh, with nothing but curl: npm run smoke
# or some of them: npm run smoke -- place cancel
# The API is API_URL, or that of the mesh that runs from this checkout.
set -euo pipefail
cd "$(dirname "$0")"

scripts=("$@")
[ ${#scripts[@]} -gt 0 ] || scripts=(place cancel out-of-stock draft payment-declined)
failed=0
for name in "${scripts[@]}"; do
  if [ ! -f "$name.sh" ] || [ "$name" = run ] || [ "$name" = api ]; then
    echo "There is no smoke test \"$name\"." >&2
    exit 1
  fi
  if bash "$name.sh"; then echo "ok    $name"; else failed=1 && echo "FAIL  $name" >&2; fi
done
exit $failed
