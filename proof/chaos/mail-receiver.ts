import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { Random } from '../testbed/random';

/** A mail that arrived and was accepted, or may have been. */
export interface Arrival {
  notificationId: string;
  to: string;
  at: number;
}

/** A mail server of the run's own, which is not always well. */
export interface MailReceiver {
  url: string;
  arrivals: readonly Arrival[];
  /** How often it was not well. */
  moods: Record<'refused' | 'hung_up', number>;
  stop(): Promise<void>;
}

const REFUSES = 0.03;
const HANGS_UP = 0.01;

/** It refuses some mails for now, and hangs up on some that it has taken, before it says so. */
export async function startMailReceiver(random: Random): Promise<MailReceiver> {
  const arrivals: Arrival[] = [];
  const moods = { refused: 0, hung_up: 0 };
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    closeTimeout: 500,
    onRcptTo: (_address, _session, callback) => {
      if (!random.chance(REFUSES)) return callback();
      moods.refused += 1;
      callback(Object.assign(new Error('Try again later'), { responseCode: 451 }));
    },
    onData: (stream, session, callback) => {
      let head = '';
      stream.on('data', (chunk: Buffer) => {
        if (head.length < 20_000) head += chunk.toString();
      });
      stream.on('end', () => {
        const [, notificationId = ''] = /^Message-ID: <([0-9a-f-]+)@/im.exec(head) ?? [];
        arrivals.push({ notificationId, to: session.envelope.rcptTo[0]?.address ?? '', at: Date.now() });
        if (!random.chance(HANGS_UP)) return callback();
        moods.hung_up += 1;
        callback(Object.assign(new Error('Gone'), { responseCode: 421 }));
      });
    },
  });
  server.on('error', () => undefined); // processes are killed while they talk to it
  const listening = server.listen(0, '127.0.0.1') as unknown as Server;
  await once(listening, 'listening');
  return {
    url: `smtp://127.0.0.1:${(listening.address() as AddressInfo).port}`,
    arrivals,
    moods,
    stop: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
