# Sourced by .ci/run: the container path from build to stop, beside whatever else runs
# on the machine: a project name of its own, and other ports where the usual are taken.

SCALE=(--scale inventory-service=3 --scale order-api=3)
COMPOSE=()

compose_smoke() {
  local failed_before=$failed
  if timeout 20 docker compose version >/dev/null 2>&1; then COMPOSE=(docker compose); else COMPOSE=(docker-compose); fi
  export COMPOSE_PROJECT_NAME="ordermesh-ci-$$"
  API_PORT=$(free_port 8000) AMQP_PORT=$(free_port 5672) MANAGEMENT_PORT=$(free_port 15672)
  SIMULATOR_PORT=$(free_port 9107) STATS_PORT=$(free_port 8404) MAIL_PORT=$(free_port 1080) PROMETHEUS_PORT=$(free_port 9090)
  # Passwords that no URL can hold as they are.
  export POSTGRES_PASSWORD='p@ss/w#rd$x "q"' RABBITMQ_PASSWORD='p%40ss/w?rd'
  export API_PORT AMQP_PORT MANAGEMENT_PORT SIMULATOR_PORT STATS_PORT MAIL_PORT PROMETHEUS_PORT API_URL="http://127.0.0.1:$API_PORT"

  check 'Compose: a block for every service folder' 30 every_service_has_a_block
  if check 'Compose: build and start, scaled' 480 quietly "${COMPOSE[@]}" up --build -d "${SCALE[@]}"; then
    check 'Compose: all healthy' 120 all_healthy
    check 'Compose: the set-up finished' 20 exited_with_zero migrate
    check 'Compose: nothing of ours runs as root' 60 nothing_runs_as_root
    check 'Compose: no capabilities, and nothing to write to' 60 locked_down
    check 'Compose: only what production needs, and an SBOM of it' 60 only_production
    check 'Compose: published on 127.0.0.1 only' 20 published_on_loopback_only
    check 'Compose: the management UI answers' 60 management_ui_answers
    check 'Compose: the proxy has a page of statistics' 20 statistics_answer
    check 'Compose: the demo menu, once' 90 demo_is_seeded
    check 'Compose: place, cancel, out of stock' 120 npm run --silent smoke
    check 'Compose: commands work inside a container' 120 commands_work_inside
    check 'Compose: Prometheus finds every replica' 120 prometheus_finds_all
    check 'Compose: an example joins, and leaves' 150 example_joins_and_leaves
    check 'Compose: every order-api took requests' 20 every_api_took_requests
    check 'Compose: a killed order-api loses only what it was answering, and is restarted' 60 crash_an_api
    check 'Compose: every service scales up and down while orders flow' 240 scale_up_and_down
    check 'Compose: a rolling restart of everything while orders flow' 420 restart_everything
    check 'Compose: no order-api, then all of them again' 90 all_apis_leave_and_return
    check 'Compose: the broker restarts' 180 restart_the_broker
    check 'Compose: stops in time, with exit code 0' 60 stops_cleanly
    check 'Compose: starts again with its data' 180 starts_again
  fi
  [ "$failed" -eq "$failed_before" ] || compose_logs
}

# The port asked for if nobody listens there, else any that is free.
free_port() {
  node -e '
    const listen = (port) => require("net").createServer().on("error", () => listen(0))
      .listen(port, "127.0.0.1", function () { console.log(this.address().port); this.close(); });
    listen(Number(process.argv[1]));' "$1"
}

# containers [SERVICE]: the ids, running or not; fails when there is none
containers() {
  timeout 30 docker ps -aq --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" \
    ${1:+--filter "label=com.docker.compose.service=$1"} | grep .
}

# describe FORMAT [SERVICE]: a line for each of its containers
describe() {
  local ids
  ids=$(containers "${@:2}") || return 1
  # shellcheck disable=SC2086 # a list
  timeout 30 docker inspect -f "$1" $ids
}

# The services: whatever is built here rather than pulled.
ours() { timeout 30 "${COMPOSE[@]}" config --services | grep -vx -e postgres -e rabbitmq -e migrate -e prometheus -e grafana -e jaeger; }

# only PATTERN: true when every line that comes in matches; prints those that do not
only() { ! grep -v -e "$1"; }

every_service_has_a_block() {
  local blocks folder own missing=0
  for folder in */main.ts examples/*/main.ts; do
    folder=${folder%/main.ts}
    # A service may have its block in its own folder: a file that is given beside the first.
    own=()
    [ ! -f "$folder/docker-compose.yml" ] || own=(-f docker-compose.yml -f "$folder/docker-compose.yml")
    blocks=$(timeout "$1" "${COMPOSE[@]}" "${own[@]}" config --services) || return 1
    grep -qx "${folder##*/}" <<<"$blocks" || { echo "No Compose file has a block for $folder." && missing=1; }
  done
  return $missing
}

