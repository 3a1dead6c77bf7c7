import type { Book, RequestRecord } from './book';
import { testTokens } from './cards';
import type { FaultRates } from './faults';
import type { Payment } from './payment';

const NEWEST = 50;
const MOST_DOUBLED = 50;
const MOST_REQUESTS = 50;

/** The simulator at a glance, for people. */
export function renderPage(book: Book, faults: FaultRates): string {
  const doubled = [...book.doubledOrders];
  const newest = book.newest(NEWEST);
  const shown = new Set(newest.map((payment) => payment.order_id));
  const others = doubled.filter((id) => !shown.has(id)).slice(-MOST_DOUBLED);
  const active = Object.entries(faults).filter(([, rate]) => rate > 0);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Payment simulator</title><style>${STYLE}</style></head><body>
<h1>Payment simulator</h1>
<p>${book.paymentCount} payments; no money moves here. ${
    doubled.length > 0
      ? `<strong class="bad">${doubled.length} orders were charged or refunded more than once.</strong>`
      : 'No order was charged or refunded more than once.'
  }${active.length > 0 ? ` Faults: ${escape(active.map(([name, rate]) => `${name} ${rate}`).join(', '))}.` : ''}</p>
${others.length > 0 ? `<h2 class="bad">More than once</h2>${others.map((id) => group(book, book.paymentsOf(id))).join('')}` : ''}
<h2>Newest payments</h2>
${newest.length > 0 ? newest.map((payment) => group(book, [payment])).join('') : '<p>None yet.</p>'}
<h2>Test tokens</h2>
<table>${testTokens.map(({ token, does }) => `<tr><td><code>${escape(token)}</code></td><td>${escape(does)}</td></tr>`).join('')}
<tr><td>any other</td><td>is declined: unknown_token</td></tr></table>
</body></html>
`;
}

const group = (book: Book, payments: Payment[]) => payments.map((payment) => section(book, payment)).join('');

function section(book: Book, payment: Payment): string {
  const requests = book
    .requestsOf(payment.order_id)
    .filter((request) => request.payment === payment.id || request.payment === null);
  const left = requests.length - MOST_REQUESTS;
  const bad = book.doubledOrders.has(payment.order_id);
  return `<section${bad ? ' class="double"' : ''}>
<h3>${escape(`${payment.amount} ${payment.currency}`)} <b>${escape(payment.status)}</b>${payment.decline_code ? ` (${escape(payment.decline_code)})` : ''}${bad ? ' <strong class="bad">more than once</strong>' : ''}</h3>
<p>order ${escape(payment.order_id)}<br>${escape(payment.id)}<br>
authorised ${escape(payment.authorized_amount)} (${payment.authorizations} times), captured ${escape(payment.captured_amount)} (${payment.captures}), refunded ${escape(payment.refunded_amount)} (${payment.refunds}), voided (${payment.voids})</p>
<table><tr><th>at</th><th>asked for</th><th>key</th><th>outcome</th><th>caller got</th></tr>
${requests.slice(-MOST_REQUESTS).map(row).join('')}</table>${left > 0 ? `<p>and ${left} before</p>` : ''}</section>`;
}

function row(request: RequestRecord): string {
  const { operation, token, amount, currency } = request;
  const cells = [
    request.at,
    [operation, token, amount, currency].filter(Boolean).join(' '),
    request.idempotency_key,
    [request.outcome, request.code, request.replayed ? '(replayed)' : ''].filter(Boolean).join(' '),
    request.answer === 'answered' ? `${request.status}` : request.answer,
  ];
  return `<tr>${cells.map((cell) => `<td>${escape(cell)}</td>`).join('')}</tr>\n`;
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escape = (text: string) => text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);

const STYLE = `body{font:14px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#222}
section{border:1px solid #ccc;border-radius:4px;margin:1rem 0;padding:0 1rem}h3{margin:.7rem 0 .3rem}p{margin:.3rem 0}
table{border-collapse:collapse;margin:.5rem 0}td,th{text-align:left;padding:.1rem .8rem .1rem 0;vertical-align:top}
td,code{font-family:ui-monospace,monospace;font-size:12px;overflow-wrap:anywhere}.bad{color:#b00020}
.double{border-color:#b00020;background:#fff0f1}`;
