import { groupBy } from '../../shared/group-by';
import { Prisma } from '../../shared/service/database';
import type { Check, Finding, Range, Settings, Verdict } from './check';
import type { Snapshot } from './snapshot';
import { pendingAbout, type Pending } from './unhandled-events';

/** What a check found in a range: counts of everything, and the first few by name. */
export interface Judgement {
  counts: Record<Verdict, number>;
  findings: Finding[];
}

/** Makes one check over one range. @param limit findings named at most, of each verdict */
export async function judge(
  snapshot: Snapshot,
  check: Check,
  range: Range,
  settings: Settings,
  limit: number,
): Promise<Judgement> {
  return check.remedies
    ? judgeQuiet(snapshot, check, check.remedies, range, settings, limit)
    : judgeAtOnce(snapshot, check, range, settings, limit);
}

interface Found {
  verdict: Verdict;
  subject: string;
  problem: string;
}

async function judgeAtOnce(
  snapshot: Snapshot,
  check: Check,
  range: Range,
  settings: Settings,
  limit: number,
): Promise<Judgement> {
  // By way of JSON, since most checks know violations only and have no such column.
  const rows = await snapshot.query<Found & { total: number }>(Prisma.sql`
    SELECT verdict, subject, problem, total FROM (
      SELECT verdict, subject, problem, count(*) OVER (PARTITION BY verdict)::int AS total,
        row_number() OVER (PARTITION BY verdict ORDER BY subject, problem) AS place
      FROM (SELECT coalesce(to_json(found) ->> 'verdict', 'violation') AS verdict, subject, problem
            FROM (${check.find(range, settings)}) found) judged
    ) numbered WHERE place <= ${limit}::int ORDER BY verdict, place`);
  const judgement = nothingFound();
  for (const { total, ...found } of rows) {
    judgement.counts[found.verdict] = total;
    if (isFinding(found)) judgement.findings.push(found);
  }
  return judgement;
}

/** As many rows as the range has come into memory here, at worst: one outage can concern every order. */
async function judgeQuiet(
  snapshot: Snapshot,
  check: Check,
  remedies: NonNullable<Check['remedies']>,
  range: Range,
  settings: Settings,
  limit: number,
): Promise<Judgement> {
  const suspects = await snapshot.query<Suspect>(check.find(range, settings));
  const judgement = nothingFound();
  if (suspects.length === 0) return judgement;
  const about = [...new Set(suspects.map((suspect) => suspect.about))];
  const pending = groupBy(
    await snapshot.query<Pending>(pendingAbout(about, remedies, settings)),
    (event) => event.subject,
  );
  for (const suspect of suspects) {
    const found = excuse(suspect, pending.get(suspect.about) ?? []);
    const count = ++judgement.counts[found.verdict];
    if (isFinding(found) && count <= limit) judgement.findings.push(found);
  }
  return judgement;
}

interface Suspect {
  subject: string;
  problem: string;
  about: string;
  verdict?: Verdict;
}

/** What is found wrong is so for good only if nothing is on its way that will put it right. */
function excuse({ subject, problem, verdict = 'violation' }: Suspect, pending: Pending[]): Found {
  const inState = (state: Pending['state']) => pending.find((event) => event.state === state);
  const young = inState('under way');
  if (young || verdict === 'under way') return { verdict: 'under way', subject, problem };
  if (verdict === 'warning') return { verdict, subject, problem };
  const dead = inState('dead letter');
  if (dead) return { verdict: 'warning', subject, problem: `${problem}; ${wordsFor(dead)}` };
  const [lost] = pending;
  const why = lost ? wordsFor(lost) : 'and no event is under way that would change it';
  return { verdict: 'violation', subject, problem: `${problem}; ${why}` };
}

function wordsFor({ state, type, event_id, consumer, waiting_since }: Pending): string {
  const [event, since] = [`${type} ${event_id}`, `since ${waiting_since.toISOString()}`];
  switch (state) {
    case 'dead letter':
    case 'old dead letter':
      return `${event} is a dead letter of ${consumer} ${since}`;
    case 'gone':
      return `${event} was a dead letter of ${consumer} ${since}, and is in no queue any more`;
    case 'discarded':
      return `${event}, a dead letter of ${consumer}, was discarded ${since}`;
    default:
      return `waits for ${event} at ${consumer} ${since}`;
  }
}

const nothingFound = (): Judgement => ({
  counts: { violation: 0, warning: 0, 'under way': 0 },
  findings: [],
});

const isFinding = (found: Found): found is Finding => found.verdict !== 'under way';
