import type {
  AlterTableCmd,
  AlterTableStmt,
  ColumnDef,
  Constraint,
  CreateStmt,
  DropStmt,
  IndexStmt,
  InsertStmt,
  Node,
  RangeVar,
  RenameStmt,
  SelectStmt,
  WithClause,
} from '@pgsql/types';

/**
 * How long a statement holds its lock: a moment, as long as it takes to read every row of the table, or to write every
 * row.
 */
export type Takes = 'a moment' | 'reads every row' | 'writes every row';

/** What a statement of a migration does to a table that services use meanwhile, or to the services themselves. */
export interface Effect {
  /** Undefined where it is about no table. */
  table?: string;
  /** The table lock, as PostgreSQL calls it: https://www.postgresql.org/docs/current/explicit-locking.html */
  lock?: 'ACCESS EXCLUSIVE' | 'SHARE ROW EXCLUSIVE' | 'SHARE' | 'SHARE UPDATE EXCLUSIVE' | 'ROW EXCLUSIVE';
  takes: Takes;
  /** The index that it surely makes (of the table), or that it drops (it does not say of which). */
  index?: string;
  /** Makes the table: nobody uses it yet. */
  makes?: true;
  /** `IF NOT EXISTS`: it makes nothing where the table is there. */
  unlessThere?: true;
  /** PostgreSQL refuses it for a partitioned table. */
  notPartitioned?: true;
  /** Why an instance of the version before may fail with it, whatever the size of the table. */
  breaks?: string;
  /** What to write instead, in one or several releases. */
  instead?: string;
}

const exclusive = (table: string, more: Partial<Effect> = {}): Effect => ({
  table,
  lock: 'ACCESS EXCLUSIVE',
  takes: 'a moment',
  ...more,
});
const harmless: Effect = { takes: 'a moment' };
const unknown = (what: string): Effect => ({
  takes: 'a moment',
  breaks: `this check does not know what ${what} does`,
  instead: 'look at it, and say why it is safe in a comment before it: -- online: …',
});

/** Whether the effect is only bearable where the table is small: others would wait for the lock too long. */
export const isLong = ({ takes, lock }: Effect): boolean =>
  takes !== 'a moment' && lock !== undefined && lock !== 'SHARE UPDATE EXCLUSIVE';

type Of<K extends string> = (node: never) => Effect[] & { kind?: K };

/**
 * What a statement does, as PostgreSQL 14 to 18 do it; the list is that of squawk and strong_migrations, and the manual's
 * notes on ALTER TABLE. What is not known counts as harmful.
 * @param node one statement, as PostgreSQL's own parser reads it
 */
export function effectsOf(node: Node): Effect[] {
  const [[kind, statement]] = Object.entries(node) as [[string, never]];
  const known = KNOWN[kind];
  return known ? known(statement) : [unknown(kind.replace(/Stmt$/, ''))];
}

const nameOf = (relation: RangeVar | undefined) => relation?.relname ?? '';
const textOf = (node: Node | undefined): string =>
  (node as { String?: { sval?: string } } | undefined)?.String?.sval ?? '';

