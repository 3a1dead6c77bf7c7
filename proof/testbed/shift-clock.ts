import { shiftedDate } from './shifted-date';

// Loaded before a process's own code (`node --require`): its clock is off by CLOCK_OFFSET_MS. The monotonic clock and
// timers are those of the machine, as where NTP has failed.

const offsetMs = Number(process.env.CLOCK_OFFSET_MS ?? 0);
if (offsetMs !== 0) globalThis.Date = shiftedDate(Date, offsetMs);
