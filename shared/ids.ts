import { uuidv7 } from 'uuidv7';

/** A new UUIDv7 (RFC 9562): sorts by the time it was made, within this process strictly. */
export const newId = (): string => uuidv7();

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const isUuid = (value: unknown): value is string => typeof value === 'string' && UUID.test(value);
