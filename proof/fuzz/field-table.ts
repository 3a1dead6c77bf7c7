/** A field as its bytes: the tag of its type, and what comes after. For what no JavaScript value says. */
export class RawField {
  constructor(
    readonly tag: string,
    readonly bytes: Buffer,
  ) {}
}

export type Field =
  string | number | boolean | null | Buffer | RawField | readonly Field[] | { readonly [key: string]: Field };

/** Entries rather than an object where names repeat, or are no text. */
export type Table = readonly (readonly [string | Buffer, Field])[];

/**
 * An AMQP field table, as https://www.rabbitmq.com/amqp-0-9-1-errata.html has it: a client library writes far less
 * than a broker takes and another library reads.
 */
export function encodeTable(entries: Table): Buffer {
  return withLength(
    Buffer.concat(entries.flatMap(([name, value]) => [shortString(name), encodeField(value)])),
  );
}

/** At most 255 bytes, whatever they are. */
export function shortString(text: string | Buffer): Buffer {
  const bytes = Buffer.from(text as string);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

export const uint64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};

function encodeField(value: Field): Buffer {
  if (value instanceof RawField) return tagged(value.tag, value.bytes);
  if (Buffer.isBuffer(value)) return tagged('x', withLength(value));
  if (value === null) return tagged('V', Buffer.alloc(0));
  switch (typeof value) {
    case 'string':
      return tagged('S', withLength(Buffer.from(value)));
    case 'boolean':
      return tagged('t', Buffer.from([Number(value)]));
    case 'number': {
      const bytes = Buffer.alloc(8);
      if (Number.isSafeInteger(value)) {
        bytes.writeBigInt64BE(BigInt(value));
        return tagged('l', bytes);
      }
      bytes.writeDoubleBE(value);
      return tagged('d', bytes);
    }
    default:
      return Array.isArray(value)
        ? tagged('A', withLength(Buffer.concat((value as readonly Field[]).map(encodeField))))
        : tagged('F', encodeTable(Object.entries(value)));
  }
}

const tagged = (tag: string, bytes: Buffer) => Buffer.concat([Buffer.from(tag, 'latin1'), bytes]);

export function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