all_healthy() {
  local deadline=$((SECONDS + $1)) states waiting
  while true; do
    states=$(describe '{{.Name}} {{.State.Status}} {{with .State.Health}}{{.Status}}{{end}}')
    waiting=$(grep -v -e ' running healthy$' -e '[_-]migrate[_-]1 exited' <<<"$states")
    [ -z "$states" ] || [ -n "$waiting" ] || break
    [ $SECONDS -lt $deadline ] || because "Not healthy within $1 s: $waiting" || return
    sleep 1
  done
  echo "$(grep -c healthy <<<"$states") containers are healthy."
}

# exited_with_zero SECONDS SERVICE...
exited_with_zero() {
  local service states
  for service in "${@:2}"; do
    states=$(describe '{{.Name}} {{.State.Status}} {{.State.ExitCode}}' "$service") || return 1
    only ' exited 0$' <<<"$states" || return 1
  done
}

nothing_runs_as_root() {
  local service ids id processes
  for service in $(ours); do
    ids=$(containers "$service") || return 1
    for id in $ids; do
      processes=$(timeout 20 docker top "$id" -eo pid,uid,args) || return 1
      awk 'NR > 1 && $2 == 0 { print; bad = 1 } END { exit bad }' <<<"$processes" || return 1
    done
  done
}

# Of the images that are not ours, RabbitMQ's alone writes to its root file system.
locked_down() {
  local states wrong
  states=$(describe '{{index .Config.Labels "com.docker.compose.service"}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}}') || return 1
  wrong=$(grep -v -e ' true \[ALL\] \[no-new-privileges:true\]$' <<<"$states" | grep -v '^rabbitmq false \[ALL\] \[no-new-privileges:true\]$')
  [ -z "$wrong" ] || because "Not locked down: $wrong" || return
  # What they go on as has none left, also where they begin as root. A health
  # check of these still has, and is over within its timeout.
  local id pid deadline=$((SECONDS + 10))
  for id in $(containers); do
    timeout 20 docker inspect -f '{{.State.Running}}' "$id" | grep true >/dev/null || continue
    for pid in $(timeout 20 docker top "$id" -eo pid | tail -n +2); do
      while grep -sE '^CapEff:.*[1-9a-f]' "/proc/$pid/status" >/dev/null; do
        [ "$SECONDS" -lt "$deadline" ] || because "$(tr '\0' ' ' <"/proc/$pid/cmdline") of $id has capabilities." || return
        sleep 0.2
      done
    done
  done
}

only_production() {
  inside "$1" node -e '
    const { existsSync, readFileSync, readdirSync } = require("fs");
    const bom = JSON.parse(readFileSync("sbom.cdx.json", "utf8"));
    const here = readdirSync("node_modules").flatMap((one) =>
      one.startsWith("@") ? readdirSync(`node_modules/${one}`).map((name) => `${one}/${name}`) : [one]).filter((one) => !one.startsWith("."));
    const listed = new Set(bom.components.map((one) => one.name));
    const unlisted = here.filter((one) => !listed.has(one));
    const tools = ["typescript", "prisma", "jest", "@swc/core"].filter((one) => existsSync(`node_modules/${one}`));
    console.log(`${here.length} packages, ${bom.components.length} in the SBOM.`, ...unlisted, ...tools);
    process.exit(unlisted.length + tools.length);' || because 'See above.'
}

published_on_loopback_only() {
  local expected ports
  # Without those of a profile, which is not started.
  expected=$(awk '/^  [a-z]/ { profile = 0 } /^    profiles:/ { profile = 1 } !profile' docker-compose.yml |
    grep -c "127\.0\.0\.1:\${[A-Z]*_PORT:-[0-9]*}:[0-9]*'")
  ports=$(describe '{{range $port, $to := .NetworkSettings.Ports}}{{range $to}}{{.HostIp}}:{{.HostPort}} {{end}}{{end}}' | xargs -n 1)
  only '^127\.0\.0\.1:' <<<"$ports" && [ "$(wc -l <<<"$ports")" -eq "$expected" ] ||
    because "Published: $ports; the file lists $expected."
}

management_ui_answers() {
  curl -fsS -o /dev/null --max-time "$1" --retry 10 --retry-all-errors --retry-delay 1 "http://127.0.0.1:$MANAGEMENT_PORT/"
}

