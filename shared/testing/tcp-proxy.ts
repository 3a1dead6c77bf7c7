import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A proxy before a server, to take the server away without touching it. */
export interface TcpProxy {
  /** The url given, by way of the proxy. */
  url: string;
  /** Cuts every connection, as a failing network would; new ones get through. */
  cut(): void;
  /** Cuts every connection and refuses new ones. */
  takeAway(): void;
  bringBack(): void;
  close(): Promise<void>;
}

export async function startProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let away = false;
  const server = createServer((client) => {
    if (away) return client.destroy();
    const upstream = connect(Number(port), hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    url: url.toString(),
    cut,
    takeAway: () => {
      away = true;
      cut();
    },
    bringBack: () => (away = false),
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
