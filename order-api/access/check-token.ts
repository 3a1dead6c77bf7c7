import type { CryptoKey, JWTPayload } from 'jose';
import { isUuid } from '../../shared/ids';
import { opaqueText, text } from '../http/fields';
import { Problem } from '../http/problem';
import { roles, type Caller } from './caller';
import { openIssuerKeys, type IssuerKeysOptions } from './issuer-keys';
import { forbidden, notAuthenticated } from './problems';

export interface TokenSettings {
  /** `iss`, to the letter. */
  issuer: string;
  /** `aud`: one of these. */
  audience: string[];
  clockToleranceMs: number;
  keys: IssuerKeysOptions;
  /** Where a token says it: the name of a claim, or names with dots between (`realm_access.roles`). */
  claims: { role: string; restaurants: string; customer: string };
}

/** Signatures alone that a public key verifies: with HS256, the public key itself would do as the secret. */
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');

/**
 * A check of JSON Web Tokens (RFC 7519) of one issuer.
 * @returns who a token stands for; rejects with a Problem: 401 for a token that is not good, 403 for a good one that gives no role,
 * 503 where it cannot be told
 */
export async function checkTokens(settings: TokenSettings): Promise<(token: string) => Promise<Caller>> {
  const { jwtVerify, errors } = await import('jose');
  const keyFor = await openIssuerKeys(settings.keys);
  const options = {
    issuer: settings.issuer,
    audience: settings.audience,
    algorithms: ALGORITHMS,
    clockTolerance: settings.clockToleranceMs / 1_000,
    requiredClaims: ['sub', 'exp'],
  };

  const problemOf = (error: unknown): unknown => {
    if (error instanceof Problem) return error;
    if (error instanceof errors.JWTExpired) return notAuthenticated('The token has expired.');
    // Told only of a token that the issuer has signed: claims are looked at last.
    if (error instanceof errors.JWTClaimValidationFailed)
      return notAuthenticated(CLAIMS[error.claim] ?? 'The token lacks a claim, or has it otherwise.');
    return notAuthenticated('The token is not valid.');
  };

  const verify = (token: string) =>
    jwtVerify(token, keyFor, options).catch((error: unknown) => {
      if (error instanceof errors.JWKSMultipleMatchingKeys) return verifyByOneOf(error, token);
      throw error;
    });

  /** Of a token that does not say by which of several keys it is signed, as while an issuer changes from one to another. */
  async function verifyByOneOf(keys: AsyncIterable<CryptoKey>, token: string) {
    for await (const key of keys) {
      try {
        return await jwtVerify(token, key, options);
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }

  return async (token) => {
    const verified = await verify(token).catch((error: unknown) => {
      throw problemOf(error);
    });
    return callerOf(verified.payload, settings.claims);
  };
}

const CLAIMS: Record<string, string> = {
  nbf: 'The token is not valid yet.',
  iss: 'The token is of another issuer.',
  aud: 'The token is for another audience.',
};

const SUBJECT = opaqueText(255);
const CUSTOMER_ID = text(64);

/** @throws {Problem} 403 where the token gives no role, or one without what belongs to it */
function callerOf(payload: JWTPayload, names: TokenSettings['claims']): Caller {
  const given = listOf(claim(payload, names.role));
  const role = roles.findLast((one) => given.includes(one));
  if (!role)
    throw forbidden(`The token gives no role: its claim ${names.role} has none of ${roles.join(', ')}.`);
  // What is kept must be kept as it is: two subjects must not become one by what is trimmed off them.
  if (!SUBJECT.safeParse(payload.sub).success) throw forbidden('The subject of the token cannot be kept.');
  const shown = { id: `jwt:${payload.sub}`, readOnly: false };
  switch (role) {
    case 'customer': {
      const customerId = claim(payload, names.customer);
      if (CUSTOMER_ID.safeParse(customerId).data !== customerId || typeof customerId !== 'string')
        throw forbidden(
          `The token names no customer: its claim ${names.customer} has to be 1 to 64 characters of text.`,
        );
      return { ...shown, role, customerId };
    }
    case 'staff': {
      const restaurants = listOf(claim(payload, names.restaurants)).filter(isUuid);
      return { ...shown, role, restaurants: restaurants.map((id) => id.toLowerCase()) };
    }
    case 'admin':
      return { ...shown, role };
  }
}

/** By its whole name (which may be a URL, with dots in it), else step by step. */
function claim(payload: JWTPayload, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name];
  return name
    .split('.')
    .reduce<unknown>(
      (within, part) =>
        typeof within === 'object' && within !== null && Object.hasOwn(within, part)
          ? (within as Record<string, unknown>)[part]
          : undefined,
      payload,
    );
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);