every_api_took_requests() {
  local id replicas=0
  for id in $(containers order-api); do
    replicas=$((replicas + 1))
    timeout 20 docker logs "$id" 2>&1 | grep '"correlation_id"' >/dev/null || because "Replica $id took none." || return
  done
  [ $replicas -eq 3 ]
}

statistics_answer() {
  local url="http://127.0.0.1:$STATS_PORT"
  curl -fsS --max-time "$1" "$url/" | grep order-api-1 >/dev/null || because 'No page.' || return
  curl -fsS --max-time "$1" "$url/metrics" | grep '^haproxy_backend_active_servers{proxy="order-api"} 3' >/dev/null || because 'Not 3 replicas.' || return
}

# Of the profile for observability, Prometheus alone: by DNS, each replica a target of its own, and all of them answer.
prometheus_finds_all() {
  local deadline=$((SECONDS + $1)) url="http://127.0.0.1:$PROMETHEUS_PORT/api/v1" up
  quietly "$1" "${COMPOSE[@]}" --profile observability up -d --no-recreate --no-deps prometheus || return 1
  # Three of order-api and inventory-service, one of five others, RabbitMQ twice.
  until up=$(curl -sS --max-time 5 "$url/query?query=count(up==1)" 2>/dev/null) && grep '"13"' <<<"$up" >/dev/null; do
    [ $SECONDS -lt $deadline ] || because "Not all answer: $up $(curl -sS --max-time 5 "$url/query?query=up==0")" || return
    sleep 1
  done
  curl -sS --max-time 5 "$url/rules" | grep '"name":"OutboxOld"' >/dev/null || because 'It has no rules.' || return
  quietly 60 "${COMPOSE[@]}" --profile observability rm -sf prometheus
}

# inside SECONDS COMMAND...: in a container of order-api
inside() { bounded "$1" docker exec "$(containers order-api | head -n 1)" "${@:2}"; }

# Twice: the second time there is nothing to add.
demo_is_seeded() {
  inside "$1" npm run --silent demo >"$scratch/demo" && inside "$1" npm run --silent demo >"$scratch/demo-again" || return 1
  grep "$API_URL/api/v1/orders" "$scratch/demo" >/dev/null || because 'It prints no command that works outside.' || return
  grep 'nothing was added' "$scratch/demo-again" >/dev/null || because 'It was seeded twice.' || return
  # The ids in the served examples are those of the shop.
  curl -fsS --max-time 10 "$API_URL/openapi.json" >"$scratch/openapi" || return 1
  ! grep -o '018f0000-0000-7000-8000-00000000000[1-9]' "$scratch/openapi" || because 'An example names what there is not.' || return
}

commands_work_inside() {
  inside "$1" npm run --silent audit && inside "$1" npm run --silent dlq -- list &&
    inside "$1" npm run --silent payments -- list && inside "$1" npm run --silent migrate || return 1
}

# By a Compose file of its own, beside the mesh that runs.
example_joins_and_leaves() {
  local with=("${COMPOSE[@]}" -f docker-compose.yml -f examples/loyalty-service/docker-compose.yml)
  local deadline=$((SECONDS + $1)) points="fetch('http://127.0.0.1:9100/points/c-42').then((r) => r.text()).then(console.log)"
  quietly 120 "${with[@]}" up --build -d --no-recreate loyalty-service || return 1
  until describe '{{.State.Health.Status}}' loyalty-service | grep -x healthy >/dev/null; do
    [ $SECONDS -lt $deadline ] || because 'It is not healthy.' || return
    sleep 0.5
  done
  inside 60 npm run --silent backfill -- --service loyalty-service || because 'No backfill.' || return
  bounded 30 "${with[@]}" exec -T loyalty-service node -e "$points" >"$scratch/points" && cat "$scratch/points"
  grep '"customer_id":"c-42","points":' "$scratch/points" >/dev/null || because 'It tells no points.' || return
  inside 60 npm run --silent migrate -- --without loyalty-service >/dev/null || because 'It does not leave.' || return
  quietly 60 "${with[@]}" rm -sf loyalty-service loyalty-service-migrate
}

# The process is killed, not the container: Docker does not restart what it was asked to kill.
crash_an_api() {
  local deadline=$((SECONDS + $1)) id load
  id=$(containers order-api | head -n 1)
  timeout 30 node .ci/request-load.mjs "$API_URL" 10 8 & load=$!
  sleep 3
  timeout 20 docker exec "$id" sh -c 'kill -9 $(cat /proc/1/task/1/children)' || because 'Could not kill it.' || return
  wait "$load" || because 'Requests failed that the killed process did not hold.' || return
  until timeout 20 docker inspect -f '{{.RestartCount}} {{.State.Status}}' "$id" | grep '^[1-9][0-9]* running$' >/dev/null; do
    [ $SECONDS -lt $deadline ] || because 'It was not restarted.' || return
    sleep 0.5
  done
}

