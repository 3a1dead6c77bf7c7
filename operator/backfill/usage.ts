export const usage = `Backfill: gives a service past events, in the order in which they were published, as if they came to it now.

npm run backfill -- --service <name>   all past events of the types that it subscribes to

  --type <event type>  only these; may be repeated
  --from <time>        published at or after it: 2026-11-21 or 2026-11-21T10:00:00Z
  --to <time>          published before it (now)
  --rate <n>           so many a second at most (200)
  --waiting <n>        goes on only while at most so many wait for the service (500), so that a live event never
                       has more than these before it
  --again              also events that the service has handled. It ignores those that it remembers, so this is for
                       a service whose processed_events were cleared
  --dry-run            only prints how many there are

The events go to this service's queue only, with their ids and bodies unchanged. Events that the service has handled
are left out, so a backfill can be interrupted and run again; it prints where it stopped, for --from. It works on
DATABASE_URL and RABBITMQ_URL or, where they are not set, on the mesh that runs from this checkout. Exit codes: 0 done,
1 failed, 2 usage error.`;
