import { table } from '../command-line/table';
import type { ListedKey } from './keys';

const stateOf = ({ revokedAt, expiresAt }: ListedKey, now: Date) =>
  revokedAt
    ? `revoked ${revokedAt.toISOString()}`
    : expiresAt
      ? `${expiresAt <= now ? 'expired' : 'until'} ${expiresAt.toISOString()}`
      : 'until revoked';

export function keysAsText(keys: readonly ListedKey[], now = new Date()): string {
  if (keys.length === 0) return 'There is no key. npm run keys -- create --role admin makes one.';
  return table(
    ['KEY', 'ENDS', 'MAY', 'FOR', 'GOOD', 'NAME', 'MADE', 'BY'],
    keys.map((key) => [
      key.id,
      `…${key.lastFour}`,
      key.readOnly ? `${key.role}, read only` : key.role,
      key.customerId ?? key.restaurantIds.join(' '),
      key.previousUntil && key.previousUntil > now
        ? `${stateOf(key, now)}; the secret before until ${key.previousUntil.toISOString()}`
        : stateOf(key, now),
      key.name ?? '',
      key.createdAt.toISOString(),
      key.createdBy ?? '',
    ]),
  );
}

/** A line for each key. */
export const keysAsJson = (keys: readonly ListedKey[]): string =>
  keys
    .map((key) =>
      JSON.stringify({
        id: key.id,
        last_four: key.lastFour,
        role: key.role,
        restaurant_ids: key.restaurantIds,
        customer_id: key.customerId,
        read_only: key.readOnly,
        name: key.name,
        created_at: key.createdAt,
        created_by: key.createdBy,
        rotated_at: key.rotatedAt,
        previous_until: key.previousUntil,
        expires_at: key.expiresAt,
        revoked_at: key.revokedAt,
      }),
    )
    .join('\n');
