import { isIP } from 'node:net';
import { z } from 'zod';
import { parseDuration } from './duration';
import { duration, parsed } from './parsed';

/** How callers may say who they are: with an API key, or with a token of an OpenID provider. */
export type Credential = 'keys' | 'jwt';

/** So many requests in so many milliseconds. */
export interface RateLimit {
  requests: number;
  windowMs: number;
}

const auth = parsed((text): Credential[] => {
  const named = text.split(',').map((name) => name.trim());
  if (named.length === 1 && named[0] === 'none') return [];
  if (named.every((name) => name === 'keys' || name === 'jwt')) return [...new Set(named as Credential[])];
  throw new Error('must be none, keys, jwt, or keys,jwt');
});

const rateLimit = parsed((text): RateLimit | 'off' => {
  if (text === 'off') return 'off';
  const [, count, window] = /^([1-9]\d{0,8})\/(\S+)$/.exec(text) ?? [];
  const windowMs = window === undefined ? undefined : parseDuration(window);
  if (!windowMs || windowMs < 1_000 || windowMs > 86_400_000)
    throw new Error('must be off, or requests in a time from 1s to 1d, such as 6000/1m');
  return { requests: Number(count), windowMs };
});

const jwksUrl = parsed((text) => {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new Error('must begin with https:// (or http://, within a network that you trust)');
  return new URL(text);
});

/** https://expressjs.com/en/guide/behind-proxies.html, without `true`: it would believe whatever a client says. */
const trustProxy = parsed((text): number | string[] | false => {
  if (text === 'off') return false;
  if (/^[1-9]$/.test(text)) return Number(text);
  const places = text.split(',').map((place) => place.trim());
  const isPlace = (place: string) => {
    const [address = '', bits] = place.split('/');
    const most = isIP(address) === 4 ? 32 : 128;
    return isIP(address) > 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most));
  };
  if (places.every((place) => ['loopback', 'linklocal', 'uniquelocal'].includes(place) || isPlace(place)))
    return places;
  throw new Error(
    'must be off, a number of proxies from 1 to 9, or their addresses, such as loopback,10.0.0.0/8',
  );
});

/** As a browser writes it in `Origin`. */
const isOrigin = (text: string) =>
  URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text;

const origins = parsed((text): string[] | '*' => {
  if (text === '*') return '*';
  const named = text.split(',').map((origin) => origin.trim());
  if (named.every(isOrigin)) return named;
  throw new Error('must be *, or origins such as https://shop.example, with commas between');
});

const list = parsed((text) => {
  const named = text.split(',').map((one) => one.trim());
  if (named.every((one) => one !== '')) return named;
  throw new Error('must be names with commas between');
});
const claim = (fallback: string) => z.string().default(fallback);

/** Variables of who may use the API, from where, and how often. */
export const accessConfig = {
  AUTH: auth.optional(),
  /** `iss` of the tokens, to the letter. */
  JWT_ISSUER: z.string().optional(),
  /** `aud` of the tokens: one of these, with commas between. */
  JWT_AUDIENCE: list.optional(),
  /** Where the issuer publishes its keys. */
  JWT_JWKS_URL: jwksUrl.optional(),
  /** How far the clocks may be apart. */
  JWT_CLOCK_TOLERANCE: duration('30s'),
  JWT_ROLE_CLAIM: claim('role'),
  JWT_RESTAURANTS_CLAIM: claim('restaurants'),
  JWT_CUSTOMER_CLAIM: claim('sub'),
  RATE_LIMIT_CALLER: rateLimit.optional(),
  RATE_LIMIT_ADDRESS: rateLimit.optional(),
  TRUST_PROXY: trustProxy.default(false),
  CORS_ORIGINS: origins.optional(),
};

/** For `refine`: what tokens are checked against has to be set where there may be any. */
export const neededByJwt = (name: 'JWT_ISSUER' | 'JWT_AUDIENCE' | 'JWT_JWKS_URL') =>
  [
    (config: { AUTH?: Credential[] | undefined; [name: string]: unknown }) =>
      !Array.isArray(config.AUTH) || !config.AUTH.includes('jwt') || config[name] !== undefined,
    { path: [name] as PropertyKey[], error: 'is not set; AUTH=jwt needs it', when: () => true },
  ] as const;

export const isLoopback = (host: string) => /^(127(\.\d{1,3}){3}|::1|localhost)$/.test(host);

/** Why the API would be open to others without authentication; undefined where it is not. */
export function openToOthers({ HOST, NODE_ENV }: { HOST?: unknown; NODE_ENV?: unknown }): string | undefined {
  const host = typeof HOST === 'string' ? HOST : '127.0.0.1';
  if (!isLoopback(host))
    return `the API would listen on ${host}, beyond this machine, without authentication`;
  return NODE_ENV === 'production' ? 'NODE_ENV is production and no authentication is configured' : undefined;
}
