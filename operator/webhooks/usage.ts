export const usage = `Webhooks, while you develop a receiver: shows the events of the mesh as they happen, and forwards them, signed.

npm run webhooks -- listen --forward-to http://127.0.0.1:3000/hook
npm run webhooks -- listen                                only shows them

  --forward-to <url>     where to; an address of this machine may be one
  --event <type>         only these, such as order.placed.v1; several: once for each
  --restaurant <id>      only this restaurant's
  --secret <secret>      what to sign with (whsec_…); without it a new one, which is printed
  --json                 print each event whole, one a line

It has a queue of its own for as long as it runs, which ends with it, also when it is killed. What the receiver refuses
is not sent again. Endpoints that were added through the API get their events beside it.

It works on RABBITMQ_URL or, where that is not set, on the mesh that runs from this checkout. Ctrl-C ends it.
Exit codes: 0 done, 1 failed, 2 usage error, 130 ended by Ctrl-C.`;
