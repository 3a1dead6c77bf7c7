#!/usr/bin/env bash
# A draft is changed, and placed by its approval, once, at the prices of that moment.
source "$(dirname "$0")/api.sh"

new_item 'Chole Bhature' 150 10 && chole=$ITEM
new_item 'Masala Chai' 20.50 10 && chai=$ITEM

call POST /orders 201 "{\"restaurant_id\":\"$RESTAURANT\",\"items\":[$(line "$chole" 1)],\"draft\":true}"
expect status DRAFT
expect total_amount 150
ORDER=$(field order_id)

call PUT "/orders/$ORDER/items" 200 "{\"items\":[$(line "$chole" 2),$(line "$chai" 1)]}"
expect status DRAFT
expect total_amount 320.5

call PATCH "/inventory/$chai" 200 '{"price":30}'
call POST "/orders/$ORDER/approve" 202
expect status PLACED
expect total_amount 330
eventually "/orders/$ORDER" status PREPARING
eventually "/inventory/$chole" available_qty 8
eventually "/inventory/$chai" available_qty 9

call POST "/orders/$ORDER/approve" 202
expect status PREPARING
call PUT "/orders/$ORDER/items" 409 "{\"items\":[$(line "$chole" 5)]}"
call GET "/inventory/$chole" 200
expect available_qty 8
