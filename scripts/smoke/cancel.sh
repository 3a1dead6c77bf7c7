#!/usr/bin/env bash
# A cancelled order gives its stock back, once, and goes nowhere after that.
source "$(dirname "$0")/api.sh"

new_item 'Paneer Tikka' 280 10
place_order 202 "$(line "$ITEM" 4)"
eventually "/orders/$ORDER" status PREPARING
eventually "/inventory/$ITEM" available_qty 6

call POST "/orders/$ORDER/cancel" 200 '{"by":"CUSTOMER"}'
expect status CANCELLED
call POST "/orders/$ORDER/cancel" 200 '{"by":"CUSTOMER"}'
expect status CANCELLED
eventually "/inventory/$ITEM" available_qty 10

call PATCH "/orders/$ORDER/status" 409 '{"status":"DELIVERED"}'
call GET "/inventory/$ITEM" 200
expect available_qty 10
