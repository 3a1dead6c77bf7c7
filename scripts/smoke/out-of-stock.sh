#!/usr/bin/env bash
# An order for more than there is is cancelled by the mesh, and takes nothing.
source "$(dirname "$0")/api.sh"

new_item 'Last Gulab Jamun' 90 1 && scarce=$ITEM
new_item 'Plain Rice' 60 50 && plenty=$ITEM

place_order 202 "$(line "$scarce" 2),$(line "$plenty" 3)"
eventually "/orders/$ORDER" status CANCELLED
expect cancel_reason OUT_OF_STOCK

call GET "/inventory/$scarce" 200
expect available_qty 1
call GET "/inventory/$plenty" 200
expect available_qty 50