const KNOWN: Record<string, Of<string>> = {
  AlterTableStmt: ({ relation, cmds = [], objtype }: AlterTableStmt) =>
    objtype !== 'OBJECT_TABLE'
      ? objtype === 'OBJECT_INDEX' || objtype === 'OBJECT_SEQUENCE'
        ? [harmless]
        : [unknown(`ALTER of ${objtype}`)]
      : cmds.flatMap((one) =>
          alter(nameOf(relation), (one as { AlterTableCmd: AlterTableCmd }).AlterTableCmd),
        ),
  CreateStmt: (statement: CreateStmt) => create(statement),
  CreateTableAsStmt: (statement: { into?: { rel?: RangeVar }; if_not_exists?: boolean }) => [
    makesTable(statement.into?.rel, statement.if_not_exists),
  ],
  IndexStmt: ({ relation, concurrent, idxname, if_not_exists }: IndexStmt) => {
    const about = { table: nameOf(relation), ...(idxname && !if_not_exists && { index: idxname }) };
    return concurrent
      ? [{ ...about, lock: 'SHARE UPDATE EXCLUSIVE', takes: 'reads every row', notPartitioned: true }]
      : [
          {
            ...about,
            lock: 'SHARE',
            takes: 'reads every row',
            instead: 'CREATE INDEX CONCURRENTLY, in a migration of its own',
          },
        ];
  },
  DropStmt: (statement: DropStmt) => drop(statement),
  RenameStmt: ({ renameType, relation, subname, newname }: RenameStmt) =>
    renameType === 'OBJECT_TABCONSTRAINT' || renameType === 'OBJECT_INDEX'
      ? [exclusive(nameOf(relation))]
      : [
          exclusive(nameOf(relation), {
            breaks: `${subname ?? nameOf(relation)} is ${newname} from then on, and the version before asks for it by its old name`,
            instead:
              'add the new one beside it, write both, copy, read the new one, and drop the old one a release later',
          }),
        ],
  UpdateStmt: (statement: WritesRows) => [changes(nameOf(statement.relation)), ...within(statement)],
  DeleteStmt: (statement: WritesRows) => [changes(nameOf(statement.relation)), ...within(statement)],
  InsertStmt: (statement: InsertStmt) => insert(statement),
  SelectStmt: (statement: SelectStmt) => select(statement),
  TruncateStmt: ({ relations = [] }: { relations?: Node[] }) =>
    relations.map((one) =>
      exclusive(nameOf((one as { RangeVar: RangeVar }).RangeVar), { breaks: 'all rows are gone' }),
    ),
  CreateTrigStmt: ({ relation }: { relation?: RangeVar }) => [
    { table: nameOf(relation), lock: 'SHARE ROW EXCLUSIVE', takes: 'a moment' },
  ],
  CreatePolicyStmt: ({ table, permissive }: { table?: RangeVar; permissive?: boolean }) => [
    exclusive(nameOf(table), permissive ? {} : ruleOfRows),
  ],
  AlterPolicyStmt: ({ table }: { table?: RangeVar }) => [exclusive(nameOf(table), ruleOfRows)],
  AlterEnumStmt: ({ oldVal }: { oldVal?: string }) => [
    oldVal === undefined
      ? harmless
      : {
          takes: 'a moment',
          breaks: `the version before knows ${oldVal} by its old name`,
          instead: 'add the new value beside it, and write it a release later',
        },
  ],
  AlterSeqStmt: ({ options = [] }: { options?: Node[] }) =>
    options.every((one) => ['owned_by', 'cache'].includes(optionOf(one)))
      ? [harmless]
      : [unknown('ALTER SEQUENCE')],
  CreateFunctionStmt: ({ replace }: { replace?: boolean }) => [replace ? replaced('FUNCTION') : harmless],
  ViewStmt: ({ replace }: { replace?: boolean }) => [replace ? replaced('VIEW') : harmless],
  VariableSetStmt: ({ name = '', is_local }: { name?: string; is_local?: boolean }) => [
    is_local || SETTINGS.includes(name)
      ? harmless
      : name === 'lock_timeout'
        ? {
            takes: 'a moment',
            breaks: 'whoever waits behind a lock that this migration waits for does so for longer',
            instead: 'leave it away: npm run migrate waits for 2 seconds and tries again',
          }
        : unknown(`SET ${name}`),
  ],
  GrantStmt: ({ is_grant }: { is_grant?: boolean }) =>
    is_grant ? [harmless] : [{ takes: 'a moment', breaks: 'a right is taken from whoever may be using it' }],
  ReindexStmt: ({ relation, params = [] }: { relation?: RangeVar; params?: Node[] }) => [
    JSON.stringify(params).includes('concurrently')
      ? { table: nameOf(relation), lock: 'SHARE UPDATE EXCLUSIVE', takes: 'reads every row' }
      : exclusive(nameOf(relation), {
          takes: 'reads every row',
          instead: 'REINDEX CONCURRENTLY',
          ...(!relation && ofAllTables),
        }),
  ],
  ClusterStmt: ({ relation }: { relation?: RangeVar }) => [
    exclusive(nameOf(relation), {
      takes: 'writes every row',
      instead: 'do without it',
      ...(!relation && ofAllTables),
    }),
  ],
  DoStmt: () => [unknown('a DO block')],
  TransactionStmt: () => [
    {
      takes: 'a moment',
      breaks: 'locks are held until COMMIT, over all statements between',
      instead: 'leave it away: each statement is a transaction of its own',
    },
  ],
  ...Object.fromEntries(
    [
      'AlterFunctionStmt',
      'CommentStmt',
      'CompositeTypeStmt',
      'CreateCastStmt',
      'CreateDomainStmt',
      'CreateEnumStmt',
      'CreateExtensionStmt',
      'CreateSchemaStmt',
      'CreateSeqStmt',
      'CreateStatsStmt',
    ].map((kind) => [kind, () => [harmless]]),
  ),
};

