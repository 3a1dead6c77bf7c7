export const usage = `Analytics: the read models behind the reports.

npm run analytics -- status    what is counted, since when, and whether a rebuild was left unfinished
npm run analytics -- rebuild   counts everything anew from the history of events

A rebuild counts beside what is shown, and new events are counted in both. When it has caught up, the new counts take the
place of the old ones in one step, and what was counted before is deleted, with the records of events that are in no
history any more. Until then, and if it is interrupted, nothing changes: run it again. It begins where the history does
(EVENT_LOG_RETENTION), and says from when that is. Orders go on meanwhile.

It works on DATABASE_URL or, where that is not set, on the mesh that runs from this checkout.
Exit codes: 0 done, 1 failed, 2 usage error.`;
