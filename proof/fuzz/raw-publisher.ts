import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connectBroker } from '../../shared/messaging/connect-broker';
import { encodeTable, shortString, uint64, withLength, type Table } from './field-table';

/** The properties of a message, written as they are given: texts may be any bytes, numbers any of their size. */
export interface RawProperties {
  contentType?: string | Buffer;
  contentEncoding?: string | Buffer;
  headers?: Table;
  /** A table that is bytes already. */
  headerBytes?: Buffer;
  deliveryMode?: number;
  priority?: number;
  correlationId?: string | Buffer;
  replyTo?: string | Buffer;
  expiration?: string;
  messageId?: string | Buffer;
  timestamp?: bigint;
  type?: string | Buffer;
  userId?: string;
  appId?: string | Buffer;
}

export interface RawMessage {
  exchange: string;
  key: string;
  properties: RawProperties;
  body: Buffer;
}

/** A client without scruples: writes its messages as frames, so that they may say what a client library refuses to. */
export interface RawPublisher {
  /** Resolves when it may go on. */
  publish(message: RawMessage): Promise<void>;
  /** Resolves when the broker has taken all that was published. @throws where it has closed the channel instead */
  flush(): Promise<void>;
  close(): Promise<void>;
}

const METHOD = 1;
const HEADER = 2;
const BODY = 3;
const BASIC = 60;
const PUBLISH = 40;
const FRAME_OVERHEAD = 8;
const FRAME_END = Buffer.from([0xce]);
/** Of the content header, before the properties: the class, a weight, the size, the flags. */
const FLAG_OF: Record<keyof Omit<RawProperties, 'headerBytes'>, number> = {
  contentType: 15,
  contentEncoding: 14,
  headers: 13,
  deliveryMode: 12,
  priority: 11,
  correlationId: 10,
  replyTo: 9,
  expiration: 8,
  messageId: 7,
  timestamp: 6,
  type: 5,
  userId: 4,
  appId: 3,
};

export async function openRawPublisher(url: string): Promise<RawPublisher> {
  const connection = await connectBroker(url, { clientProperties: { connection_name: 'stranger' } });
  let broken: Error | undefined;
  connection.on('error', (error: Error) => (broken ??= error));
  connection.on('close', (error?: Error) => (broken ??= error));
  const channel = await connection.createChannel();
  channel.on('error', (error: Error) => (broken ??= error));
  const { stream, frameMax } = connection.connection as unknown as { stream: Socket; frameMax: number };
  // A queue of its own, to hear from the broker that it has come so far.
  const { queue } = await channel.assertQueue('', { exclusive: true, autoDelete: true });
  const number = (channel as unknown as { ch: number }).ch;

  return {
    publish: async (message) => {
      if (broken) throw broken;
      if (!stream.write(encodeMessage(number, message, frameMax))) await once(stream, 'drain');
    },
    flush: async () => {
      // Of one channel, all is done in its order.
      await channel.checkQueue(queue).catch((error: unknown) => Promise.reject((broken ?? error) as Error));
    },
    close: () => connection.close(),
  };
}

function encodeMessage(
  channel: number,
  { exchange, key, properties, body }: RawMessage,
  frameMax: number,
): Buffer {
  const method = Buffer.concat([
    uint16(BASIC),
    uint16(PUBLISH),
    uint16(0),
    shortString(exchange),
    shortString(key),
    Buffer.from([0]),
  ]);
  const header = Buffer.concat([
    uint16(BASIC),
    uint16(0),
    uint64(BigInt(body.length)),
    encodeProperties(properties),
  ]);
  const frames = [frame(METHOD, channel, method), frame(HEADER, channel, header)];
  const most = frameMax - FRAME_OVERHEAD;
  for (let at = 0; at < body.length; at += most)
    frames.push(frame(BODY, channel, body.subarray(at, at + most)));
  return Buffer.concat(frames);
}

/** In the order of their flags, highest first. */
function encodeProperties({ headerBytes, ...given }: RawProperties): Buffer {
  const names = (Object.keys(FLAG_OF) as (keyof typeof FLAG_OF)[]).filter(
    (name) => given[name] !== undefined || (name === 'headers' && headerBytes),
  );
  const flags = names.reduce((all, name) => all | (1 << FLAG_OF[name]), 0);
  const fields = names.map((name) => {
    if (name === 'headers') return headerBytes ? withLength(headerBytes) : encodeTable(given.headers ?? []);
    const value = given[name] as string | Buffer | number | bigint;
    if (typeof value === 'bigint') return uint64(value);
    return typeof value === 'number' ? Buffer.from([value]) : shortString(value);
  });
  return Buffer.concat([uint16(flags), ...fields]);
}

const frame = (type: number, channel: number, payload: Buffer) =>
  Buffer.concat([Buffer.from([type]), uint16(channel), withLength(payload), FRAME_END]);

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
