/** What may be done with a table's rows. */
export const VERBS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const;
export type Verb = (typeof VERBS)[number];

/** A verb on a whole table or, with columns, on these: `UPDATE (status, version)`. */
export type Right = Verb | `${'SELECT' | 'INSERT' | 'UPDATE'} (${string})`;

/** Rights by table. */
export type TableRights = Readonly<Record<string, readonly Right[]>>;

/**
 * What a service's own login may do beyond what its folder tells by itself, which is: all with the tables of its schema
 * file; what the consumer runtime needs, where it has handlers; and to announce what the catalogue says that it emits.
 * A folder says it in `rights.ts`, as `rights`; `npm run users` grants it.
 */
export interface Rights {
  /** By table, its own too: exactly these, instead of all. `*` stands for every table that is not named here. */
  tables?: TableRights;
  /** Functions that it may call though it may not do itself what they do. */
  functions?: readonly string[];
  /** Services in whose place it acts: it may do as they may with their tables, and announce their events as theirs. */
  actsFor?: readonly string[];
  /** Consumers that it may have handle events again: of `processed_events` it deletes their rows alone. */
  forgets?: readonly string[];
  /** What it is on the broker, where it is no consumer. */
  broker?: 'relay' | 'operator';
}
