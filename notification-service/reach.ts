import { z } from 'zod';
import { optOutKey, OPT_OUT_PATH, sealOptOut } from '../shared/mail/opt-out-link';
import { readConfig, readTogether } from '../shared/service/config';
import type { Database } from '../shared/service/database';
import { parseDuration } from '../shared/service/duration';
import type { Logger } from '../shared/service/logger';
import { parsed } from '../shared/service/parsed';
import type { Channel } from './delivery/channel';
import { mailChannel } from './mail/mail-channel';
import { mailConfig, NOBODY } from './mail/mail-config';
import { mailsAbout } from './mail/record-mails';
import type { Recorder } from './notify';
import { slackAbout } from './slack/record-for-slack';
import { slackChannel } from './slack/slack-channel';
import { slackConfig } from './slack/slack-config';
import { webhooksAbout } from './webhooks/record-webhooks';
import { webhookChannel } from './webhooks/webhook-channel';
import { webhookConfig, webhookSettings } from './webhooks/webhook-config';

/** A way to reach people, beside the log. */
export interface Reach {
  /** Its name in the table. */
  name: string;
  recorder: Recorder;
  open(database: Database, log: Logger): Channel;
}

const DELAYS = '5s,30s,2m,10m,30m,1h,3h,6h,12h';

const retryConfig = z.object({
  /** The waits before each further attempt at a mail or a message to Slack. */
  NOTIFICATION_RETRY_DELAYS: parsed((text) =>
    text.split(',').map((part) => parseDuration(part.trim())),
  ).prefault(DELAYS),
});

/** The ways that are configured. @throws {ConfigError} naming all that is wrong */
export function configuredWays(): Reach[] {
  const [retry, mail, slack, webhook] = readTogether(
    () => readConfig(retryConfig),
    () => readConfig(mailConfig),
    () => readConfig(slackConfig),
    () => readConfig(webhookConfig),
  );
  const retryDelays = retry.NOTIFICATION_RETRY_DELAYS;
  return [
    byMail(mail, retryDelays),
    bySlack(slack, retryDelays),
    byWebhook(webhook, Boolean(mail.SMTP_URL)),
  ].filter((way) => way !== undefined);
}

function byMail(config: z.output<typeof mailConfig>, retryDelays: number[]): Reach | undefined {
  const { SMTP_URL: smtpUrl, MAIL_FROM: from = NOBODY, PUBLIC_API_URL: base, STOCK_MAIL_WINDOW } = config;
  if (!smtpUrl) return undefined;
  return {
    name: 'EMAIL',
    recorder: (tx, events) => mailsAbout(tx, events, STOCK_MAIL_WINDOW),
    open: (database) => {
      const key = optOutKey(database);
      const optOutUrl = async (address: string, kind: string) =>
        `${base}${OPT_OUT_PATH}/${sealOptOut(await key(), { address, kind })}`;
      return mailChannel(database, { smtpUrl, from, optOutUrl: base ? optOutUrl : undefined, retryDelays });
    },
  };
}

function bySlack(config: z.output<typeof slackConfig>, retryDelays: number[]): Reach | undefined {
  const url = config.SLACK_WEBHOOK_URL;
  if (!url) return undefined;
  return { name: 'SLACK', recorder: slackAbout, open: () => slackChannel(url, retryDelays) };
}

/** Always: whether there is anybody to be told is a question to the database. */
function byWebhook(config: z.output<typeof webhookConfig>, mails: boolean): Reach {
  const open: Reach['open'] = (database, log) =>
    webhookChannel(database, webhookSettings(config, mails), log);
  return { name: 'WEBHOOK', recorder: webhooksAbout, open };
}
