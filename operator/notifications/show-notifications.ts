import { oneLine, table } from '../command-line/table';
import type { FoundNotification } from './find-notifications';

export function listAsText(found: readonly FoundNotification[]): string {
  if (found.length === 0) return 'There is none.';
  return table(
    ['NOTIFICATION', 'CHANNEL', 'STATUS', 'KIND', 'TO', 'TRIES', 'NEXT', 'LAST ERROR'],
    found.map((one) => [
      one.id,
      one.channel.toLowerCase(),
      one.status.toLowerCase(),
      one.kind ?? one.event_type,
      one.recipient ?? '',
      one.attempts,
      one.next_attempt_at?.toISOString() ?? '',
      shortened(one.last_error ?? ''),
    ]),
  );
}

const shortened = (text: string) => (text.length > 80 ? `${text.slice(0, 79)}…` : text);

/** Everything about one, a line for each fact. */
export function oneAsText(one: FoundNotification, attempts: readonly object[]): string {
  const facts = Object.entries(one).filter(([, value]) => value !== null && value !== '');
  const width = Math.max(...facts.map(([name]) => name.length));
  const said = (value: unknown) => (value instanceof Date ? value.toISOString() : String(value));
  return [
    ...facts.map(([name, value]) => `${name.padEnd(width)}  ${oneLine(said(value))}`),
    ...attempts.map((attempt) => `attempt  ${oneLine(JSON.stringify(attempt))}`),
  ].join('\n');
}
