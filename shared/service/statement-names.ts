const MOST_STATEMENTS = 200;

/**
 * Names statements, so that each connection has PostgreSQL parse and plan them once. What is sent here is a small
 * number of texts; should something make up new ones without end, those stay nameless. (A statement that is
 * prepared must not say `*`: a column that a migration adds would change its result, which PostgreSQL refuses.)
 */
export function statementNames(): (query: { sql: string }) => string | undefined {
  const names = new Map<string, string>();
  return ({ sql }) => {
    const known = names.get(sql);
    if (known || names.size >= MOST_STATEMENTS) return known;
    const name = `s${names.size}`;
    names.set(sql, name);
    return name;
  };
}
