import { z } from 'zod';
import { parsed } from '../../shared/service/parsed';

/** The URL is a secret, and no message repeats it. */
function parseWebhookUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password)
    throw new Error('must be the address of an incoming webhook, such as https://hooks.slack.com/services/…');
  return url;
}

/** Variables of Slack, and of what takes the same messages. */
export const slackConfig = z.object({ SLACK_WEBHOOK_URL: parsed(parseWebhookUrl).optional() });
