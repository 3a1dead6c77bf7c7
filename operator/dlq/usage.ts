export const usage = `Dead letters: the messages that a service could not handle, each in <service>.dlq.

npm run dlq -- list                    how many there are, by service, type and reason
npm run dlq -- show [<event id> | <n>] one message, whole: the first, the n-th, or the one with the id
npm run dlq -- replay                  back to the service's own queue; there their attempts start anew
npm run dlq -- discard                 removes them for good

Which ones (all commands; of several values of one option any may match):
  --service <name>      e.g. inventory-service; may be repeated, as the next two
  --type <event type>   e.g. order.placed.v1
  --reason <code>       e.g. invalid_data, handler_failed, delivery_limit; list shows them
  --order <id>          about this order
  --event <id>          with this event id
  --older-than <time>   dead for longer than this: 30s, 10m, 1h, 2d …
  --newer-than <time>   dead for less than this
  --all                 all of them: required for replay and discard when no other filter is given

  --json                list and show: for programs
  --limit <n>           show: so many (1)
  --dry-run             replay and discard: only says what would be done
  --rate <n>            replay (200) and discard (no limit): so many a second at most
  --yes                 discard: does not ask; required where nobody can be asked

It works on RABBITMQ_URL or, where that is not set, on the mesh that runs from this checkout. What is replayed and
discarded is put on record in that mesh's database, or at DATABASE_URL. list and show take nothing out of a queue. While a command runs, another one does not see the messages that the first one holds. An
event can be replayed twice: handling it again has no effect. Exit codes: 0 done, 1 failed, 2 usage error.`;
