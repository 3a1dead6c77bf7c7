import { readFileSync, statSync } from 'node:fs';
import { withoutBlanks } from './without-blanks';

/** Variables that hold a secret; each may be in a file instead, which `<name>_FILE` names. */
export const SECRETS = [
  'DATABASE_URL',
  'DATABASE_PASSWORD',
  'DATABASE_DIRECT_URL',
  'DATABASE_DIRECT_PASSWORD',
  'DATABASE_READ_URL',
  'DATABASE_READ_PASSWORD',
  'RABBITMQ_URL',
  'RABBITMQ_PASSWORD',
  'RABBITMQ_MANAGEMENT_URL',
  'CARD_TOKEN_KEY',
  'STRIPE_SECRET_KEY',
  'SMTP_URL',
  'SMTP_PASSWORD',
  'SLACK_WEBHOOK_URL',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_EXPORTER_OTLP_TRACES_HEADERS',
] as const;

const LARGEST = 64 * 1024;

/**
 * The variables that are set, with what is in the files that `<name>_FILE` names, as Docker, Compose and Kubernetes hand out
 * secrets: read by `readSecretFile`.
 * @returns also a line for each file that cannot be read, is empty or no text, or is named beside its variable; none has a secret in it
 */
export function withSecretFiles(environment: Record<string, string | undefined>): {
  environment: Record<string, string | undefined>;
  problems: string[];
} {
  const complete = withoutBlanks(environment);
  const problems: string[] = [];
  for (const name of SECRETS) {
    const file = complete[`${name}_FILE`];
    if (!file) continue;
    if (complete[name]) problems.push(`${name}: is set, and ${name}_FILE too: set only one of them`);
    else
      try {
        complete[name] = readSecretFile(file);
      } catch (error) {
        problems.push(`${name}: ${name}_FILE names a file that ${(error as Error).message}: ${file}`);
      }
  }
  return { environment: complete, problems };
}

/**
 * The secret in a file. Line breaks at the end are no part of it, nor is a mark of the byte order at its beginning; blanks
 * are, wherever they stand.
 * @throws {Error} for a file that cannot be read, is too large, empty or no text: what it does or is, to be put after its name
 */
export function readSecretFile(file: string): string {
  let bytes: Buffer;
  try {
    bytes = bytesOf(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`);
  }
  if (bytes.length > LARGEST) throw new Error('is too large for a secret');
  const secret = textOf(bytes).replace(/[\r\n]+$/, '');
  if (!secret.trim()) throw new Error('is empty');
  return secret;
}

/** What has come out of pipes, as of `<(…)` in a shell: they are empty when they are read again. */
const fromPipes = new Map<string, Buffer>();

function bytesOf(file: string): Buffer {
  const known = fromPipes.get(file);
  if (known) return known;
  const isPipe = statSync(file).isFIFO();
  const bytes = readFileSync(file);
  if (isPipe) fromPipes.set(file, bytes);
  return bytes;
}

/**
 * What is written in a file with a secret, without a mark of the byte order.
 * @throws {Error} where it is not UTF-8: with other characters put in for what was not understood it would be another secret
 */
function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error('is no text in UTF-8');
  }
}
