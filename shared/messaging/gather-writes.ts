import type { Socket } from 'node:net';
import type { ChannelModel } from 'amqplib';

/**
 * Has what is written to the broker within one turn of work leave with one system call. amqplib writes each
 * message to its socket by itself, and Node sends what it is given at once: a third of the relay's CPU, and as
 * many wake-ups of the broker. (Where the socket is, amqplib does not promise: without it, all is as it was.)
 */
export function gatherWrites(connection: ChannelModel): void {
  const { stream } = connection.connection as unknown as { stream?: Partial<Socket> };
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
