export interface Answer {
  status: number;
  /** It says when to come again. */
  retryAfter: boolean;
}

const HEAD_END = Buffer.from('\r\n\r\n');

/**
 * Reads HTTP/1.1 answers of one connection, one after the other, as far as a load generator has to: the
 * status, and where the body ends. It knows bodies by their Content-Length alone.
 */
export class AnswerReader {
  private rest: Buffer = Buffer.alloc(0);

  /** @returns the answer that is complete with this chunk, if one is. @throws {Error} for what it cannot read */
  read(chunk: Buffer): Answer | undefined {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const headEnd = bytes.indexOf(HEAD_END);
    if (headEnd < 0) return this.keep(bytes);
    const head = bytes.toString('latin1', 0, headEnd);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined || !head.startsWith('HTTP/1.1 '))
      throw new Error(`an answer without a Content-Length: ${head.slice(0, 100)}`);
    const end = headEnd + HEAD_END.length + Number(length);
    if (bytes.length < end) return this.keep(bytes);
    this.rest = bytes.subarray(end);
    return { status: Number(head.slice(9, 12)), retryAfter: /\r\nretry-after:/i.test(head) };
  }

  private keep(bytes: Buffer): undefined {
    this.rest = bytes;
  }
}
