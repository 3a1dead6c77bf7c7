import type { ChannelModel } from 'amqplib';

/** What of amqplib's connection is looked into; it promises none of it. */
interface Receiver {
  /** What was received and not read yet. */
  rest?: Buffer;
  /** Reads the next frame. @throws what it cannot read, having taken it off `rest` */
  recvFrame?: () => unknown;
}

/** In place of the headers that could not be read, with why. */
export const UNREADABLE_HEADERS = 'x-unreadable-headers';

// https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, 2.3.5 and 4.2.6: type, channel and length of the frame; then
// class, weight, body size and the flags of the properties that follow.
const HEADER_FRAME = 2;
const FRAME_START = 7;
const LENGTH_AT = 3;
const FLAGS_AT = FRAME_START + 12;
const PROPERTIES_AT = FLAGS_AT + 2;
const HAS_CONTENT_TYPE = 1 << 15;
const HAS_CONTENT_ENCODING = 1 << 14;
const HAS_HEADERS = 1 << 13;

/**
 * Has a message whose headers amqplib cannot read come without them. It reads tables within tables by recursion, and
 * the broker keeps them as deep as a frame is long: one such message ended the session, was delivered in the next, and
 * so kept its consumer from ever handling another.
 */
export function surviveUnreadableHeaders(connection: ChannelModel): void {
  const receiver = connection.connection as unknown as Receiver;
  const read = receiver.recvFrame?.bind(receiver);
  if (!read) return;
  receiver.recvFrame = () => {
    const before = receiver.rest;
    try {
      return read();
    } catch (error) {
      const { rest } = receiver;
      if (!before || !rest || rest.length >= before.length) throw error; // no frame was taken off
      const plain = withoutHeaders(before.subarray(0, before.length - rest.length), error);
      if (!plain) throw error;
      receiver.rest = Buffer.concat([plain, rest]);
      return read();
    }
  };
}

/** The frame, with why in place of its headers; undefined where it has none. */
function withoutHeaders(frame: Buffer, error: unknown): Buffer | undefined {
  if (frame.length < PROPERTIES_AT || frame[0] !== HEADER_FRAME) return undefined;
  const flags = frame.readUInt16BE(FLAGS_AT);
  if (!(flags & HAS_HEADERS)) return undefined;
  let at = PROPERTIES_AT;
  for (const flag of [HAS_CONTENT_TYPE, HAS_CONTENT_ENCODING])
    if (flags & flag) at += 1 + frame.readUInt8(at);
  const after = at + 4 + frame.readUInt32BE(at);
  const plain = Buffer.concat([frame.subarray(0, at), tableWith(String(error)), frame.subarray(after)]);
  plain.writeUInt32BE(plain.length - FRAME_START - 1, LENGTH_AT);
  return plain;
}

function tableWith(why: string): Buffer {
  const value = Buffer.from(why.slice(0, 200));
  const entry = Buffer.concat([
    Buffer.from([UNREADABLE_HEADERS.length]),
    Buffer.from(UNREADABLE_HEADERS),
    Buffer.from('S'),
    uint32(value.length),
    value,
  ]);
  return Buffer.concat([uint32(entry.length), entry]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
