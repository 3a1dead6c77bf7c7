import { eventTypes } from '../../shared/events/contracts';
import { startTestApi, type TestApi } from '../testing/test-api';
import { problemNames, problemTypes } from './problem-types';

let api: TestApi;
beforeAll(async () => void (api = await startTestApi()));
afterAll(() => api.stop());

const asJson = { headers: { accept: 'application/json' } };

/** For the strictest content security policy: nothing from elsewhere, and nothing that runs or styles in the page. */
const isStrict = (html: string) =>
  expect(html).not.toMatch(/<script|<style|style=|\bon\w+=|(src|href)="(?!\/|#)/);

describe('a page for each problem type', () => {
  test.each(problemNames)('%s', async (name) => {
    const { title, status, meaning } = problemTypes[name];
    const page = await api.get(`//problems/${name}`);
    expect(page).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/html; charset=utf-8', vary: 'Accept' },
    });
    isStrict(page.text);
    expect(page.text).toContain(`urn:ordermesh:problem:${name}`);
    expect(page.text).toContain('What to do');
    const { body } = await api.call('GET', `//problems/${name}`, asJson);
    expect(body).toEqual({
      type: `urn:ordermesh:problem:${name}`,
      name,
      title,
      status,
      meaning,
      remedy: expect.stringMatching(/.+/),
      example: expect.objectContaining({
        type: `urn:ordermesh:problem:${name}`,
        status,
        help: `/problems/${name}`,
      }),
    });
  });

  test('all of them are listed', async () => {
    const { text } = await api.get('//problems');
    isStrict(text);
    for (const name of problemNames) expect(text).toContain(`href="/problems/${name}"`);
    const { body } = await api.call('GET', '//problems', asJson);
    expect(body.problems.map((one: { name: string }) => one.name)).toEqual(problemNames);
  });

  test('none of another name, and nothing of it is shown', async () => {
    for (const name of ['teapot', 'constructor', '__proto__', '%3Cscript%3E'])
      expect(await api.get(`//problems/${name}`)).toMatchObject({
        status: 404,
        body: { type: 'about:blank' },
      });
    expect((await api.call('POST', '//problems/overloaded')).status).toBe(405);
    expect((await api.call('HEAD', '//problems/overloaded')).status).toBe(200);
  });

  test('an answer leads there', async () => {
    const reply = await api.get('/orders?limit=0');
    expect(reply).toMatchObject({
      headers: { link: '</problems/invalid-parameters>; rel="help"' },
      body: { type: 'urn:ordermesh:problem:invalid-parameters', help: '/problems/invalid-parameters' },
    });
    expect((await api.get(`/${reply.body.help}`)).status).toBe(200);
    const plain = await api.get('//nowhere');
    expect(plain.body).not.toHaveProperty('help');
    expect(plain.headers).not.toHaveProperty('link');
  });
});

describe('the events', () => {
  test('are in AsyncAPI, with the consumers that are on record, also those that nobody here knows', async () => {
    await api.database.$executeRaw`DELETE FROM subscriptions`;
    await api.database.$executeRaw`
      INSERT INTO subscriptions (consumer, event_type, until) VALUES ('loyalty<b>', 'order.placed.v1', NULL),
        ('loyalty<b>', 'from.tomorrow.v1', NULL), ('gone-service', 'order.placed.v1', now())`;
    const { status, headers, body } = await api.get('//asyncapi.json');
    expect({ status, type: headers['content-type'] }).toEqual({
      status: 200,
      type: 'application/json; charset=utf-8',
    });
    expect(body.asyncapi).toBe('3.0.0');
    expect(Object.keys(body.channels as object)).toEqual(eventTypes);
    expect(Object.keys(body.operations as object).filter((id) => id.includes('.receive.'))).toEqual([
      'loyalty<b>.receive.order.placed.v1',
    ]);
    const page = await api.get('//docs/events');
    isStrict(page.text);
    expect(page.text).toContain('loyalty&lt;b&gt;');
  });

  test('are shown as a page, each with its members and an example', async () => {
    const { status, headers, text } = await api.get('//docs/events');
    expect({ status, type: headers['content-type'] }).toEqual({
      status: 200,
      type: 'text/html; charset=utf-8',
    });
    isStrict(text);
    for (const type of eventTypes) expect(text).toContain(`<h2 id="${type}">`);
    for (const shown of [
      '<code>items[].price</code>',
      '<code>order_version</code> (optional)',
      'order-api',
      '120.50',
    ])
      expect(text).toContain(shown);
    expect((await api.get('//docs/page.css')).headers['content-type']).toBe('text/css; charset=utf-8');
    for (const path of ['//docs/events', '//asyncapi.json'])
      expect((await api.call('POST', path)).status).toBe(405);
  });
});
