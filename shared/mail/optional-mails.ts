/**
 * The kinds of mail that their recipients may opt out of, and what they are called. What is about money or a
 * cancellation is sent to everybody.
 */
export const optionalMails = {
  accepted: 'that an order was received',
  preparing: 'that an order is being prepared',
  'on-its-way': 'that an order is on its way',
  delivered: 'that an order was delivered',
  stock: 'that stock is running low',
} as const;

export type OptionalMail = keyof typeof optionalMails;

/** Stands for all of them. */
export const EVERY_OPTIONAL_MAIL = '*';

export const isOptionalMail = (kind: string): kind is OptionalMail => Object.hasOwn(optionalMails, kind);
