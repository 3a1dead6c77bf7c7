import { resolve } from 'node:path';
import { until } from '../../shared/testing/until';

/** A process that was started with {@link collectGarbage}. */
interface Watched {
  name: string;
  pid: number;
  url: string;
}

/** For a process's environment: it collects its garbage when {@link heldMemory} asks it to. */
export const collectGarbage = {
  // As the service does, which is compiled.
  NODE_OPTIONS: `--require ${JSON.stringify(resolve('dist/proof/fuzz/collect-on-signal.js'))}`,
};

const MEGABYTE = 1024 * 1024;
const HELD = /^nodejs_(?:heap_size_used|external_memory)_bytes(?:{.*})? (\S+)$/gm;

/**
 * What each process holds once its garbage is collected, in megabytes: its heap and what is outside of it. The least of
 * a few looks, for it goes on working.
 */
export async function heldMemory(processes: readonly Watched[]): Promise<Record<string, number>> {
  const held = await Promise.all(
    processes.map(
      async (one) => [one.name, Math.min(await look(one), await look(one), await look(one))] as const,
    ),
  );
  return Object.fromEntries(held.map(([name, bytes]) => [name, Math.round((bytes / MEGABYTE) * 10) / 10]));
}

async function look({ name, pid, url }: Watched): Promise<number> {
  process.kill(pid, 'SIGUSR2');
  return until(`the memory of ${name}`, async () => {
    const page = await (await fetch(`${url}/metrics`)).text();
    return [...page.matchAll(HELD)].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  });
}
