import type { Socket } from 'node:net';

/**
 * Has what is written to a server within one turn of work leave with one system call. amqplib writes each message to its
 * socket by itself, and pg each statement, and Node sends what it is given at once: a third of the CPU of the relay and of
 * a consumer, and as many wake-ups of the server.
 * @param connection amqplib's or pg's. Neither promises where its socket is: without it, all is as it was.
 */
export function gatherWrites({ connection }: { connection: unknown }): void {
  const { stream } = connection as { stream?: Partial<Socket> };
  if (!stream?.cork || !stream.uncork || !stream.write) return;
  const socket = stream as Socket;
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  let gathering = false;
  socket.write = (...args: unknown[]) => {
    if (!gathering) {
      gathering = true;
      socket.cork();
      process.nextTick(() => {
        gathering = false;
        socket.uncork();
      });
    }
    return write(...args);
  };
}
