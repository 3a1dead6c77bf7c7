/** What a service says of itself at `/readyz` and `/healthz`. */
export interface Answer {
  status: number;
  body: {
    service?: string;
    instance?: string;
    version?: string;
    paused?: { part: string }[];
    checks?: Record<string, boolean>;
    reasons?: Record<string, string>;
    reason?: string;
  };
}

/** @returns undefined where nobody answers in time, or not with JSON */
export async function ask(url: string, timeoutMs = 2_000): Promise<Answer | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  } catch {
    return undefined;
  }
}
