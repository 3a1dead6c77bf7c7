# Sourced by .ci/run: a Docker engine for the container path.

standins=../shared/standins/build.sh # an engine and images for machines that reach no image registry
engine_pid_file=

# True when an engine answers from here on. Without one the container path is skipped, aloud.
find_docker() {
  if [ -x "$standins" ] && [ "$(id -u)" = 0 ]; then
    use_standins
  elif timeout 20 docker info >/dev/null 2>&1; then
    return 0
  else
    heading 'Container path'
    echo 'Skipped: no Docker engine answers here.'
    return 1
  fi
}

use_standins() {
  local images answered_before
  # Grafana and the store of traces are not started here: there is no stand-in for either.
  images=$(sed -nE 's/^FROM ([a-z]+:[^ ]+).*/\1/p; s/^ +image: (.+)/\1/p' Dockerfile docker-compose.yml |
    grep -v -e '^grafana/' -e '^jaegertracing/' | sort -u)
  answered_before=$( (eval "$("$standins" --env)" && timeout 20 docker info >/dev/null 2>&1) && echo yes)
  eval "$("$standins" --env)"
  [ "$answered_before" = yes ] || engine_pid_file="$(dirname "${DOCKER_HOST#unix://}")/pid"
  # shellcheck disable=SC2086 # a list
  check 'Docker engine and images' 480 "$standins" $images
}

# A few tests, to see that npm test takes its servers from an engine that answers.
tests_use_docker() {
  quietly "$1" npm test -- --passWithNoTests scripts/apply-migrations || return 1
  [ "$(grep -cE '^(PostgreSQL|RabbitMQ): .* in Docker' "$scratch/output")" -eq 2 ] || { cat "$scratch/output" && return 1; }
}

# An engine that was started here ends here.
docker_clean_up() {
  [ -n "$engine_pid_file" ] && [ -f "$engine_pid_file" ] || return 0
  local pid
  pid=$(<"$engine_pid_file")
  engine_pid_file=
  [ "$(ps -o comm= -p "$pid")" = dockerd ] || return 0
  kill "$pid"
  for _ in $(seq 60); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.5
  done
  echo "The Docker engine (process $pid) did not stop."
}
