import { Problem, type FieldError } from '../http/problem';

/** Nobody has said who they are: RFC 6750, section 3. */
export const unauthenticated = () =>
  new Problem(
    401,
    'Unauthorized',
    'Say who you are: send an API key or a token as `Authorization: Bearer …`.',
    {
      type: 'unauthenticated',
      headers: { 'WWW-Authenticate': 'Bearer realm="ordermesh"' },
    },
  );

/** What somebody has shown to say who they are is not good. @param why a sentence without quotes */
export const notAuthenticated = (why: string) =>
  new Problem(401, 'Unauthorized', why, {
    type: 'unauthenticated',
    headers: {
      'WWW-Authenticate': `Bearer realm="ordermesh", error="invalid_token", error_description="${why}"`,
    },
  });

/** It is known who calls, and they may not. */
export const forbidden = (why: string, errors?: FieldError[]) =>
  new Problem(403, 'Forbidden', why, {
    type: 'forbidden',
    errors,
    headers: { 'WWW-Authenticate': 'Bearer realm="ordermesh", error="insufficient_scope"' },
  });

/** Whether somebody is who they say cannot be found out now. */
export const cannotTell = (what: string) =>
  new Problem(503, 'Service Unavailable', `${what} Nothing was done; try again.`, {
    headers: { 'Retry-After': '1' },
  });
