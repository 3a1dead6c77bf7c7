export const usage = `How the mesh is: services, queues, orders, what is slow, and what needs somebody.

npm run mesh                       one screen
npm run mesh -- --watch            the same, every two seconds
npm run mesh -- --json             the same, for programs; with --watch a line each time

npm run mesh -- why <order id>     what happened to an order over all services, and what it waits for
npm run mesh -- why <reference>    the same, by the caller's own number; of several orders the newest ones
  --json   for programs: what GET /api/v1/orders/{id}/timeline answers, a line an order

npm run mesh -- pause <part> --why "stock take"
npm run mesh -- resume <part>
  A part is a service, "gateway" (payments are not begun, charged or returned), or a channel of notifications: email,
  slack, webhook, log. It stays paused, over restarts too, until it is resumed.

It works on DATABASE_URL and RABBITMQ_URL or, where neither is set, on the mesh that runs from this checkout. why, pause
and resume need PostgreSQL only. Exit codes: 0 done; 1 a server could not be read (the rest is shown), there is no such
order, or failed; 2 usage error; 130 ended by Ctrl-C.`;
