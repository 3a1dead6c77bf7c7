import { openOptOut, sealOptOut } from '../../shared/mail/opt-out-link';
import { startTestApi, type TestApi } from '../testing/test-api';

let api: TestApi;
let key: Uint8Array;
beforeAll(async () => {
  api = await startTestApi();
  ({ key } = await api.database.mailLinkKey.findUniqueOrThrow({ where: { id: 1 } }));
});
afterAll(() => api.stop());
beforeEach(() => api.database.$executeRaw`TRUNCATE mail_opt_outs`);

const path = (address = 'Maya@Example.com', kind = 'preparing') =>
  `//unsubscribe/${sealOptOut(key, { address, kind })}`;
const kept = async () =>
  (await api.database.mailOptOut.findMany()).map(({ address, kind }) => `${address} ${kind}`);

it('asks before it does anything, in a page that shows what others wrote and runs nothing', async () => {
  const page = await api.get(path('<script>alert(1)</script>@example.com'));
  expect(page).toMatchObject({
    status: 200,
    headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' },
  });
  expect(page.headers['content-security-policy']).toContain("default-src 'none'");
  expect(page.text).not.toContain('<script>');
  expect(page.text).toContain('that an order is being prepared');
  expect(await kept()).toEqual([]);
});

it('opts out once, of one kind or of all, and takes it back', async () => {
  const link = path();
  for (let n = 0; n < 2; n++) expect((await api.call('POST', link)).status).toBe(200);
  expect(await kept()).toEqual(['maya@example.com preparing']);
  await api.call('POST', `${link}/all`);
  expect((await kept()).toSorted()).toEqual(['maya@example.com *', 'maya@example.com preparing']);
  await api.call('POST', `${link}/undo`);
  expect(await kept()).toEqual([]);
});

it('answers 404 to a link that is not one of ours, and 405 to what it does not take', async () => {
  const link = path();
  const other = new Uint8Array(32).fill(7);
  const forged = `//unsubscribe/${sealOptOut(other, { address: 'maya@example.com', kind: 'preparing' })}`;
  for (const wrong of [
    forged,
    `${link.slice(0, -2)}xx`,
    '//unsubscribe/short',
    `//unsubscribe/${'a'.repeat(3_000)}`,
  ])
    for (const method of ['GET', 'POST']) expect((await api.call(method, wrong)).status).toBe(404);
  expect((await api.call('PUT', link)).status).toBe(405);
  expect((await api.call('GET', `${link}/all`)).status).toBe(405);
  expect(await kept()).toEqual([]);
});

it('a link tells nobody the address, is another each time, and is read only whole', () => {
  const about = { address: 'maya@example.com', kind: 'stock' };
  const [one, two] = [sealOptOut(key, about), sealOptOut(key, about)];
  expect(one).not.toBe(two);
  expect(Buffer.from(one, 'base64url').toString('latin1')).not.toContain('maya');
  expect(openOptOut(key, one)).toEqual(about);
  for (let at = 0; at < one.length - 1; at += 5)
    expect(
      openOptOut(key, `${one.slice(0, at)}${one[at] === 'A' ? 'B' : 'A'}${one.slice(at + 1)}`),
    ).toBeUndefined();
});