# under_load SECONDS COMMAND...: no request may fail meanwhile, and the audit finds nothing afterwards.
under_load() {
  local seconds=$1 load code
  timeout "$((seconds + 30))" node .ci/request-load.mjs "$API_URL" "$seconds" 2 0 100 >"$scratch/load" 2>&1 & load=$!
  quietly "$seconds" "${@:2}"
  code=$?
  kill "$load" 2>/dev/null
  wait "$load" || because "Requests failed: $(cat "$scratch/load")" || return
  cat "$scratch/load"
  [ $code -eq 0 ] || return $code
  inside 120 npm run --silent audit -- --grace 1m || because 'The audit finds something.' || return
}

# all_answer: those that Docker has not asked yet, too; it asks every ten seconds.
all_answer() {
  local id
  for id in $(docker ps -q --filter health=starting --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"); do
    docker exec "$id" node docker/healthcheck.mjs >/dev/null 2>&1 || return 1
  done
}
export -f all_answer

scale_up_and_down() {
  local service up='' down=() scale
  # One after the other: to start all of them at once is more than two cores can do beside their work.
  for service in $(ours | grep -vx -e gateway -e maildev -e payment-simulator); do
    case $service in order-api | inventory-service) scale=3 ;; *) scale=1 ;; esac
    down+=(--scale "$service=$scale")
    up+="$(printf '%q ' "${COMPOSE[@]}" up -d --no-deps --no-recreate --scale "$service=$((scale + 1))" "$service")&&
      until all_answer; do sleep 1; done && "
  done
  under_load "$1" bash -c "$up $(printf '%q ' "${COMPOSE[@]}" up -d -t 15 --no-recreate "${down[@]}")"
}

restart_everything() {
  local before after
  before=$(containers order-api | sort) || return 1
  COMPOSE="${COMPOSE[*]}" under_load "$1" deploy/rolling-restart.sh || return 1
  after=$(containers order-api | sort) || return 1
  [ "$(wc -l <<<"$after")" -eq 3 ] && [ -z "$(comm -12 <(echo "$before") <(echo "$after"))" ] ||
    because 'Not every order-api was replaced.'
}

all_apis_leave_and_return() {
  local deadline ids status
  ids=$(containers order-api)
  # shellcheck disable=SC2086 # a list
  bounded 40 docker stop $ids >/dev/null || return 1
  status=$(curl -sS --max-time 15 -o "$scratch/away" -w '%{http_code} %{content_type}' -D "$scratch/away-head" "$API_URL/api/v1/restaurants")
  [[ "$status" == '503 application/problem+json'* ]] && grep -i '^retry-after: 1' "$scratch/away-head" >/dev/null ||
    because "Without any, it answered $status." || return
  # shellcheck disable=SC2086 # a list
  bounded 40 docker start $ids >/dev/null || return 1
  deadline=$((SECONDS + 20))
  until curl -fsS -o /dev/null --max-time 5 "$API_URL/readyz" 2>/dev/null; do
    [ $SECONDS -lt $deadline ] || because 'Not answered again within 20 s.' || return
    sleep 0.5
  done
}

restart_the_broker() {
  bounded 60 docker restart "$(containers rabbitmq)" >/dev/null && all_healthy 90 && bounded 90 npm run --silent smoke
}

stops_cleanly() {
  quietly "$1" "${COMPOSE[@]}" stop || return 1
  # shellcheck disable=SC2046 # a list
  exited_with_zero "$1" $(ours)
}

starts_again() {
  quietly "$1" "${COMPOSE[@]}" up -d "${SCALE[@]}" && all_healthy 120 && exited_with_zero 20 migrate || return 1
  curl -fsS --max-time 10 "$API_URL/api/v1/restaurants" | grep 'Smoke Test Kitchen' >/dev/null || because 'The data is gone.' || return
}

compose_logs() {
  heading 'Compose: the end of the logs'
  timeout 30 "${COMPOSE[@]}" ps
  timeout 60 "${COMPOSE[@]}" logs --no-color --tail=40
}

compose_clean_up() {
  [ ${#COMPOSE[@]} -gt 0 ] || return 0
  heading 'Compose: removing its containers, volumes and images'
  timeout -k 10 120 "${COMPOSE[@]}" down -v --rmi local --remove-orphans -t 15 >/dev/null 2>&1 || echo 'Not all could be removed.'
  COMPOSE=()
}
