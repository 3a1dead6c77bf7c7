// node .ci/request-load.mjs API_URL SECONDS CLIENTS [FAILURES [PAUSE_MS]]: requests one after the other from each client, over
// connections that are kept. Exits 1 when more fail than may: as a rule, what a killed replica can have been answering,
// one a client. SIGTERM ends it early.
import { Agent, request } from 'node:http';

const [, , apiUrl, seconds, clients, most = clients, pauseMs = '0'] = process.argv;
let deadline = Date.now() + Number(seconds) * 1_000;
process.on('SIGTERM', () => (deadline = 0));
const agent = new Agent({ keepAlive: true });
const failures = [];
let answered = 0;

const ask = (method, path, body) =>
  new Promise((resolve) => {
    const headers = body ? { 'content-type': 'application/json' } : {};
    const outgoing = request(`${apiUrl}${path}`, { agent, method, headers, timeout: 15_000 }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, text }));
      response.on('error', (error) => resolve({ text: error.message }));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 15 s')));
    outgoing.on('error', (error) => resolve({ text: error.message }));
    outgoing.end(body);
  });

const { text } = await ask('GET', '/api/v1/restaurants?limit=1');
const restaurant = JSON.parse(text).restaurants[0].restaurant_id;
const menu = JSON.parse((await ask('GET', `/api/v1/restaurants/${restaurant}/menu`)).text);
const items = [{ menu_item_id: menu.items[0].menu_item_id, quantity: 1 }];
const order = JSON.stringify({ restaurant_id: restaurant, items });
const draft = JSON.stringify({ restaurant_id: restaurant, items, draft: true });
const requests = [
  ['GET', `/api/v1/restaurants/${restaurant}/menu`],
  ['POST', '/api/v1/orders', draft],
  ['POST', '/api/v1/orders', order],
];

async function client() {
  for (let turn = 0; Date.now() < deadline; turn++) {
    const { status, text } = await ask(...requests[turn % requests.length]);
    if (status >= 200 && status < 300) answered++;
    else failures.push(`${new Date().toISOString()} ${status ?? 'no answer'}: ${text}`);
    await new Promise((resolve) => setTimeout(resolve, Number(pauseMs)));
  }
}

await Promise.all(Array.from({ length: Number(clients) }, client));
agent.destroy();
console.log(`${answered} requests were answered, ${failures.length} failed`);
failures.slice(0, 20).forEach((failure) => console.log(failure));
process.exitCode = answered === 0 || failures.length > Number(most) ? 1 : 0;
