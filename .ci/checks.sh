# Sourced by .ci/run: running checks, bounded, and counting them.

passed=0
failed=0
failures=()
running=
scratch=$(mktemp -d)
exec 3>&1 # where to report from, whatever a function's output is redirected to
LIMIT=2340 # seconds for everything; what is left of it bounds each step
SECONDS=0

heading() { printf '\n=== %s\n' "$1"; }

why= # what a check says of its failure; repeated at the end, where a long log cannot hide it

# because TEXT...: says why the check fails, and fails.
because() {
  why=$*
  echo "$why"
  return 1
}

fail() {
  failed=$((failed + 1))
  failures+=("$1${why:+ ($why)}")
  printf -- '--- FAILED: %s\n' "$1"
}

# bounded SECONDS COMMAND...: in the background, so that a signal to this shell is heard
# at once; clean_up ends it.
bounded() {
  local seconds=$1 left=$((LIMIT - SECONDS))
  shift
  [ "$seconds" -lt "$left" ] || seconds=$left
  [ "$seconds" -gt 0 ] || { because "No time is left of $LIMIT s."; return 124; }
  timeout -k 20 "$seconds" "$@" </dev/null 3>&- &
  running=$!
  wait "$running"
  local code=$?
  running=
  [ $code -ne 124 ] || because "Stopped after $seconds s: $*"
  return $code
}

# check NAME SECONDS COMMAND...: one check. A function bounds itself, with the seconds as its first argument.
check() {
  local name=$1 seconds=$2 started=$SECONDS
  shift 2
  why=
  heading "$name"
  if [ "$(type -t "$1")" = function ]; then "$1" "$seconds" "${@:2}"; else bounded "$seconds" "$@"; fi
  local code=$?
  if [ $code -eq 0 ]; then
    passed=$((passed + 1))
    echo "ok ($((SECONDS - started)) s)"
  else
    fail "$name"
  fi
  return $code
}

# quietly SECONDS COMMAND...: the end of its output is shown when it fails
quietly() {
  bounded "$@" >"$scratch/output" 2>&1
  local code=$?
  [ $code -eq 0 ] || { tail -n 80 "$scratch/output" && why=${why:-$(tail -n 1 "$scratch/output")}; }
  return $code
}

# jest_check NAME SECONDS COMMAND...: as many checks as Jest says that it ran tests.
jest_check() {
  local name=$1 seconds=$2 log=$scratch/jest code ran_well ran_badly
  shift 2
  why=
  heading "$name"
  bounded "$seconds" bash -o pipefail -c '"${@:2}" 2>&1 | tee "$1"' - "$log" "$@"
  code=$?
  ran_well=$(jest_count passed <"$log")
  ran_badly=$(jest_count failed <"$log")
  passed=$((passed + ran_well))
  failed=$((failed + ran_badly))
  if [ "$ran_badly" -gt 0 ]; then
    failures+=("$name: $ran_badly failed")
    while IFS= read -r line; do failures+=("  $line"); done < <(jest_failures <"$log")
  fi
  # A suite that does not compile or clean up, a timeout, servers that are not to be had: no test of its own failed.
  if [ $code -ne 0 ] && [ "$ran_badly" -eq 0 ]; then
    why=${why:-$(jest_complaint <"$log")}
    fail "$name (exit code $code)"
  fi
  if [ $code -eq 0 ] && [ "$ran_well" -eq 0 ]; then fail "$name (none ran)"; fi
  return $code
}

# The names of the tests that failed, each once, and what was expected there: a long log is often cut in its middle.
jest_failures() {
  sed 's/\x1b\[[0-9;]*m//g' |
    awk '/^(PASS|FAIL|Test Suites:) /{ name = "" }
      /^  ● / && !/● Console/ { name = $0; lines = seen[name]++ ? 9 : 0; if (!lines) print name; next }
      name && lines < 8 && NF { lines++; print "    " $0 }' |
    head -n 60
}

# What Jest says of suites that failed outside their tests, in one line.
jest_complaint() {
  sed 's/\x1b\[[0-9;]*m//g' | grep -E -A 6 '^FAIL |^  ● ' | grep -vE '● Console|console\.|^ *$|^--$' | head -n 12 | tr -s '\n ' ' '
}

jest_count() {
  sed 's/\x1b\[[0-9;]*m//g' | grep -E '^Tests: ' | grep -oE "[0-9]+ $1" | awk '{ sum += $1 } END { print sum + 0 }'
}

# clean_up COMMAND...: ends what still runs, then runs each of them.
clean_up() {
  trap - EXIT
  trap '' INT TERM
  exec >&3 2>&1
  [ -z "$running" ] || { kill "$running"; wait "$running"; } 2>/dev/null
  [ -z "${images_building:-}" ] || { kill "$images_building"; wait "$images_building"; } 2>/dev/null
  local step
  for step in "$@"; do "$step"; done
  rm -rf "$scratch"
}

# The closing line; ends the run.
summary() {
  clean_up compose_clean_up docker_clean_up
  printf '\n'
  [ $failed -eq 0 ] || printf 'FAILED: %s\n' "${failures[@]}"
  echo "$passed passed, $failed failed"
  exit $((failed > 0))
}
