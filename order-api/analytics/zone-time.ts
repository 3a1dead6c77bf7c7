const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

/** Whether `Intl` knows the zone by its name: an offset such as `+05:30` is none. */
export function isTimeZone(zone: string): boolean {
  try {
    return /^[A-Za-z]/.test(zone) && Boolean(new Intl.DateTimeFormat('en', { timeZone: zone }));
  } catch {
    return false;
  }
}

/** When the hours and days of a time zone begin, in milliseconds since the epoch. */
export interface ZoneTime {
  /** When a day begins, such as `2026-11-30`; of one that the zone skipped, the day after. */
  startOf: (date: string) => number;
  /** The first full hour after a moment; where clocks change by less than an hour, the moment they do may come before. */
  nextHour: (time: number) => number;
  /** The next day's beginning: its midnight or, where clocks skip that, the moment after. */
  nextDay: (time: number) => number;
}

/** @throws {RangeError} for a zone that `Intl` does not know */
export function zoneTime(zone: string): ZoneTime {
  const format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
  const offsetAt = (time: number): number => {
    const [, sign, hours, minutes] = /GMT([+-])(\d\d):(\d\d)/.exec(format.format(time)) ?? [];
    return sign ? Number(`${sign}1`) * (Number(hours) * HOUR + Number(minutes) * MINUTE) : 0;
  };
  const nextDay = (time: number): number => {
    const before = offsetAt(time);
    const midnight = (Math.floor((time + before) / DAY) + 1) * DAY;
    // By the offset of this moment, or by that of the day to come; where neither has it, clocks skip it.
    const after = offsetAt(midnight - before);
    const found = [before, after].find((offset) => offsetAt(midnight - offset) === offset);
    return midnight - (found ?? before);
  };
  return {
    startOf(date) {
      const midnight = Date.parse(date); // in UTC
      const noonBefore = midnight - DAY / 2;
      return nextDay(noonBefore - offsetAt(noonBefore));
    },
    nextHour(time) {
      const offset = offsetAt(time);
      return (Math.floor((time + offset) / HOUR) + 1) * HOUR - offset;
    },
    nextDay,
  };
}
