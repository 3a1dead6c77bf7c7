import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose';
import { pino } from 'pino';
import { newId } from '../../shared/ids';
import type { Database } from '../../shared/service/database';
import { makeApiKey } from '../access/api-key';
import type { Role } from '../access/caller';
import type { TokenSettings } from '../access/check-token';
import type { IssuerKeysOptions } from '../access/issuer-keys';

export interface TestKey {
  id: string;
  /** To be sent. */
  text: string;
}

type Row = Parameters<Database['apiKey']['create']>[0]['data'];

/** A key as `npm run keys` makes it. */
export async function giveKey(database: Database, role: Role, more: Partial<Row> = {}): Promise<TestKey> {
  const id = newId();
  const { text, hash, lastFour } = makeApiKey(id);
  await database.apiKey.create({
    data: { id, role, secretHash: new Uint8Array(hash), lastFour, ...more } as Row,
  });
  return { id, text };
}

export const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` });

const AUDIENCE = 'https://api.example';

/** An OpenID provider as far as an API sees it: keys behind a URL, and tokens signed with them. */
export interface TestIssuer {
  settings: TokenSettings;
  /** The private key that signs now, and its public half. */
  current: { kid: string; privateKey: CryptoKey; publicJwk: JWK };
  /** Signs with another key from now on. @param keep whether the ones before stay in the set */
  rotate(keep?: boolean): Promise<void>;
  /** A good token for an hour; what is given takes the place of its claims. */
  sign(claims: JWTPayload, header?: object): Promise<string>;
  /** What the set's URL answers from now on; undefined for the set. */
  broken: number | 'silent' | undefined;
  /** How often it was asked. */
  asked: number;
  stop(): Promise<void>;
}

export async function startIssuer(keys: Partial<IssuerKeysOptions> = {}): Promise<TestIssuer> {
  let published: JWK[] = [];
  const server = createServer((_request, response) => {
    issuer.asked += 1;
    if (issuer.broken === 'silent') return;
    response.statusCode = issuer.broken ?? 200;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: published }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`);
  const issuer: TestIssuer = {
    settings: {
      issuer: 'https://issuer.example/',
      audience: [AUDIENCE],
      clockToleranceMs: 5_000,
      keys: { url, log: pino({ level: 'silent' }), ...keys },
      claims: { role: 'role', restaurants: 'restaurants', customer: 'sub' },
    },
    current: undefined as never,
    broken: undefined,
    asked: 0,
    rotate: async (keep = true) => {
      const kid = newId();
      const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
      const publicJwk = { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' };
      published = [...(keep ? published : []), publicJwk];
      issuer.current = { kid, privateKey, publicJwk };
    },
    sign: (claims, header) => {
      const now = Math.floor(Date.now() / 1_000);
      return new SignJWT({
        iss: 'https://issuer.example/',
        aud: AUDIENCE,
        iat: now,
        exp: now + 3_600,
        ...claims,
      })
        .setProtectedHeader({ alg: 'ES256', kid: issuer.current.kid, ...header })
        .sign(issuer.current.privateKey);
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  await issuer.rotate();
  return issuer;
}
