import addressparser from 'nodemailer/lib/addressparser';
import { z } from 'zod';
import { duration, parsed } from '../../shared/service/parsed';
import { parseServerUrl, SERVER_URLS } from '../../shared/service/server-url';
import { isMailAddress } from './address';

export interface Mailbox {
  name: string;
  address: string;
}

const NOT_A_MAILBOX = 'must be one address, such as orders@shop.example or "My Shop <orders@shop.example>"';

function parseMailbox(text: string): Mailbox {
  if (/[\r\n]/.test(text)) throw new Error(NOT_A_MAILBOX);
  const [mailbox, ...others] = addressparser(text, { flatten: true });
  if (!mailbox?.address || others.length > 0 || !isMailAddress(mailbox.address))
    throw new Error(NOT_A_MAILBOX);
  return { name: mailbox.name, address: mailbox.address };
}

/** Read strictly: what is wrong with it is told without its password. */
function parseSmtpUrl(text: string): string {
  const url = parseServerUrl('SMTP_URL', text, SERVER_URLS.SMTP_URL.schemes);
  if (!url.hostname) throw new Error('must name a host, as in smtp://user:password@mail.example:587');
  if (url.port === '0') throw new Error('must have a port from 1 to 65535');
  return text;
}

function parsePublicUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username)
    throw new Error('must be the address of the API as customers reach it, such as https://api.shop.example');
  return url.href.replace(/\/+$/, '');
}

/** Variables of mail. */
export const mailConfig = z
  .object({
    /** Without it no mail is sent, and none recorded. */
    SMTP_URL: parsed(parseSmtpUrl).optional(),
    [SERVER_URLS.SMTP_URL.password]: z.string().optional(),
    MAIL_FROM: parsed(parseMailbox).optional(),
    /** For links in mails. Without it there are none. */
    PUBLIC_API_URL: parsed(parsePublicUrl).optional(),
    /** How long crossings of stock thresholds are gathered into one mail to the restaurant. */
    STOCK_MAIL_WINDOW: duration('10s'),
    NODE_ENV: z.string().optional(),
  })
  .refine((config) => !config.SMTP_URL || config.MAIL_FROM || config.NODE_ENV !== 'production', {
    path: ['MAIL_FROM'],
    error: 'is needed with SMTP_URL; set it to whom mails come from, such as "My Shop <orders@shop.example>"',
    when: () => true, // beside whatever else is wrong, so that all is reported at once
  });

/** Whom mails come from where nothing else is said: a name that is nobody's (RFC 2606). */
export const NOBODY: Mailbox = { name: 'Ordermesh', address: 'orders@ordermesh.example' };