const changes = (table: string): Effect => ({
  table,
  lock: 'ROW EXCLUSIVE',
  takes: 'writes every row',
  instead: 'change rows in batches, by a command beside the running mesh',
});

interface WritesRows {
  relation?: RangeVar;
  withClause?: WithClause;
}

/** What the queries before it do: `WITH moved AS (DELETE …) INSERT …`. */
const within = ({ withClause }: { withClause?: WithClause }): Effect[] =>
  (withClause?.ctes ?? []).flatMap((one) => {
    const { ctequery } = (one as { CommonTableExpr: { ctequery?: Node } }).CommonTableExpr;
    return ctequery && !('SelectStmt' in ctequery) ? effectsOf(ctequery) : [];
  });

function insert(statement: InsertStmt): Effect[] {
  const table = nameOf(statement.relation);
  const own: Effect =
    statement.onConflictClause?.action === 'ONCONFLICT_UPDATE'
      ? changes(table)
      : { table, takes: 'a moment' };
  return [own, ...within(statement)];
}

/** A query by itself is there for what it does, not for what it finds. */
function select(statement: SelectStmt): Effect[] {
  const { intoClause, lockingClause } = statement;
  const [called] =
    /"funcname":\[(.*?)\]/.exec(JSON.stringify(statement))?.[1]?.match(/(?<="sval":")[^"]+(?="\}\}$)/) ?? [];
  return [
    ...(intoClause?.rel ? [makesTable(intoClause.rel)] : []),
    ...(lockingClause?.length ? [unknown('SELECT FOR UPDATE')] : []),
    ...(called ? [unknown(`${called}()`)] : []),
    ...within(statement),
    harmless,
  ];
}

/** Nobody else's statement is about a table of this session, or of another schema. */
function makesTable(relation: RangeVar | undefined, ifNotExists?: boolean): Effect {
  const isElsewhere =
    relation?.relpersistence === 't' || ![undefined, 'public'].includes(relation?.schemaname);
  if (isElsewhere) return harmless;
  return {
    table: nameOf(relation),
    takes: 'a moment',
    makes: true,
    ...(ifNotExists && { unlessThere: true as const }),
  };
}

const optionOf = (node: Node) => (node as { DefElem?: { defname?: string } }).DefElem?.defname ?? '';

/** Settings of a session that are of no concern to others. */
const SETTINGS = [
  'statement_timeout',
  'work_mem',
  'maintenance_work_mem',
  'max_parallel_maintenance_workers',
  'client_min_messages',
];

const ruleOfRows: Partial<Effect> = {
  breaks: 'rows are taken from whoever reads or writes them now',
  instead: 'npm run users, which knows what each version has to reach',
};

const ofAllTables: Partial<Effect> = { breaks: 'it takes one table after the other from everybody' };

const replaced = (what: string): Effect => ({
  takes: 'a moment',
  breaks: `the version before is given another ${what} where there is one of that name`,
  instead: 'make it under a new name, or without OR REPLACE where there is none',
});

function create({
  relation,
  tableElts = [],
  constraints = [],
  inhRelations = [],
  partbound,
  if_not_exists,
}: CreateStmt): Effect[] {
  const own = makesTable(relation, if_not_exists);
  const all = [...tableElts, ...constraints].flatMap(constraintsIn);
  const referred = all.flatMap(({ contype, pktable }) =>
    contype === 'CONSTR_FOREIGN' && nameOf(pktable) !== own.table
      ? [{ table: nameOf(pktable), lock: 'SHARE ROW EXCLUSIVE' as const, takes: 'a moment' as const }]
      : [],
  );
  const parents = partbound
    ? inhRelations.map((one) => ({
        table: nameOf((one as { RangeVar: RangeVar }).RangeVar),
        lock: 'SHARE UPDATE EXCLUSIVE' as const,
        takes: 'a moment' as const,
      }))
    : [];
  return [own, ...referred, ...parents];
}

const constraintsIn = (node: Node): Constraint[] => {
  const { Constraint: alone, ColumnDef: column } = node as { Constraint?: Constraint; ColumnDef?: ColumnDef };
  return alone
    ? [alone]
    : (column?.constraints ?? []).map((one) => (one as { Constraint: Constraint }).Constraint);
};

function alter(table: string, { subtype, name, def }: AlterTableCmd): Effect[] {
  const moment = [exclusive(table)];
  const weak: Effect[] = [{ table, lock: 'SHARE UPDATE EXCLUSIVE', takes: 'a moment' }];
  switch (subtype) {
    case 'AT_AddColumn':
      return addColumn(table, (def as { ColumnDef: ColumnDef }).ColumnDef);
    case 'AT_AddConstraint':
      return addConstraint(table, (def as { Constraint: Constraint }).Constraint);
    case 'AT_DropColumn':
      return [
        exclusive(table, {
          breaks: `the version before reads or writes ${table}.${name}`,
          instead: 'drop it in the release after the one that has stopped using it',
        }),
      ];
    case 'AT_AlterColumnType':
      return [
        exclusive(table, {
          takes: 'writes every row',
          breaks: `the version before knows ${table}.${name} as another type`,
          instead:
            'add a column beside it, write both, copy, read the new one, and drop the old one a release later',
        }),
      ];
    case 'AT_SetNotNull':
      return [
        exclusive(table, {
          takes: 'reads every row',
          breaks: `the version before may write no ${table}.${name}`,
          instead:
            'let it be written by a release first; then CHECK (… IS NOT NULL) NOT VALID, VALIDATE, SET NOT NULL',
        }),
      ];
    case 'AT_DropConstraint':
      return /_(pkey|key)$/.test(name ?? '')
        ? [
            exclusive(table, {
              breaks: `the version before may name what ${name} is about in ON CONFLICT`,
              instead: 'add the other unique index, use it, and drop this one a release later',
            }),
          ]
        : moment;
    case 'AT_ValidateConstraint':
    case 'AT_AttachPartition':
      return [{ table, lock: 'SHARE UPDATE EXCLUSIVE', takes: 'reads every row' }];
    case 'AT_SetRelOptions':
    case 'AT_ResetRelOptions':
    case 'AT_SetStatistics':
    case 'AT_ClusterOn':
    case 'AT_DropCluster':
      return weak;
    case 'AT_ColumnDefault':
    case 'AT_DropNotNull':
    case 'AT_DropIdentity':
    case 'AT_SetOptions':
    case 'AT_ResetOptions':
    case 'AT_SetStorage':
    case 'AT_SetCompression':
    case 'AT_DisableRowSecurity':
    case 'AT_ReplicaIdentity':
    case 'AT_DetachPartition':
    case 'AT_AlterConstraint':
      return moment;
    case 'AT_EnableRowSecurity':
    case 'AT_ForceRowSecurity':
      return [
        exclusive(table, {
          breaks: 'a role without a policy sees no rows any more',
          instead: 'npm run users, which makes the policies first',
        }),
      ];
    case 'AT_SetLogged':
    case 'AT_SetUnLogged':
    case 'AT_SetTableSpace':
    case 'AT_SetAccessMethod':
      return [exclusive(table, { takes: 'writes every row' })];
    default:
      return [{ ...unknown(`ALTER TABLE (${subtype})`), table, lock: 'ACCESS EXCLUSIVE' }];
  }
}

function addColumn(table: string, { colname, typeName, constraints = [] }: ColumnDef): Effect[] {
  const all = constraints.map((one) => (one as { Constraint: Constraint }).Constraint);
  const find = (kind: Constraint['contype']) => all.find(({ contype }) => contype === kind);
  const byDefault = find('CONSTR_DEFAULT');
  const isSerial = /serial/.test((typeName?.names ?? []).map(textOf).join());
  const writes =
    isSerial ||
    find('CONSTR_GENERATED') ||
    find('CONSTR_IDENTITY') ||
    (byDefault && !isSteady(byDefault.raw_expr));
  const effects: Effect[] = [];
  if (writes)
    effects.push(
      exclusive(table, {
        takes: 'writes every row',
        instead: `add ${colname} without a default, set the default afterwards, and fill old rows in batches`,
      }),
    );
  if (find('CONSTR_NOTNULL') && !byDefault && !writes)
    effects.push(
      exclusive(table, {
        breaks: `the version before writes no ${table}.${colname}, and rows that are there have none`,
        instead: 'give it a default, or let it be null',
      }),
    );
  for (const one of all)
    if (
      one.contype &&
      ['CONSTR_UNIQUE', 'CONSTR_PRIMARY', 'CONSTR_CHECK', 'CONSTR_FOREIGN'].includes(one.contype)
    )
      effects.push(...addConstraint(table, one));
  return effects.length > 0 ? effects : [exclusive(table)];
}

/** Constants, and what is the same for the whole statement, are kept once beside the table; others are put into each row. */
function isSteady(expression: Node | undefined): boolean {
  const text = JSON.stringify(expression ?? {});
  const functions = [...text.matchAll(/"funcname":\[(.*?)\]/g)].map(([, names]) => names ?? '');
  const steady =
    /"sval":"(now|current_setting|jsonb?_build_object|transaction_timestamp|statement_timestamp)"\}\}$/;
  return functions.every((names) => steady.test(names));
}

