import { existsSync } from 'node:fs';
import path from 'node:path';
import { Eta } from 'eta';
import { Decimal } from '../../shared/money';
import { inWords, languageOf } from './in-words';
import type { MailData } from './mail-data';
import { isolated } from './plain-text';

export interface RenderedMail {
  /** BCP 47, of its text. */
  language: string;
  subject: string;
  text: string;
  html: string;
}

/** Beside the sources, and, where these are compiled to dist/, beside dist/. */
export const templatesFolder = ((): string => {
  const sought = [
    path.join(__dirname, '../templates'),
    path.join(__dirname, '../../../notification-service/templates'),
  ];
  const found = sought.find((folder) => existsSync(path.join(folder, 'layout.html.eta')));
  if (!found) throw new Error(`there are no mail templates in ${sought.join(' or ')}`);
  return found;
})();

const html = new Eta({ views: templatesFolder, cache: true, autoEscape: true });
/** Values are without line breaks and control characters already: nothing else means anything in plain text. */
const text = new Eta({ views: templatesFolder, cache: true, autoEscape: false });

export interface RenderOptions {
  /** Others that are told in the same mail. */
  gathered?: MailData[];
  /** Where its recipient can opt out of its kind. */
  optOutUrl?: string;
}

/**
 * Renders a mail in the restaurant's language. The text template begins with a line `Subject: …`.
 * @throws where a template is missing or broken
 */
export function renderMail(data: MailData, { gathered = [], optOutUrl }: RenderOptions = {}): RenderedMail {
  const language = languageOf(data.restaurant.locale);
  const values = {
    ...isolatedIn(data),
    ...inWords(data.restaurant),
    language,
    optOutUrl,
    number: data.order && isolated(data.order.reference || data.order.id.slice(-8).toUpperCase()),
    lineTotal: (line: { price: string; quantity: number }) => new Decimal(line.price).times(line.quantity),
    stocks: latestOf([data, ...gathered]),
  };
  const written = text.render(`/${language}/${data.kind}.txt.eta`, values);
  const [, subject = '', body = ''] = /^Subject: ([^\n]+)\n+([^]*)$/.exec(written) ?? [];
  const markup = html.render(`/${language}/${data.kind}.html.eta`, { ...values, subject });
  return { language, subject, text: body.replace(/\n{3,}/g, '\n\n').trim() + '\n', html: markup };
}

function isolatedIn(data: MailData): MailData {
  return {
    ...data,
    restaurant: { ...data.restaurant, name: isolated(data.restaurant.name) },
    items: data.items?.map((item) => ({ ...item, name: isolated(item.name) })),
    note: data.note && isolated(data.note),
  };
}

/** Of an item that was told of several times, what is left by the latest; sold out comes first. */
function latestOf(all: MailData[]): { name: string; left: number }[] {
  const latest = new Map<string, { name: string; left: number }>();
  for (const { stock } of all)
    if (stock) latest.set(stock.id ?? stock.name, { name: isolated(stock.name), left: stock.left });
  return [...latest.values()].sort((a, b) => a.left - b.left);
}
