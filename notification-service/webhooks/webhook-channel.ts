import type { Event } from '../../shared/events/envelope';
import { briefly } from '../../shared/messaging/failure';
import type { Database } from '../../shared/service/database';
import type { Logger } from '../../shared/service/logger';
import { Dropped, Refused, TryLater, type Channel, type Outgoing, type Sent } from '../delivery/channel';
import { recordNotifications } from '../delivery/record-notifications';
import { noteHealth, type Fared } from './health';
import { GONE, judgeReply } from './judge-reply';
import type { Post, Reply } from './post';
import { readEndpoint, type Receiver } from './read-endpoint';
import { webhookIdOf } from './record-webhooks';
import { signedHeaders } from './sign';
import { mailsToOwners } from './tell-owner';

/** At a time to one endpoint: enough that a distant one keeps up, and few enough that a hanging one costs little. */
const CONCURRENCY = 8;
/** Longer than the limits of a request together, so that it is those that end it. */
const TIMEOUT_MS = 20_000;

/** What was sent as a test: once, and it says nothing of how the endpoint fares. */
export const TEST = 'TEST';

export interface WebhookSettings {
  post: Post;
  /** After the first attempt, the second, … */
  retryDelays: readonly number[];
  /** How long an endpoint may fail. */
  disableAfterMs: number;
  /** Where mail is sent: who is told of endpoints that are no restaurant's. */
  mails?: { admin?: string | undefined } | undefined;
}

/** Sends events to endpoints, as Standard Webhooks says. Each endpoint is a lane of its own. */
export function webhookChannel(database: Database, settings: WebhookSettings, log: Logger): Channel {
  /** Where each was sent; one that was changed in between is not judged by it. */
  const sentTo = new WeakMap<Outgoing, Receiver>();
  return {
    concurrency: CONCURRENCY,
    timeoutMs: TIMEOUT_MS,
    retryDelays: settings.retryDelays,
    async send(notification, signal): Promise<Sent> {
      const isTest = notification.kind === TEST;
      const receiver = await readEndpoint(database, notification.recipient);
      if (!receiver) throw new Dropped('the webhook was removed');
      if (receiver.off && !isTest) throw new Dropped(`the webhook is ${receiver.off}`);
      sentTo.set(notification, receiver);
      try {
        return judgeReply(await post(settings.post, receiver, notification, signal));
      } catch (error) {
        if (isTest && error instanceof TryLater) throw new Refused(error.message, { detail: error.detail });
        throw error;
      }
    },
    async onSettled(tx, settlements) {
      const fared = settlements.flatMap(({ notification, status, detail, unspent }): Fared[] => {
        const receiver = sentTo.get(notification);
        if (!receiver || notification.kind === TEST || status === 'DROPPED' || unspent) return [];
        const { recipient: endpointId } = notification;
        const gone = detail?.status === GONE;
        return [{ endpointId, enabledAt: receiver.enabledAt, failed: status !== 'SENT', gone }];
      });
      const disabled = await noteHealth(tx, fared, settings.disableAfterMs, log);
      if (settings.mails && disabled.length > 0)
        await recordNotifications(tx, await mailsToOwners(tx, disabled, settings.mails.admin));
    },
  };
}

async function post(
  send: Post,
  receiver: Receiver,
  notification: Outgoing,
  signal: AbortSignal,
): Promise<Reply> {
  const event = notification.data as unknown as Event;
  const body = JSON.stringify(event);
  const id = webhookIdOf(event.id, event.source);
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Ordermesh-Webhooks/1',
    ...signedHeaders(receiver.secrets, id, body),
  };
  try {
    return await send(receiver.url, headers, body, signal);
  } catch (error) {
    signal.throwIfAborted(); // it was not the receiver's fault
    const why = briefly(error);
    throw new TryLater(why, { detail: { error: why }, wholeLane: true });
  }
}