function addConstraint(table: string, constraint: Constraint): Effect[] {
  const { contype, conname, skip_validation, indexname, pktable } = constraint;
  switch (contype) {
    case 'CONSTR_PRIMARY':
    case 'CONSTR_UNIQUE':
      return [
        indexname
          ? exclusive(table)
          : exclusive(table, {
              takes: 'reads every row',
              instead: 'CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX',
            }),
      ];
    case 'CONSTR_CHECK':
    case 'CONSTR_NOTNULL':
      return [
        skip_validation
          ? exclusive(table)
          : exclusive(table, {
              takes: 'reads every row',
              instead: `ADD CONSTRAINT ${conname ?? '…'} … NOT VALID, then VALIDATE CONSTRAINT`,
            }),
      ];
    case 'CONSTR_FOREIGN': {
      const one = {
        lock: 'SHARE ROW EXCLUSIVE' as const,
        takes: skip_validation ? ('a moment' as const) : ('reads every row' as const),
        ...(skip_validation ? {} : { instead: 'NOT VALID, then VALIDATE CONSTRAINT' }),
      };
      return [
        { table, ...one },
        { table: nameOf(pktable), ...one, takes: 'a moment' },
      ];
    }
    default:
      return [exclusive(table, { takes: 'reads every row' })];
  }
}

