# Sourced by .ci/run: a Docker engine for the container path.

standins=../shared/standins/build.sh # an engine and images for machines that reach no image registry
engine_pid_file=
answered_before=
images_building=

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

# Builds the images in the background, where there are stand-ins to be built.
begin_images() {
  [ -x "$standins" ] && [ "$(id -u)" = 0 ] || return 0
  local images
  # Grafana and the store of traces are not started here: there is no stand-in for either.
  images=$(sed -nE 's/^FROM ([a-z]+:[^ ]+).*/\1/p; s/^ +image: (.+)/\1/p' Dockerfile docker-compose.yml |
    grep -v -e '^grafana/' -e '^jaegertracing/' | sort -u)
  answered_before=$( (eval "$("$standins" --env)" && timeout 20 docker info >/dev/null 2>&1) && echo yes)
  # shellcheck disable=SC2086 # a list
  timeout -k 20 600 "$standins" $images </dev/null >"$scratch/images" 2>&1 3>&- &
  images_building=$!
}

use_standins() {
  eval "$("$standins" --env)"
  [ "$answered_before" = yes ] || engine_pid_file="$(dirname "${DOCKER_HOST#unix://}")/pid"
  check 'Docker engine and images' 600 images_built
}

images_built() {
  wait "$images_building"
  local code=$?
  images_building=
  [ $code -eq 0 ] || { tail -n 80 "$scratch/images" && because "The stand-ins' exit code is $code."; }
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
