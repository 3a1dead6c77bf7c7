import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy before a server, which can do to its connections what networks do. */
export interface TcpProxy {
  /** The server's url, by way of the proxy. */
  url: string;
  /** Resets every connection; new ones get through. */
  cut(): void;
  /**
   * Lets connections stand and nothing pass any more, as where a cable is pulled; new ones get no answer either.
   * @param what `answers`: what clients send still gets through
   */
  hold(what?: 'everything' | 'answers'): void;
  /** What was held goes on, in order, as after the network's retransmission. */
  release(): void;
  /** Resets every connection and refuses new ones, until {@link bringBack}. */
  takeAway(): void;
  bringBack(): void;
  close(): Promise<void>;
}

export async function startProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<readonly [Socket, Socket]>();
  let held: 'everything' | 'answers' | undefined;
  let away = false;

  const server = createServer((client) => {
    if (away) return client.resetAndDestroy();
    const upstream = connect(Number(port), hostname);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    for (const [one, other] of [pair, [upstream, client] as const]) {
      one.setNoDelay(true);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        pairs.delete(pair);
        other.destroy();
      });
    }
    if (!held) join(pair);
    else if (held === 'answers') client.pipe(upstream);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });

  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  const cut = () => {
    for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
  };
  return {
    url: url.toString(),
    cut,
    hold: (what = 'everything') => {
      held = what;
      // Without a destination a stream is paused: the kernel's buffers fill, and the peer waits.
      for (const [client, upstream] of pairs) {
        if (what === 'everything') client.unpipe(upstream);
        upstream.unpipe(client);
      }
    },
    release: () => {
      if (!held) return;
      held = undefined;
      pairs.forEach(join);
    },
    takeAway: () => {
      away = true;
      cut();
    },
    bringBack: () => (away = false),
    close: async () => {
      held = undefined;
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function join([client, upstream]: readonly [Socket, Socket]): void {
  client.unpipe(upstream); // it may be joined still: piped twice, everything would be sent twice
  client.pipe(upstream);
  upstream.pipe(client);
}
