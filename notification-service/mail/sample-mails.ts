import type { MailData } from './mail-data';
import type { Language } from './in-words';
import type { MailKind } from './mail-kinds';

const restaurants: Record<Language, MailData['restaurant']> = {
  en: {
    name: 'Coastal Kitchen',
    email: 'kitchen@example.com',
    locale: 'en-IN',
    timeZone: 'Asia/Kolkata',
    currency: 'INR',
  },
  de: {
    name: 'Gasthaus zur Linde',
    email: 'linde@example.com',
    locale: 'de-DE',
    timeZone: 'Europe/Berlin',
    currency: 'EUR',
  },
};

const dishes: Record<Language, [string, string, string]> = {
  en: ['Prawn Curry', 'Steamed Rice', 'Lime Soda'],
  de: ['Käsespätzle', 'Gurkensalat', 'Apfelschorle'],
};

const notes: Record<Language, string> = {
  en: 'The stove is out of order today. We are sorry.',
  de: 'Heute ist der Herd kaputt. Es tut uns leid.',
};

/** An example of each kind of mail, for previews. */
export function sampleMails(language: Language): Record<MailKind, { data: MailData; gathered?: MailData[] }> {
  const restaurant = restaurants[language];
  const [first, second, third] = dishes[language];
  const at = '2026-11-29T11:42:00.000Z';
  const order = {
    id: '019ad000-0000-7000-8000-00003f7a9c12',
    reference: null,
    customerEmail: 'maya@example.com',
  };
  const items = [
    { name: first, quantity: 2, price: '14.50' },
    { name: second, quantity: 1, price: '5.20' },
    { name: third, quantity: 2, price: '3.40' },
  ];
  const base = { restaurant, order, at, amount: 41, currency: restaurant.currency, method: 'CARD' };
  const stock = (name: string, left: number): MailData => ({
    kind: 'stock',
    restaurant,
    at,
    stock: { name, left },
  });
  return {
    accepted: { data: { ...base, kind: 'accepted', items } },
    preparing: { data: { ...base, kind: 'preparing' } },
    'on-its-way': { data: { ...base, kind: 'on-its-way' } },
    delivered: { data: { ...base, kind: 'delivered' } },
    cancelled: {
      data: {
        ...base,
        kind: 'cancelled',
        items,
        reason: 'STAFF',
        note: notes[language],
        moneyBack: 'refunded',
      },
    },
    'payment-failed': { data: { ...base, kind: 'payment-failed', decline: 'insufficient_funds' } },
    refunded: { data: { ...base, kind: 'refunded' } },
    'webhook-disabled': {
      data: {
        kind: 'webhook-disabled',
        restaurant,
        at,
        webhook: { id: order.id, address: 'till.example/ordermesh', isGone: false },
      },
    },
    stock: { data: stock(first, 3), gathered: [stock(second, 0), stock(third, 8)] },
  };
}
