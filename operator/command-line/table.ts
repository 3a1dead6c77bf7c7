/** Columns wide enough for their longest cell; numbers to the right. */
export function table(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [heads, ...rows.map((row) => row.map((cell) => oneLine(String(cell))))];
  const widths = heads.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const isNumber = heads.map((_, column) => rows.length > 0 && typeof rows[0]?.[column] === 'number');
  return cells
    .map((row) =>
      row
        .map((cell, column) =>
          isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Text from a message as a terminal may have it: control characters, which could move its cursor, are escaped. */
export const printable = (text: string): string =>
  text.replace(
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** The same for a line of its own: nobody begins another one, which would pass for the command's. */
export const oneLine = (text: string): string => printable(text).replaceAll('\n', ' ');
