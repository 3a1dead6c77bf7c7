import { ask } from '../../scripts/supervisor/ask-service';
import type { InstanceState } from './mesh-state';

export type AskedInstance = InstanceState & { service: string };

/** Longer than a process itself waits for a database that says nothing. */
const ANSWER_MS = 4_000;

/**
 * Asks the processes of this machine themselves how they are, for when the database does not tell. Who answers in
 * another's name is not shown.
 * @param urls where each service answers `/readyz`
 */
export async function askInstances(urls: Record<string, string>): Promise<AskedInstance[]> {
  const answers = await Promise.all(
    Object.entries(urls).map(async ([service, url]): Promise<AskedInstance[]> => {
      const answer = await ask(`${url}/readyz`, ANSWER_MS);
      if (answer?.body.service !== service) return [];
      const { instance = '', version = 'unknown', checks = {}, reasons = {} } = answer.body;
      const failed = Object.keys(checks).filter((check) => !checks[check]);
      return [
        {
          service,
          instance,
          host: new URL(url).host,
          pid: null,
          version,
          ready: answer.status === 200,
          reasons: Object.fromEntries(failed.map((check) => [check, reasons[check] ?? 'no reason given'])),
          paused: (answer.body.paused ?? []).map(({ part }) => part),
          started_at: null,
          seen_at: new Date().toISOString(),
        },
      ];
    }),
  );
  return answers.flat();
}
