/** Who may call: a customer for their own orders, the staff of named restaurants, or an admin. */
export const roles = ['customer', 'staff', 'admin'] as const;
export type Role = (typeof roles)[number];

/** Who calls, as far as they have shown it. */
export type Caller = {
  /** Kept with what they do: `key:<id of the key>` or `jwt:<subject>`; null where nobody has to say who they are. */
  id: string | null;
  /** May look, but change nothing. */
  readOnly: boolean;
} & (
  | { role: 'customer'; customerId: string }
  | { role: 'staff'; restaurants: readonly string[] }
  | { role: 'admin' }
);

/** Everybody, where no authentication is configured. */
export const anybody: Caller = { id: null, readOnly: false, role: 'admin' };
