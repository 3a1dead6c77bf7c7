import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { simpleParser, type ParsedMail } from 'mailparser';
import { SMTPServer, type SMTPServerAddress } from 'smtp-server';

export interface ReceivedMail {
  from: string;
  /** Of the envelope: whom it really goes to. */
  to: string[];
  raw: string;
  mail: ParsedMail;
}

/** An answer of the server: its code, or `drop` the connection, or `late` for accepting after {@link SmtpSink.accept}. */
export type Answer = number | 'ok' | 'drop' | 'late';

export interface SmtpSink {
  url: string;
  /** What was accepted, in its order. */
  received: ReceivedMail[];
  /** How the next recipients are answered, and everything after those as `ok`. */
  recipients: Answer[];
  /** How the next messages are answered once they have arrived. */
  messages: Answer[];
  /** Connections so far. */
  connections: number;
  /** Lets those be accepted that are answered late. */
  accept(): void;
  stop(): Promise<void>;
}

const refusal = (code: number) => Object.assign(new Error(`no (${code})`), { responseCode: code });

/** A real SMTP server on this machine. */
export async function startSmtpSink(port = 0): Promise<SmtpSink> {
  let accept = () => {};
  const sink = { received: [], recipients: [], messages: [], connections: 0 } as unknown as SmtpSink;
  const sockets = new Set<Socket>();
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    closeTimeout: 100,
    onConnect: (_session, callback) => {
      sink.connections++;
      callback();
    },
    onRcptTo: (_address, _session, callback) => {
      const answer = sink.recipients.shift() ?? 'ok';
      if (answer === 'drop') return cut();
      callback(typeof answer === 'number' ? refusal(answer) : null);
    },
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => void end(Buffer.concat(chunks), session.envelope, callback));
    },
  });
  const cut = () => sockets.forEach((socket) => socket.destroy());

  async function end(
    raw: Buffer,
    envelope: { mailFrom: SMTPServerAddress | false; rcptTo: SMTPServerAddress[] },
    callback: (error?: Error | null) => void,
  ): Promise<void> {
    const answer = sink.messages.shift() ?? 'ok';
    if (answer === 'drop') return cut();
    if (typeof answer === 'number') return callback(refusal(answer));
    const mail = await simpleParser(raw);
    sink.received.push({
      from: envelope.mailFrom ? envelope.mailFrom.address : '',
      to: envelope.rcptTo.map(({ address }) => address),
      raw: raw.toString(),
      mail,
    });
    if (answer === 'late') accept = () => callback();
    else callback();
  }

  const listening = server.listen(port, '127.0.0.1') as unknown as Server;
  listening.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('error', () => undefined); // connections are cut on purpose
  await once(listening, 'listening');
  return Object.assign(sink, {
    url: `smtp://127.0.0.1:${(listening.address() as AddressInfo).port}`,
    accept: () => accept(),
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      cut();
      await closed;
    },
  });
}

/** A server that takes connections and does something other than speak SMTP with them. */
export async function startOddServer(
  greet: (socket: Socket) => void,
): Promise<{ url: string; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    greet(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      sockets.forEach((socket) => socket.destroy());
      server.close();
      await once(server, 'close');
    },
  };
}
