import { waitUntil } from '../../scripts/servers/wait-until';

/** Waits until a service says at /readyz that it is ready. @throws when it takes longer */
export async function untilReady(
  name: string,
  url: string,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  const ask = async () => {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) });
    const text = await response.text();
    if (!response.ok) throw new Error(`answers ${response.status}: ${text.slice(0, 300)}`);
  };
  await waitUntil(ask, { what: `${name} to be ready`, timeoutMs, everyMs: 200, signal });
}
