/** A message's fields by their numbers, each with all of its values, in the order in which they came. */
export type Fields = Map<number, (Buffer | bigint)[]>;

/** https://protobuf.dev/programming-guides/encoding/ @throws where it is none */
export function readProtobuf(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63n) throw new Error(`no varint at ${at} of ${bytes.length}`);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new Error(`${length} bytes at ${at} are more than ${bytes.length}`);
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const [field, type] = [tag >> 3, tag & 7];
    const value =
      type === 0
        ? varint()
        : type === 1
          ? take(8).readBigUInt64LE()
          : type === 2
            ? take(Number(varint()))
            : type === 5
              ? BigInt(take(4).readUInt32LE())
              : undefined;
    if (value === undefined || field === 0) throw new Error(`wire type ${type} of field ${field} at ${at}`);
    fields.set(field, [...(fields.get(field) ?? []), value]);
  }
  return fields;
}
