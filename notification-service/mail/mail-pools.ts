import { createTransport, type Transporter } from 'nodemailer';

type Options = Parameters<typeof createTransport>[0];
type Message = Parameters<Transporter['sendMail']>[0];

export interface MailPools {
  send(message: Message): Promise<unknown>;
  close(): void;
}

interface Pool {
  transport: Transporter;
  openedAt: number;
  underWay: number;
}

/**
 * Connections to a mail server, none of which is used again after a while. What is between us and the server may forget
 * a connection that has been silent for minutes (a NAT gateway, a firewall) and tell nobody: a mail that is sent over
 * it waits for an answer until the longest of all timeouts, and with it the whole lane.
 * @param longestMs after which a new pool takes its place; the old one ends with the last mail that it was given
 */
export function openMailPools(options: Options, longestMs: number, now = () => performance.now()): MailPools {
  let pool: Pool | undefined;
  const retired = new Set<Pool>();

  function current(): Pool {
    if (pool && now() - pool.openedAt <= longestMs) return pool;
    if (pool) retire(pool);
    pool = { transport: createTransport(options), openedAt: now(), underWay: 0 };
    return pool;
  }

  function retire(old: Pool): void {
    if (old.underWay === 0) old.transport.close();
    else retired.add(old);
  }

  return {
    send: async (message) => {
      const own = current();
      own.underWay += 1;
      try {
        return await own.transport.sendMail(message);
      } finally {
        own.underWay -= 1;
        if (own.underWay === 0 && retired.delete(own)) own.transport.close();
      }
    },
    close: () => {
      for (const { transport } of retired) transport.close({ force: true });
      pool?.transport.close({ force: true });
    },
  };
}
