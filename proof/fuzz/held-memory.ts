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
const COLLECTED = /^nodejs_gc_duration_seconds_count{.*kind="major".*} (\S+)$/m;

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

/** A busy process may answer before it hears of the signal: what counts is a page from after the collection. */
async function look({ name, pid, url }: Watched): Promise<number> {
  const readPage = async () => (await fetch(`${url}/metrics`)).text();
  const collections = (page: string) => Number(COLLECTED.exec(page)?.[1] ?? 0);
  const before = collections(await readPage());
  process.kill(pid, 'SIGUSR2');
  return until(`the memory of ${name}`, async () => {
    const page = await readPage();
    if (collections(page) === before) return undefined;
    return [...page.matchAll(HELD)].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  });
}
