import type { ExportedJWKSCache, JWTVerifyGetKey } from 'jose';
import { briefly } from '../../shared/messaging/failure';
import type { Logger } from '../../shared/service/logger';
import { within } from '../../shared/service/within';
import { cannotTell } from './problems';

export interface IssuerKeysOptions {
  url: URL;
  log: Logger;
  /** A token with an unknown key makes them be read again, but not more often than so. Default: 5 s. */
  cooldownMs?: number;
  /** A key that is gone from the set is good for so long. Default: 5 min. */
  freshMs?: number;
  /** While the issuer does not answer, the last keys are good for so long. Default: 1 h. */
  staleMs?: number;
}

const FETCH_TIMEOUT_MS = 3_000;
/** The first time, a start waits for it. */
const FIRST_MS = 2_000;
/** After a failure, everybody would otherwise wait for the next one. */
const REST_MS = 2_000;

/**
 * The public keys of an issuer, from where it publishes them (a JSON Web Key Set, RFC 7517). They are read again when they
 * have grown old, and when a token names one that is not there: so an issuer can change its keys at any time. While it
 * does not answer, those that were read last still serve.
 * @returns what `jwtVerify` asks for a token's key; throws a Problem (503) where it cannot be told whether the token's key is one of theirs
 */
export async function openIssuerKeys(options: IssuerKeysOptions): Promise<JWTVerifyGetKey> {
  const { url, log, cooldownMs = 5_000, freshMs = 300_000, staleMs = 3_600_000 } = options;
  const jose = await import('jose');
  const read: Partial<ExportedJWKSCache> = {}; // kept up to date by jose
  const remote = jose.createRemoteJWKSet(url, {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cooldownDuration: cooldownMs,
    cacheMaxAge: freshMs,
    [jose.jwksCache]: read as ExportedJWKSCache,
  });
  let restingUntil = 0;
  let last: { jwks: object; keyFor: JWTVerifyGetKey } | undefined;

  const failed = (error: unknown) => {
    restingUntil = performance.now() + REST_MS;
    // Not every reason names it: of a certificate that is not trusted, none does.
    log.warn({ error: briefly(error), host: url.host }, "the token issuer's keys cannot be read");
  };
  const isAboutTheToken = (error: unknown) =>
    error instanceof jose.errors.JWKSNoMatchingKey ||
    error instanceof jose.errors.JWKSMultipleMatchingKeys ||
    error instanceof jose.errors.JOSENotSupported;

  // So that the first caller does not wait for it, and whoever starts it learns at once that the address is wrong.
  // Not longer: until then nothing is answered, /healthz neither.
  await within(FIRST_MS, remote.reload().catch(failed)).catch(() => undefined);

  return async (header, token) => {
    if (performance.now() >= restingUntil) {
      try {
        return await remote(header, token);
      } catch (error) {
        if (isAboutTheToken(error)) throw error;
        failed(error);
      }
    }
    const { jwks, uat = 0 } = read;
    if (!jwks || Date.now() - uat > staleMs) throw unreachable();
    if (last?.jwks !== jwks) last = { jwks, keyFor: jose.createLocalJWKSet(jwks) };
    try {
      return await last.keyFor(header, token);
    } catch (error) {
      if (error instanceof jose.errors.JWKSMultipleMatchingKeys) throw error; // one of them, perhaps
      throw isAboutTheToken(error) ? unreachable() : error; // it may be a new key
    }
  };
}

const unreachable = () => cannotTell('Tokens cannot be checked: their issuer does not answer.');
