import { newId } from '../../shared/ids';
import type { Tx } from '../../shared/service/database';
import type { NewNotification } from '../delivery/record-notifications';
import { isMailAddress } from '../mail/address';
import type { MailData } from '../mail/mail-data';
import { plainText } from '../mail/plain-text';
import type { Disabled } from './health';

type Owner = MailData['restaurant'];

const THE_SHOP: Owner = { name: 'Ordermesh', email: null, locale: 'en', timeZone: 'UTC', currency: 'INR' };

/**
 * The mails about endpoints that were disabled: to the restaurant whose it is, else to whoever runs the shop.
 * @param admin their address
 */
export async function mailsToOwners(
  tx: Tx,
  disabled: readonly Disabled[],
  admin: string | undefined,
): Promise<NewNotification[]> {
  const restaurants = await tx.$queryRaw<(Owner & { id: string })[]>`
    SELECT id, name, email, locale, time_zone AS "timeZone", currency FROM restaurants
    WHERE id = ANY (${disabled.flatMap(({ restaurant_id }) => restaurant_id ?? [])}::uuid[])`;
  const ownerOf = new Map<string, Owner>(restaurants.map(({ id, ...owner }) => [id, owner]));
  return disabled.flatMap((one) => {
    const owner = ownerOf.get(one.restaurant_id ?? '') ?? THE_SHOP;
    const to = [owner.email, admin].find((address) => address && isMailAddress(address));
    return to ? [mail(one, { ...owner, name: plainText(owner.name) }, to)] : [];
  });
}

function mail({ id, url, reason, failing_since, restaurant_id }: Disabled, restaurant: Owner, to: string) {
  const { host, pathname } = new URL(url); // the rest of it may be a secret
  const data: MailData = {
    kind: 'webhook-disabled',
    restaurant,
    at: failing_since.toISOString(),
    webhook: { id, address: plainText(host + pathname, 200), isGone: reason === 'GONE' },
  };
  const eventId = newId();
  return {
    eventId,
    eventSource: '/notification-service',
    eventType: 'webhook.disabled',
    channel: 'EMAIL' as const,
    recipient: to,
    lane: 'email',
    kind: data.kind,
    restaurantId: restaurant_id ?? undefined,
    correlationId: eventId,
    data: data as unknown as NewNotification['data'],
  };
}
