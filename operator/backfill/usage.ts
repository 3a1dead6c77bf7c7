export const usage = `Backfill: gives a service past events, oldest first, as if they came to it now.

npm run backfill -- --service <name>   all past events of the types that it subscribes to

  --type <event type>  only these; may be repeated
  --from <time>        published at or after it: 2026-11-21 or 2026-11-21T10:00:00Z
  --to <time>          published before it (now)
  --rate <n>           so many a second at most (200)
  --waiting <n>        goes on only while at most so many wait for the service (500): a live event comes
                       after no more than these
  --again              also what the service has handled; it ignores what it remembers, so this is for a
                       service whose processed_events were cleared
  --dry-run            only says how many there are

The events go to the service's own queue and to nobody else's, with their ids and bodies as they were. What the
service has handled is left out, so a backfill can be cut off and run again; it prints where it stopped, for
--from. It needs DATABASE_URL and RABBITMQ_URL, or else works on the mesh that runs from this checkout. Exit
codes: 0 done, 1 failed, 2 not understood.`;
