const VERBS =
  /(?<!\b(?:FOR|DO|KEY)\s+)\b(INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO)\s+(?:ONLY\s+)?"?(\w+)/gi;
const LONGEST = 120;

/**
 * A statement in a few words, such as `INSERT orders INSERT order_lines`: what it changes, or what it reads first.
 * https://opentelemetry.io/docs/specs/semconv/database/database-spans/#generating-a-summary-of-the-query
 */
export function querySummary(text: string): string {
  const sql = text.replace(/\/\*.*?\*\/|--[^\n]*/gs, ' ');
  const changes = [...sql.matchAll(VERBS)].map(
    ([, verb = '', table]) => `${verb.split(/\s/)[0]!.toUpperCase()} ${table}`,
  );
  if (changes.length > 0) return [...new Set(changes)].join(' ').slice(0, LONGEST);
  const verb = /^\s*(\w+)/.exec(sql)?.[1]?.toUpperCase() ?? 'QUERY';
  const from = /\bFROM\s+"?(?:\w+"?\."?)?(\w+)/i.exec(sql)?.[1];
  return verb === 'SELECT' || verb === 'WITH' ? `SELECT${from ? ` ${from}` : ''}` : verb;
}
