import { createHash } from 'node:crypto';
import { z } from 'zod';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
// https://www.rfc-editor.org/rfc/rfc3339#section-5.6, which allows `t`, `z`, a space, and a leap second; some leave the seconds out.
const RFC_3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d|60)(\.\d+)?)?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** A time as RFC 3339 writes it, read as ISO 8601 in UTC with milliseconds. */
export const rfc3339 = z.string().transform((text, context) => {
  const iso = toIso(text);
  if (iso !== undefined) return iso;
  context.addIssue({ code: 'custom', message: 'is no RFC 3339 time, such as 2026-11-25T08:30:00Z' });
  return z.NEVER;
});

function toIso(text: string): string | undefined {
  const [, year, month, day, hour, minute, second = '00', fraction = '', zone = ''] =
    RFC_3339.exec(text) ?? [];
  if (!year || !month || !day) return undefined;
  const lastDay = new Date(Date.UTC(Number(year) || 4, Number(month), 0)).getUTCDate();
  if (Number(month) < 1 || Number(month) > 12 || Number(day) < 1 || Number(day) > lastDay) return undefined;
  const wholeSecond = second === '60' ? '59' : second; // JavaScript knows no leap seconds
  const at = new Date(
    `${year}-${month}-${day}T${hour}:${minute}:${wholeSecond}${fraction.slice(0, 4)}${zone.toUpperCase()}`,
  );
  if (Number.isNaN(at.getTime())) return undefined;
  const iso = at.toISOString();
  // In UTC it may be in a year that RFC 3339 has no four digits for, or in 0000, which PostgreSQL does not know.
  return /^(?!0000)\d{4}-/.test(iso) ? iso : undefined;
}

/**
 * The id under which tables and logs know an event. CloudEvents ids are any text, unique within their source; ours are
 * UUIDs. Another's becomes a UUID made of its source and itself, always the same one (RFC 9562, version 8).
 */
export function eventIdOf(source: string, id: string): string {
  if (UUID.test(id)) return id.toLowerCase();
  const hash = createHash('sha256')
    .update(JSON.stringify([source, id]))
    .digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x80;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

/** `application/json`, `text/json`, `application/vnd.shop+json; charset=utf-8`: what is JSON by its media type. */
export const isJsonMediaType = (text: string): boolean =>
  /^[^\s/;]+\/([^\s;]+\+)?json\s*(;|$)/i.test(text.trim());

/** An attribute as its text: booleans and integers are legal values of extensions. */
export const attributeText = (value: unknown): string | undefined =>
  typeof value === 'string'
    ? value
    : ['boolean', 'number'].includes(typeof value)
      ? String(value)
      : undefined;
