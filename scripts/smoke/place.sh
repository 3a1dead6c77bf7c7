#!/usr/bin/env bash
# An order goes from POST to DELIVERED, and its stock is deducted.
source "$(dirname "$0")/api.sh"

new_item 'Masala Dosa' 450 5 && dosa=$ITEM
new_item 'Mango Lassi' 110.50 5 && lassi=$ITEM

place_order 202 "$(line "$dosa" 1),$(line "$lassi" 2)"
expect status PLACED
expect total_amount 671

eventually "/orders/$ORDER" status PREPARING
expect total_amount 671
eventually "/inventory/$dosa" available_qty 4
eventually "/inventory/$lassi" available_qty 3

call PATCH "/orders/$ORDER/status" 200 '{"status":"OUT_FOR_DELIVERY"}'
call PATCH "/orders/$ORDER/status" 200 '{"status":"DELIVERED"}'
call GET "/orders/$ORDER" 200
expect status DELIVERED
