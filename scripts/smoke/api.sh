# Sourced by the smoke tests: calls to the API, and expectations that fail loudly.
# The answer of the last call is in $STATUS and $ANSWER.
set -euo pipefail

fail() {
  echo "      $*" >&2
  exit 1
}

command -v curl >/dev/null || fail 'The smoke tests need curl.'

if [ -z "${API_URL:-}" ]; then
  mesh="$(dirname "${BASH_SOURCE[0]}")/../../.local/mesh.json"
  [ -f "$mesh" ] || fail 'No mesh runs from this checkout: run npm start in another terminal, or set API_URL.'
  API_URL=$(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1])).api_url' "$mesh")
fi
API_URL=${API_URL%/}

# call METHOD PATH EXPECTED_STATUS [JSON]
call() {
  local output
  output=$(curl -sS --max-time 10 -X "$1" "$API_URL/api/v1$2" -w '\n%{http_code}' \
    ${API_KEY:+-H "authorization: Bearer $API_KEY"} \
    ${4:+-H 'content-type: application/json' -d "$4"}) || fail "$1 $2: no answer from $API_URL"
  STATUS=${output##*$'\n'}
  ANSWER=${output%$'\n'*}
  [ "$STATUS" = "$3" ] || fail "$1 $2: expected $3, got $STATUS: $ANSWER"
}

# field PATH: a field of the last answer, e.g. items.0.price
field() {
  printf '%s' "$ANSWER" | node -e '
    let value = JSON.parse(require("fs").readFileSync(0, "utf8"));
    for (const key of process.argv[1].split(".")) value = value?.[key];
    console.log(value ?? "(none)");' "$1" || fail "Not JSON: $ANSWER"
}

# expect PATH WANTED: that field of the last answer
expect() {
  local got
  got=$(field "$1")
  [ "$got" = "$2" ] || fail "expected $1 to be \"$2\", got \"$got\" in $ANSWER"
}

# eventually URL_PATH PATH WANTED: the same, polled until it is so, for 15 s at most
eventually() {
  local deadline=$((SECONDS + 15))
  while call GET "$1" 200 && [ "$(field "$2")" != "$3" ]; do
    [ $SECONDS -lt $deadline ] || fail "expected $2 of $1 to become \"$3\", and after 15 s it is \"$(field "$2")\": $ANSWER"
    sleep 0.2
  done
}

# new_item NAME PRICE QUANTITY: in the restaurant $RESTAURANT, which is made at the first; its id is in $ITEM
new_item() {
  if [ -z "${RESTAURANT:-}" ]; then
    call POST /inventory/add/restaurant 201 '{"name":"Smoke Test Kitchen"}'
    RESTAURANT=$(field restaurant_id)
  fi
  call POST "/inventory/add/$RESTAURANT/item" 201 "{\"name\":\"$1\",\"price\":$2,\"available_qty\":$3}"
  ITEM=$(field menu_item_id)
}

# place_order EXPECTED_STATUS LINES: its id is in $ORDER
place_order() {
  call POST /orders "$1" "{\"restaurant_id\":\"$RESTAURANT\",\"items\":[$2]}"
  ORDER=$(field order_id)
}

# line ITEM QUANTITY
line() { printf '{"menu_item_id":"%s","quantity":%s}' "$1" "$2"; }
