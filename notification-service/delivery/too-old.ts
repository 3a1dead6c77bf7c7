/** Nobody wants to be told of what is older, such as events that are sent again. */
const TOO_OLD_MS = 7 * 86_400_000;

/** Why nobody is told of it any more, where it was more than a week ago. */
export const whyTooOld = (isOld: boolean): string | undefined =>
  isOld ? 'it is about something that was more than a week ago' : undefined;

/** Goes by the event's own time. A time that cannot be read is not an old one. */
export const isTooOld = ({ time }: { time: string }): boolean => Date.now() - Date.parse(time) > TOO_OLD_MS;
