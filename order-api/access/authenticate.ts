import type { Request, RequestHandler, Response } from 'express';
import type { Database } from '../../shared/service/database';
import { Problem } from '../http/problem';
import { KEY_PREFIX } from './api-key';
import { anybody, type Caller } from './caller';
import { checkKeys } from './check-key';
import { checkTokens, type TokenSettings } from './check-token';
import { notAuthenticated, unauthenticated } from './problems';

/** Tells who sends a request; rejects with a Problem (401, 403, 503). */
export type Authenticate = (request: Request) => Promise<Caller>;

/** How callers may say who they are; where neither is there, everybody is an admin. */
export interface Credentials {
  keys?: boolean;
  tokens?: TokenSettings;
}

/** @returns undefined where nobody has to say who they are */
export async function openAuthentication(
  database: Database,
  { keys, tokens }: Credentials,
): Promise<Authenticate | undefined> {
  if (!keys && !tokens) return undefined;
  const checkKey = keys ? checkKeys(database) : undefined;
  const checkToken = tokens ? await checkTokens(tokens) : undefined;
  return async (request) => {
    const credential = bearerOf(request);
    const check = credential.startsWith(KEY_PREFIX) ? checkKey : checkToken;
    if (!check) throw notAuthenticated(`What was sent is no ${keys ? 'API key' : 'token of the issuer'}.`);
    return check(credential);
  };
}

/** RFC 6750, section 2.1; the scheme's name is in any case. */
const BEARER = /^bearer +([\w.~+/-]+=*) *$/i;

function bearerOf(request: Request): string {
  // Node keeps the first of several; a proxy may have looked at the last.
  if ((request.headersDistinct.authorization ?? []).length > 1)
    throw notAuthenticated('There is more than one Authorization header.');
  const given = request.headers.authorization;
  if (given === undefined || !/^bearer\b/i.test(given)) throw unauthenticated();
  const credential = BEARER.exec(given)?.[1];
  if (credential === undefined) throw notAuthenticated('What follows Bearer is no API key and no token.');
  return credential;
}

/** So often it is asked whether whom something is streamed to may still see it. */
const ASK_AGAIN_MS = 15_000;

/** Finds out who calls, before anything else is read of a request. OPTIONS tells nothing, and is for everybody. */
export function identify(authenticate: Authenticate | undefined, askAgainMs = ASK_AGAIN_MS): RequestHandler {
  return async (request, response, next) => {
    if (authenticate && request.method !== 'OPTIONS') {
      response.vary('Authorization');
      response.locals.caller = await authenticate(request);
      response.locals.endWithCredential = () =>
        endWithCredential(response, () => authenticate(request), askAgainMs);
    }
    next();
  };
}

/** Ends an answer that goes on for long when its credential has ended: the client connects again, and is told why. */
function endWithCredential(response: Response, askAgain: () => Promise<Caller>, everyMs: number): void {
  const asking = setInterval(() => {
    askAgain().catch((error: unknown) => {
      // Where it cannot be told, whoever is in stays in.
      if (error instanceof Problem && error.status !== 503) response.end();
    });
  }, everyMs);
  asking.unref();
  response.once('close', () => clearInterval(asking));
}

/** For an answer that is a stream, once {@link identify} has run. */
export const watchCredential = (response: Response): void =>
  (response.locals.endWithCredential as (() => void) | undefined)?.();

/** Who calls, once {@link identify} has run. */
export const callerOf = (response: Response): Caller =>
  (response.locals.caller as Caller | undefined) ?? anybody;
