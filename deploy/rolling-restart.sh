#!/usr/bin/env bash
# Replaces every container of the mesh, one at a time, while orders flow: with Docker Compose, from the project's root.
#
#   deploy/rolling-restart.sh                        all services, in their order
#   deploy/rolling-restart.sh order-api              only these
#
# A new container is started beside the old ones and, once it is healthy, an old one finishes its work and goes: there is
# never one less than before. New containers are made of the image and the settings of now, so this also brings a new
# version in: docker compose build, then docker compose run --rm migrate, then this. A new container that does not become
# healthy is the end of it: the old ones go on. At the end the audit is run.
#
# Left out, for there is one of each: postgres, rabbitmq, payment-simulator, maildev, the gateway, and what the profile
# observability has. Named by itself, the gateway reads its configuration anew in the same container; until it has asked
# for the addresses of order-api, for some milliseconds, it answers 503.
#
# COMPOSE ("docker compose", or docker-compose), COMPOSE_FILE and COMPOSE_PROJECT_NAME as for Compose itself.
set -euo pipefail

HEALTHY_WITHIN=${HEALTHY_WITHIN:-120} # seconds for a new container
STOP_WITHIN=15                        # seconds for an old one; services take ten at most
LEFT_OUT=(postgres rabbitmq payment-simulator maildev gateway prometheus grafana jaeger migrate users operator)

if [ -n "${COMPOSE:-}" ]; then read -ra compose <<<"$COMPOSE"
elif docker compose version >/dev/null 2>&1; then compose=(docker compose)
else compose=(docker-compose); fi

say() { printf 'rolling: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# The running containers of a service, oldest first.
running() {
  local ids
  ids=$("${compose[@]}" ps -q "$1")
  # shellcheck disable=SC2086 # a list
  [ -z "$ids" ] || docker inspect -f '{{.State.Running}} {{.Created}} {{.Id}}' $ids | sort -k 2 | awk '$1 == "true" { print $3 }'
}

# healthy CONTAINER SERVICE: waits for it; fails when it ends or takes too long. Docker's own check comes every ten
# seconds, so it is asked here. Of order-api the gateway has to hear first: for it, Docker's check is waited for.
healthy() {
  local deadline=$((SECONDS + HEALTHY_WITHIN)) state
  while true; do
    state=$(docker inspect -f '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}' "$1")
    case $state in
      'running healthy' | 'running none') return 0 ;;
      'running starting') [ "$2" = order-api ] || ! docker exec "$1" node docker/healthcheck.mjs >/dev/null 2>&1 || return 0 ;;
      exited* | dead*) return 1 ;;
    esac
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.5
  done
}

replace() {
  local service=$1 olds old before count new
  mapfile -t olds < <(running "$service")
  count=${#olds[@]}
  [ "$count" -gt 0 ] || { say "$service does not run"; return 0; }
  for old in "${olds[@]}"; do
    before=$(running "$service")
    "${compose[@]}" up -d --no-deps --no-recreate --scale "$service=$((count + 1))" "$service" >/dev/null 2>&1 ||
      die "$service: no container more could be started: ${compose[*]} up -d --no-deps --no-recreate --scale $service=$((count + 1)) $service"
    new=$(running "$service" | grep -vxF -e "$before" || true)
    [ "$(wc -w <<<"$new")" -eq 1 ] || die "$service: one new container was expected, there is: ${new:-none}"
    if ! healthy "$new" "$service"; then
      docker logs --tail 5 "$new" >&2 || true
      docker rm -f "$new" >/dev/null
      die "$service: the new container did not become healthy within $HEALTHY_WITHIN s and was removed; the old ones go on"
    fi
    docker stop -t "$STOP_WITHIN" "$old" >/dev/null
    [ "$(docker inspect -f '{{.State.ExitCode}}' "$old")" -eq 0 ] || die "$service: ${old:0:12} did not end in peace"
    docker rm "$old" >/dev/null
    say "$service: ${new:0:12} for ${old:0:12}"
  done
}

reload_gateway() {
  local id
  for id in $(running gateway); do
    docker kill -s USR2 "$id" >/dev/null && say 'gateway: its configuration is read anew'
  done
}

is_left_out() {
  local one
  for one in "${LEFT_OUT[@]}"; do [ "$one" != "$1" ] || return 0; done
  return 1
}

if [ $# -gt 0 ]; then services=("$@")
else mapfile -t services < <("${compose[@]}" config --services | sort); fi

for service in "${services[@]}"; do
  if [ "$service" = gateway ] && [ $# -gt 0 ]; then reload_gateway
  elif is_left_out "$service"; then [ $# -eq 0 ] || die "$service is left out: there is one of it"
  else replace "$service"; fi
done
say 'the audit:'
# Where services have logins of their own (docker-compose.users.yml), order-api's may not read all that the audit does.
known=$("${compose[@]}" --profile operator config --services)
if grep -qx operator <<<"$known"; then
  "${compose[@]}" --profile operator run --rm -T operator npm run --silent audit
else
  # Not by "compose exec": docker-compose 1 looks for the first container, which is gone.
  docker exec "$(running order-api | tail -n 1)" npm run --silent audit
fi
