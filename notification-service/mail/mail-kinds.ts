/**
 * What is told by mail. `sequence` is a step's place in an order's life: its mails go out in that order. One that has
 * `staleFrom` is not sent any more once a step from there on is known.
 */
export const mailKinds = {
  accepted: { sequence: 10, staleFrom: 40 },
  'payment-failed': { sequence: 20 },
  preparing: { sequence: 30, staleFrom: 40 },
  'on-its-way': { sequence: 40, staleFrom: 50 },
  delivered: { sequence: 50 },
  cancelled: { sequence: 60 },
  refunded: { sequence: 70 },
  stock: {},
  'webhook-disabled': {},
} as const satisfies Record<string, MailKindRules>;

interface MailKindRules {
  sequence?: number;
  staleFrom?: number;
}

export type MailKind = keyof typeof mailKinds;

export const isMailKind = (text: string): text is MailKind => Object.hasOwn(mailKinds, text);
export const rulesOf = (kind: MailKind): MailKindRules => mailKinds[kind];
