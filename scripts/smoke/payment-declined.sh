#!/usr/bin/env bash
# An order whose card is declined is cancelled by the mesh, and its stock comes back.
source "$(dirname "$0")/api.sh"

new_item 'Hyderabadi Biryani' 320 10
payment='{"method":"CARD","token":"tok_declined"}'
call POST /orders 202 "{\"restaurant_id\":\"$RESTAURANT\",\"items\":[$(line "$ITEM" 3)],\"payment\":$payment}"
expect status PLACED
ORDER=$(field order_id)

eventually "/orders/$ORDER" status CANCELLED
expect cancel_reason PAYMENT_FAILED
expect payment_method CARD
eventually "/inventory/$ITEM" available_qty 10
