/**
 * A stranger's text in a form that PostgreSQL can keep, for records and messages: without NUL characters and halves
 * of surrogate pairs, and no longer than `longest` UTF-16 units.
 */
export const storableText = (text: string, longest = 500): string =>
  text.slice(0, longest).replaceAll('\0', '\ufffd').toWellFormed();
