import { isOptionalMail } from '../../shared/mail/optional-mails';
import type { Database } from '../../shared/service/database';
import type { Channel, Outgoing } from '../delivery/channel';
import { Dropped } from '../delivery/channel';
import { hasOptedOut } from './opt-outs';
import type { MailData } from './mail-data';
import { isMailKind } from './mail-kinds';
import { openMailPools } from './mail-pools';
import type { Mailbox } from './mail-config';
import { judgeMailError } from './judge-mail-error';
import { isMailAddress } from './address';
import { renderMail } from './render-mail';
import { isolated } from './plain-text';

export interface MailSettings {
  smtpUrl: string;
  from: Mailbox;
  /** Where a recipient can opt out of a kind of mail; undefined where nothing serves such links. */
  optOutUrl?: (address: string, kind: string) => Promise<string>;
  retryDelays: readonly number[];
  /** Shorter ones, for tests. */
  timeouts?: Partial<typeof TIMEOUTS>;
}

const TIMEOUTS = {
  connectionTimeout: 10_000,
  greetingTimeout: 15_000,
  // A server may take its time to accept a message, and one that is given up too early gets it twice: RFC 5321,
  // section 4.5.3.2.6, has ten minutes.
  socketTimeout: 600_000,
};
const CONNECTIONS = 5;
/** Well below what gateways of the large clouds give a silent connection (four minutes and more). */
const POOL_MS = 60_000;

/** Sends mails over SMTP. */
export function mailChannel(database: Database, settings: MailSettings): Channel {
  const timeouts = { ...TIMEOUTS, ...settings.timeouts };
  const pools = openMailPools(
    {
      url: settings.smtpUrl,
      pool: true,
      maxConnections: CONNECTIONS,
      // Only what was not begun is sent over another connection at once; everything else is the delivery's to decide.
      maxRequeues: 1,
      disableFileAccess: true,
      disableUrlAccess: true,
      ...timeouts,
    },
    POOL_MS,
  );
  return {
    concurrency: CONNECTIONS,
    timeoutMs: timeouts.socketTimeout + timeouts.connectionTimeout + timeouts.greetingTimeout,
    retryDelays: settings.retryDelays,
    send: async (notification, signal) => {
      if (await hasOptedOut(database, notification.recipient, notification.kind ?? ''))
        throw new Dropped('its recipient has opted out of this kind');
      const message = await compose(notification, settings);
      try {
        await pools.send({ ...message, signal });
      } catch (error) {
        throw judgeMailError(error);
      }
    },
    close: () => pools.close(),
  };
}

async function compose(notification: Outgoing, { from, optOutUrl }: MailSettings) {
  const { id, recipient, kind, orderId, gathered } = notification;
  if (!kind || !isMailKind(kind) || !isMailAddress(recipient))
    throw new Dropped('it is no mail that can be sent');
  const data = notification.data as unknown as MailData;
  const link = isOptionalMail(kind) ? await optOutUrl?.(recipient, kind) : undefined;
  const mail = renderMail(data, { gathered: gathered as unknown as MailData[], optOutUrl: link });
  const domain = from.address.slice(from.address.lastIndexOf('@') + 1);
  const { email, name } = data.restaurant;
  return {
    from,
    // Objects, and not text that would be parsed: an address or a name stays one, whatever is in it.
    to: { name: '', address: recipient },
    replyTo:
      data.order && email && isMailAddress(email) ? { name: isolated(name), address: email } : undefined,
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    // Who gets it twice can tell by this.
    messageId: `<${id}@${domain}>`,
    // An order's mails stand together.
    references: orderId ? `<${orderId}@${domain}>` : undefined,
    headers: {
      'Auto-Submitted': 'auto-generated',
      'Content-Language': mail.language,
      ...(link && { 'List-Unsubscribe': `<${link}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }),
    },
  };
}
