import type { MigrateCheck } from './check-migrate';
import type { CheckedStatement } from './check-schema';

const LONGEST_SQL = 88;

/** The check for people: what would be done, in its order, then the verdict. */
export function printCheck(check: MigrateCheck): string {
  const { schema, queues, subscriptions, running, afterwards, because } = check;
  return [
    section('MIGRATIONS', [
      ...schema.failed.map((name) => `${name}  NO: it was begun once and did not end`),
      ...schema.changed.map((name) => `${name}  NO: it was written otherwise when it was applied here`),
      ...schema.pending.flatMap(({ name, error, statements }) => [
        name,
        ...(error ? [`    NO   ${error}`] : []),
        ...statements.flatMap(printStatement),
      ]),
      ...(schema.newer.length > 0
        ? [`(the database has ${schema.newer.join(', ')} of a newer version; they stay)`]
        : []),
    ]),
    section(
      'QUEUES',
      queues.map(({ name, change, messages, detail, blocks }) =>
        [
          `${blocks ? 'NO   ' : ''}${name}: ${change}`,
          messages === undefined
            ? ''
            : `, ${messages} messages${change === 'other arguments' ? ' are kept' : ' in it'}`,
          detail ? ` (${detail})` : '',
          blocks ? `: ${blocks}` : '',
        ].join(''),
      ),
    ),
    section(
      'SUBSCRIPTIONS',
      subscriptions.map(({ consumer, event_type, change }) => `${consumer} ${change}: ${event_type}`),
    ),
    section(
      'RUNNING NOW',
      running.map(({ service, instances, sessions, older }) =>
        instances === undefined
          ? `${service}: ${sessions} sessions with PostgreSQL`
          : `${service}: ${instances} instances${older ? `, ${older} of an older version` : ''}`,
      ),
    ),
    section('AFTERWARDS', afterwards),
    check.changes
      ? `Can be done while the mesh runs: ${check.online ? 'yes' : 'NO, because'}`
      : check.online
        ? 'There is nothing to do.'
        : 'It cannot be done like this, because',
    ...because.map((one) => `  - ${one}`),
    ...(!check.online && running.length === 0 ? ['No service runs now, as far as PostgreSQL knows.'] : []),
  ]
    .filter(Boolean)
    .join('\n');
}

const section = (title: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : [title, ...lines.map((line) => `  ${line}`), ''].join('\n');

function printStatement(one: CheckedStatement): string[] {
  const sql = one.sql.length > LONGEST_SQL ? `${one.sql.slice(0, LONGEST_SQL - 1)}…` : one.sql;
  const rows = one.rows === undefined ? '' : `, ${one.rows.toLocaleString('en')} rows`;
  const lock = one.lock ? `${one.lock} lock${one.table ? ` on ${one.table}` : ''}, ` : '';
  return [
    `    ${one.blocks ? 'NO' : 'ok'}   ${sql}`,
    `           ${lock}${one.takes}${rows}`,
    ...(one.vouched ? [`           looked at: ${one.vouched}`] : []),
    ...(one.blocks ? [`           ${one.blocks}`] : []),
    ...(one.instead ? [`           instead: ${one.instead}`] : []),
  ];
}