function drop({ removeType, objects = [], concurrent }: DropStmt): Effect[] {
  const names = objects.map((one) => {
    const list = (one as { List?: { items?: Node[] } }).List?.items;
    return textOf(list ? list.at(-1) : one);
  });
  const all = names.filter(Boolean).join(', ');
  if (removeType === 'OBJECT_INDEX')
    return names.map((name) => ({
      // Which table's it is, it does not say.
      index: name,
      ...(concurrent ? {} : { lock: 'ACCESS EXCLUSIVE' as const }),
      takes: 'a moment' as const,
      ...(name.endsWith('_key') && {
        breaks: `the version before may name what ${name} is about in ON CONFLICT`,
        instead: 'drop it in the release after the one that has stopped using it',
      }),
    }));
  if (removeType === 'OBJECT_TRIGGER' || removeType === 'OBJECT_POLICY' || removeType === 'OBJECT_RULE') {
    const [first] = objects;
    const items = (first as { List?: { items?: Node[] } } | undefined)?.List?.items ?? [];
    const all = textOf(items.at(-1));
    return [
      exclusive(textOf(items.at(-2)), {
        breaks: `the version before may count on ${all}`,
        instead: 'drop it in the release after the one that needs it no more',
      }),
    ];
  }
  if (removeType === 'OBJECT_STATISTIC_EXT') return [harmless];
  return [
    {
      ...(removeType === 'OBJECT_TABLE' && { table: all, lock: 'ACCESS EXCLUSIVE' as const }),
      takes: 'a moment',
      breaks: `the version before may use ${all}`,
      instead: 'drop it in the release after the one that has stopped using it',
    },
  ];
}
