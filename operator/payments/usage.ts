import { settleable } from './arguments';

export const usage = `Payments that need an operator: the gateway refused something for good, or has other money than was asked for.

npm run payments -- list                     those in review: what was refused, in the gateway's words, since when
npm run payments -- show <order id>          one payment: its moves, its ledger, its order
npm run payments -- retry <order id>         asks the gateway again, under a new idempotency key
npm run payments -- settle <order id> --as <what became of it> --note "<why>"
                                             takes your word for it: ${settleable.join(', ')}

  --stuck [<time>]   list: those that the gateway has been asked about for longer than so (10m)
  --limit <n>        list: so many (100)
  --note <text>      settle: required; retry: kept with the move
  --operator <name>  settle and retry: who you are, where that is not your name on this machine
  --json             list and show: for programs

settle changes nothing at the gateway: look there first. A refused authorisation can be authorized or declined; a
capture captured or voided; a void voided or captured; a refund refunded. What follows from that is done by itself:
the events go out, and what a cancelled order is still owed is given back.

It works on DATABASE_URL or, where that is not set, on the mesh that runs from this checkout.
Exit codes: 0 done, 1 failed, 2 usage error.`;
