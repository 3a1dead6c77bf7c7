import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { AnswerReader, type Answer } from './answer-reader';
import type { HttpRequest } from './job';

/**
 * A kept-alive connection with one request at a time. Bare sockets, because the generator shares its cores
 * with what it measures: this takes a fraction of the CPU of an HTTP client.
 */
export class Connection {
  private socket: Socket | undefined;
  private reader = new AnswerReader();
  private settle: ((result: Answer | Error) => void) | undefined;

  constructor(
    private readonly host: string,
    private readonly port: number,
  ) {}

  /** @returns an Error where the connection breaks first; the next request opens another */
  send(request: Buffer): Promise<Answer | Error> {
    this.socket ??= this.open();
    this.socket.write(request);
    return new Promise((resolve) => (this.settle = resolve));
  }

  close(): void {
    this.socket?.destroy();
  }

  private open(): Socket {
    const socket = connect({ host: this.host, port: this.port, noDelay: true });
    this.reader = new AnswerReader();
    let why = new Error('the connection was closed');
    socket.on('data', (chunk) => {
      try {
        const answer = this.reader.read(chunk);
        if (answer) this.answer(answer);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on('error', (error) => (why = error));
    socket.on('close', () => {
      if (this.socket === socket) this.socket = undefined;
      this.answer(why);
    });
    return socket;
  }

  private answer(result: Answer | Error): void {
    const settle = this.settle;
    this.settle = undefined;
    settle?.(result);
  }
}

const NO_KEY = '00000000-0000-4000-8000-000000000000';

/** Where a request's key stands. */
export const keyIn = (request: Buffer): number => request.indexOf(NO_KEY);

/** The request with a key of its own. */
export function withNewKey(request: Buffer, at: number): Buffer {
  const copy = Buffer.from(request);
  copy.write(randomUUID(), at, 'latin1');
  return copy;
}

/** A request as it goes on the wire; made once and sent often. */
export function encodeRequest(
  { method, path, body, keyed, headers = {} }: HttpRequest,
  host: string,
): Buffer {
  const json = body === undefined ? '' : JSON.stringify(body);
  const head = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${host}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(keyed ? [`Idempotency-Key: ${NO_KEY}`] : []),
    ...(body === undefined
      ? []
      : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(json)}`]),
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${json}`);
}
