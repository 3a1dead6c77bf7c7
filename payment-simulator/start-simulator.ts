import { HEALTH_NAMES, listen } from '../shared/service/listen';
import { setMaxListeners } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Logger } from '../shared/service/logger';
import { buildApp } from './app';
import { Book } from './book';
import { HeldRequests } from './held-requests';
import { noJournal, openJournal } from './journal';
import { Simulator } from './simulator';

export interface StartOptions {
  port: number;
  host: string;
  /** The file; undefined: nothing outlives the process. */
  journal?: string;
  slowMs: number;
  hangMs: number;
  log: Logger;
  random?: () => number;
}

const DRAIN_MS = 3_000;

/** Reads the journal, then serves the gateway, its page and its health on one port. */
export async function startSimulator(options: StartOptions) {
  const { log, slowMs, random } = options;
  const book = new Book();
  const journal = options.journal
    ? await openJournal(options.journal, (step) => book.apply(step), endOfProcess)
    : noJournal;
  if (!options.journal) log.warn('SIMULATOR_JOURNAL is not set: all payments are forgotten at the end');
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal); // one for each request that waits
  const simulator = new Simulator({ book, journal, log, slowMs, stopping: stopping.signal, random });
  const held = new HeldRequests(options.hangMs);
  const server = createServer(buildApp({ simulator, book, journal, held, log }));
  const port = await listen(server, options, HEALTH_NAMES);
  log.info({ port, host: options.host, payments: book.paymentCount }, 'listening');
  return {
    port,
    held,
    /** What is being done is done and answered; what waits, or would never be answered, is cut off. */
    stop: async () => {
      stopping.abort();
      held.releaseAll();
      await close(server);
      await journal.close();
    },
  };
}

/** The journal cannot be written, so what was just done cannot be kept: end, and begin again from what is. */
function endOfProcess(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}

async function close(server: Server): Promise<void> {
  // Kept-alive connections count as open until they are idle, and idle ones would stay for seconds.
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearInterval(idle);
  clearTimeout(cut);
}
