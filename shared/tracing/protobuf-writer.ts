/**
 * Writes Protocol Buffers (https://protobuf.dev/programming-guides/encoding/) into a piece of memory. A general encoder
 * costs several times as much as the work that is traced here.
 */
export class ProtobufWriter {
  readonly #page: Buffer;
  #at = 0;

  /** @param bytes that there is room for; the caller sees to it that no more is written */
  constructor(bytes: number) {
    this.#page = Buffer.allocUnsafeSlow(bytes);
  }

  get length(): number {
    return this.#at;
  }

  get room(): number {
    return this.#page.length - this.#at;
  }

  written(): Buffer {
    return this.#page.subarray(0, this.#at);
  }

  byte(value: number): void {
    this.#page[this.#at++] = value;
  }

  varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.byte((rest % 128) | 0x80);
      rest = Math.floor(rest / 128);
    }
    this.byte(rest);
  }

  /**
   * Begins a message within another; its tag is written. The length, of up to 2 MB, may be written longer than it need be.
   * @returns what {@link close} is to be told
   */
  open(): number {
    return (this.#at += 3);
  }

  close(from: number): void {
    const length = this.#at - from;
    const page = this.#page;
    page[from - 3] = (length & 0x7f) | 0x80;
    page[from - 2] = ((length >> 7) & 0x7f) | 0x80;
    page[from - 1] = length >> 14;
  }

  /** Hexadecimal digits, as bytes. */
  hex(tag: number, digits: string): void {
    const page = this.#page;
    this.byte(tag);
    this.byte(digits.length / 2);
    for (let index = 0; index < digits.length; index += 2)
      page[this.#at++] = (valueOf(digits.charCodeAt(index)) << 4) | valueOf(digits.charCodeAt(index + 1));
  }

  text(tag: number, text: string): void {
    this.byte(tag);
    const page = this.#page;
    const from = this.#at;
    if (text.length < 128) {
      // Most are short, and ASCII: a call out of JavaScript costs more than they do.
      let index = 0;
      for (; index < text.length; index++) {
        const code = text.charCodeAt(index);
        if (code > 0x7f) break;
        page[from + 1 + index] = code;
      }
      if (index === text.length) {
        page[from] = index;
        this.#at = from + 1 + index;
        return;
      }
    }
    const message = this.open();
    this.#at += page.write(text, this.#at); // half a surrogate pair becomes U+FFFD: all of it is UTF-8
    this.close(message);
  }

  bytes(bytes: Buffer): void {
    this.#at += bytes.copy(this.#page, this.#at);
  }

  double(value: number): void {
    this.#at = this.#page.writeDoubleLE(value, this.#at);
  }

  fixed32(value: number): void {
    this.#at = this.#page.writeUInt32LE(value, this.#at);
  }

  /** A time in nanoseconds since 1970, from one in milliseconds. */
  time(tag: number, ms: number): void {
    this.byte(tag);
    // Past what a number holds exactly: in two halves.
    const micros = Math.round(ms * 1_000);
    const low = (micros % 0x1_0000_0000) * 1_000;
    this.fixed32(low % 0x1_0000_0000);
    this.fixed32(Math.floor(micros / 0x1_0000_0000) * 1_000 + Math.floor(low / 0x1_0000_0000));
  }
}

const valueOf = (code: number) => (code < 58 ? code - 48 : code - 87);
