import { isNativeError } from 'node:util/types';
import { redactText } from './redact';

// https://www.postgresql.org/docs/current/errcodes-appendix.html: the login, the database, the schema.
const SQL_STATES = new Set(['28000', '28P01', '3D000', '3F000', '42704']);
// https://nodejs.org/api/tls.html#x509-certificate-error-codes, and what OpenSSL says of a peer that speaks no TLS.
const TLS_CODES =
  /^(CERT_|UNABLE_TO_(GET|VERIFY|DECRYPT|DECODE)_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)|ERR_TLS_|ERR_SSL_|ERR_OSSL_|EPROTO$)/;
const MESSAGES =
  /does not support SSL|no pg_hba\.conf entry|ACCESS[-_]REFUSED|NOT_ALLOWED|vhost .* not found|password must be a string|Expected ConnectionOpenOk; got <ConnectionClose|Expected amqps?:/i;

/** A server will never let us in as we are configured; the message says why in one line, without a secret. */
export class ConnectionRefused extends Error {
  override name = 'ConnectionRefused';
}

/**
 * Why a server will never let us in as we are configured: the login, the database or virtual host, or its certificate.
 * A server that is still starting gives none of these.
 * @returns one line, without a secret; undefined where trying again may help
 */
export function permanentConnectionError(error: unknown): string | undefined {
  const all = [error, ...(isNativeError(error) && 'errors' in error ? (error.errors as unknown[]) : [])];
  for (const one of all) {
    if (one instanceof ConnectionRefused) return one.message;
    if (!isNativeError(one)) continue;
    const { code = '' } = one as { code?: unknown };
    const permanent =
      (typeof code === 'string' && (SQL_STATES.has(code) || TLS_CODES.test(code))) ||
      MESSAGES.test(one.message);
    if (permanent)
      return [redactText(one.message.split('\n')[0] ?? ''), hint(String(code), one.message)]
        .filter(Boolean)
        .join('; ');
  }
  return undefined;
}

function hint(code: string, message: string): string | undefined {
  // amqplib keeps what the broker said to itself.
  if (/ConnectionOpenOk/.test(message))
    return 'the virtual host does not exist, or the user may not use it: the path of RABBITMQ_URL names it';
  if (/^(UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/.test(code))
    return 'the certificate is of an unknown authority: name its file by sslrootcert in DATABASE_URL, or by RABBITMQ_CA_FILE';
  if (/^(EPROTO|ERR_SSL_)/.test(code)) return 'the server may not speak TLS on this port';
  return undefined;
}
