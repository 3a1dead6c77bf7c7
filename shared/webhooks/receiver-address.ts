import ipaddr from 'ipaddr.js';
import { parsed } from '../service/parsed';

/** `WEBHOOK_ALLOW_PRIVATE`: whether webhooks may be sent to addresses that only this machine or network reaches. */
export const allowPrivate = parsed((text): boolean => {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new Error('must be true or false');
}).prefault('false');

/** Public by its range, and yet only the machines of one cloud reach it: it gives them their metadata. */
export const CLOUD_ADDRESSES = ['168.63.129.16'];

const LONGEST = 2_048;

/**
 * Reads the address that webhooks are to be sent to, as `URL` writes it.
 * @throws {Error} which says what is wrong with it
 */
export function receiverUrl(given: string): string {
  if (given.length > LONGEST) throw new Error(`must have ${LONGEST} characters at most`);
  if (!/^https?:\/\/[^/\\]/i.test(given) || !URL.canParse(given))
    throw new Error('must be a whole address that begins with https:// or http://');
  const url = new URL(given);
  if (url.username || url.password)
    throw new Error('must have no user and password in it: webhooks are signed instead');
  if (url.hash || given.includes('#')) throw new Error('must have no fragment (#…): it is not sent');
  // What `URL` would take away or escape without a word.
  if (/[\s\\]|[^\x21-\x7e]/.test(given))
    throw new Error(
      'must be ASCII without spaces or backslashes; write others percent-encoded, and a domain in punycode',
    );
  if (url.port === '0') throw new Error('must have a port from 1 to 65535');
  return url.href;
}

/**
 * Why nothing is sent to an address whose host is no public one, as far as its text tells; undefined where it may be.
 * What a name stands for is looked at whenever something is sent.
 */
export function whyPrivate(url: string): string | undefined {
  const host = new URL(url).hostname.replace(/\.$/, '');
  const address = host.replace(/^\[(.*)\]$/, '$1');
  if (ipaddr.isValid(address))
    return isPublic(address) ? undefined : `must be a public address; ${address} is not`;
  return /(^|\.)(localhost|local|internal|home\.arpa)$/.test(host)
    ? `must be a public address; ${host} never is one`
    : undefined;
}

const isPublic = (address: string): boolean =>
  ipaddr.parse(address).range() === 'unicast' && !CLOUD_ADDRESSES.includes(address);
