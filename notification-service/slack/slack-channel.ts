import { Refused, TryLater, type Channel, type Outgoing } from '../delivery/channel';
import type { SlackData } from './record-for-slack';

const TIMEOUT_MS = 10_000;
const MOST_LINES = 20;

/** Posts messages as Slack's incoming webhooks take them: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks */
export function slackChannel(url: URL, retryDelays: readonly number[]): Channel {
  return {
    concurrency: 1,
    timeoutMs: TIMEOUT_MS,
    retryDelays,
    send: async (notification, signal) => {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text: slackText(notification) }),
        redirect: 'manual',
        signal,
      });
      await response.body?.cancel();
      if (!response.ok) throw judge(response);
    },
  };
}

/** 400 is about this message. Anything else is about the webhook, which may be set right: others meet it too. */
function judge(response: Response): Error {
  const { status } = response;
  const message = `the webhook answered ${status}`;
  if (status === 400) return new Refused(message);
  const after = Number(response.headers.get('retry-after'));
  return new TryLater(message, {
    afterMs: after > 0 ? Math.min(after, 3_600) * 1_000 : undefined,
    wholeLane: true,
  });
}

/** A paragraph for each that was gathered, in their order. */
export function slackText({ data, gathered }: Pick<Outgoing, 'data' | 'gathered'>): string {
  const all = [data, ...gathered] as unknown as SlackData[];
  const shown = all.slice(0, MOST_LINES).map(lineOf);
  return [...shown, ...(all.length > MOST_LINES ? [`… and ${all.length - MOST_LINES} more`] : [])].join('\n');
}

const lineOf = ({ title, text, orderId }: SlackData): string =>
  `*${escaped(title)}* ${escaped(text)}${orderId ? ` (order ${orderId})` : ''}`;

/** So that nobody's text is a link, or calls everybody in the channel. */
const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
