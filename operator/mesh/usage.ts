export const usage = `What an order waits for, and why that does not come.

npm run mesh -- why <order id>     what happened to it over all services, and what it waits for
npm run mesh -- why <reference>    the same, by the caller's own number; of several orders the newest ones

  --json   for programs: what GET /api/v1/orders/{id}/timeline answers, a line an order

It works on DATABASE_URL or, where that is not set, on the mesh that runs from this checkout. It only reads, and needs
no RabbitMQ. Exit codes: 0 found, 1 there is no such order, or failed, 2 usage error.`;
