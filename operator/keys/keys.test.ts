import { newId } from '../../shared/ids';
import { seedMenu } from '../../shared/testing/seed';
import { until } from '../../shared/testing/until';
import { startTestApi, type TestApi } from '../../order-api/testing/test-api';
import { UsageError } from '../command-line/usage-error';
import { readKeysArguments } from './arguments';
import { runKeys } from './run-keys';

const ID = '019a0000-0000-7000-8000-00000000000A';

describe('the arguments of npm run keys', () => {
  const read = (text: string) => readKeysArguments(text.split(' ').filter(Boolean));
  const wanted = { restaurantIds: [], readOnly: false };

  it('are read', () => {
    expect(read('create --role admin')).toEqual({ action: 'create', wanted: { ...wanted, role: 'admin' } });
    expect(
      read(`create --role staff --restaurant ${ID} --restaurant ${ID} --expires 90d --name till`),
    ).toEqual({
      action: 'create',
      wanted: {
        ...wanted,
        role: 'staff',
        restaurantIds: [ID.toLowerCase()],
        name: 'till',
        expiresInMs: 7_776_000_000,
      },
    });
    expect(read('create --role customer --customer c-1 --read-only')).toMatchObject({
      wanted: { role: 'customer', customerId: 'c-1', readOnly: true },
    });
    expect(read('list --all --json')).toEqual({ action: 'list', all: true, json: true });
    expect(read(`rotate ${ID}`)).toEqual({ action: 'rotate', id: ID.toLowerCase(), overlapMs: 86_400_000 });
    expect(read(`rotate ${ID} --overlap 0 --expires 1h`)).toMatchObject({
      overlapMs: 0,
      expiresInMs: 3_600_000,
    });
    const hex = ID.replaceAll('-', '').toLowerCase();
    for (const which of [ID, hex, `key:${ID}`, `om_live_${hex}`, `om_live_${hex}_${'aB3'.repeat(16)}x`])
      expect(read(`revoke ${which}`)).toEqual({ action: 'revoke', id: ID.toLowerCase() });
    expect(read('create --help')).toEqual({ action: 'help' });
  });

  it.each([
    ['', 'Say what to do: create, list, rotate, revoke.'],
    ['create', '--role says what the key may: customer, staff, admin.'],
    ['create --role root', '--role says'],
    ['create --role staff', 'Staff needs --restaurant'],
    ['create --role staff --restaurant 7', 'Staff needs --restaurant'],
    ['create --role customer', 'A customer needs --customer'],
    ['create --role customer --customer=', '--customer: must not be empty'],
    ['create --role admin --customer c', '--customer goes with --role customer.'],
    [`create --role admin --restaurant ${ID}`, '--restaurant goes with --role staff.'],
    ['create --role admin --expires soon', '--expires: "soon" is not a duration'],
    ['create admin', '"admin" is not understood'],
    ['create --role admin --overlap 1h', '--overlap goes with rotate, not with create.'],
    ['list --name x', '--name goes with create, not with list.'],
    ['rotate', 'rotate needs the id of a key'],
    ['revoke 7', 'revoke needs the id of a key'],
    ['list --everything', "Unknown option '--everything'"],
  ])('"%s" is a usage error', (text, message) => {
    expect(() => read(text)).toThrow(UsageError);
    expect(() => read(text)).toThrow(message);
  });
});

describe('npm run keys', () => {
  let api: TestApi;
  let restaurant: string;
  beforeAll(async () => {
    api = await startTestApi({ credentials: { keys: true } });
    restaurant = (await seedMenu(api.database, [])).restaurantId;
  });
  afterAll(() => api.stop());
  beforeEach(() => api.database.apiKey.deleteMany());

  /** Runs the command as a user would, and answers what it printed. */
  const keys = (...args: string[]) => keysShownBy(() => undefined, ...args);
  async function keysShownBy(show: () => Promise<void> | void, ...args: string[]) {
    const printed: string[] = [];
    const said: string[] = [];
    const code = await runKeys({
      args,
      databaseUrl: () => api.databaseUrl,
      user: () => 'asha',
      print: (text) => {
        printed.push(text);
        return show();
      },
      say: (text) => said.push(text),
    });
    return { code, text: printed.join('\n'), said: said.join('\n') };
  }
  const idIn = (text: string) => /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(text)![0];
  const statusWith = async (key: string) =>
    (await api.call('GET', '/restaurants', { headers: { authorization: `Bearer ${key}` } })).status;

  it('makes a key that works, prints it alone and once, and keeps nothing of it but a hash', async () => {
    const { code, text, said } = await keys('create', '--role', 'admin', '--name', 'back office');
    expect(code).toBe(0);
    expect(text).toMatch(/^om_live_\w+$/);
    expect(said).toContain('good until it is revoked. It is shown only now');
    expect(said).not.toContain(text);
    expect(await statusWith(text)).toBe(200);
    const rows = JSON.stringify(await api.database.apiKey.findMany());
    expect(rows).not.toContain(text.split('_')[3]);
    const { text: list } = await keys('list');
    expect(list).toMatch(
      new RegExp(`^KEY .*\\n${idIn(said)} +…${text.slice(-4)} +admin .*back office.*asha$`),
    );
    expect(list).not.toContain(text);
  });

  it.each(['ENOSPC', 'EPIPE'])('keeps nothing of a secret that could not be shown: %s', async (code) => {
    const error = Object.assign(new Error(`${code}: it cannot be written`), { code });
    const lost = (...args: string[]) => keysShownBy(() => Promise.reject(error), ...args);
    expect(await lost('create', '--role', 'admin')).toMatchObject({
      code: 1,
      said: `No key was made, because it could not be shown: ${code}: it cannot be written.`,
    });
    expect(await api.database.apiKey.count()).toBe(0);
    const { text, said } = await keys('create', '--role', 'admin');
    const id = idIn(said);
    const before = await api.database.apiKey.findFirst();
    expect(await lost('rotate', id, '--overlap', '0')).toMatchObject({
      code: 1,
      said: `The key ${id} has the secret that it had, because the new one could not be shown: ${code}: it cannot be written.`,
    });
    expect(await api.database.apiKey.findFirst()).toEqual(before);
    expect(await statusWith(text)).toBe(200);
  });

  it('makes keys for what there is only', async () => {
    const made = await keys('create', '--role', 'staff', '--restaurant', restaurant, '--expires', '90d');
    expect(made).toMatchObject({ code: 0, said: expect.stringMatching(/good until 20\d\d-/) });
    expect(await api.database.apiKey.findFirst()).toMatchObject({
      restaurantIds: [restaurant],
      createdBy: 'asha',
    });
    const unknown = newId();
    expect(await keys('create', '--role', 'staff', '--restaurant', unknown)).toMatchObject({
      code: 1,
      text: '',
      said: `There is no restaurant ${unknown}.`,
    });
    await keys('create', '--role', 'customer', '--customer', ' c  1 ', '--read-only');
    expect(await api.database.apiKey.findFirst({ where: { role: 'customer' } })).toMatchObject({
      customerId: 'c 1',
      readOnly: true,
    });
  });

  it('lists as JSON, and those at their end only when asked', async () => {
    const { said } = await keys('create', '--role', 'admin');
    const id = idIn(said);
    await keys('create', '--role', 'admin');
    await keys('revoke', id);
    const json = async (...more: string[]) =>
      (await keys('list', '--json', ...more)).text
        .split('\n')
        .map((line) => JSON.parse(line) as { id: string });
    expect((await json()).map((one) => one.id)).not.toContain(id);
    expect(await json('--all')).toMatchObject([{ id, role: 'admin', revoked_at: expect.any(String) }, {}]);
    expect(JSON.stringify(await json('--all'))).not.toContain('hash');
    await api.database.apiKey.deleteMany();
    expect((await keys('list')).text).toContain('There is no key.');
  });

  it('rotates: the id stays, and the secret before is good for the overlap', async () => {
    const { text: first, said } = await keys('create', '--role', 'admin');
    const id = idIn(said);
    const rotated = await keys('rotate', id, '--overlap', '1h');
    expect(rotated).toMatchObject({
      code: 0,
      said: expect.stringContaining(`The key ${id} with another secret`),
    });
    expect(await Promise.all([statusWith(first), statusWith(rotated.text)])).toEqual([200, 200]);
    expect((await keys('list')).text).toContain('the secret before until');
    const again = await keys('rotate', id, '--overlap', '0', '--expires', '90d');
    await until('only the last is good', async () => {
      const statuses = await Promise.all([first, rotated.text, again.text].map(statusWith));
      return statuses.join() === '401,401,200';
    });
    expect(await api.database.apiKey.count()).toBe(1);
  });

  it('brings nothing back that has ended', async () => {
    const { text, said } = await keys('create', '--role', 'admin');
    const id = idIn(said);
    await api.database.apiKey.update({ where: { id }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    expect(await keys('rotate', id)).toMatchObject({ code: 1, said: expect.stringContaining('has expired') });
    const renewed = await keys('rotate', id, '--expires', '1d');
    expect([await statusWith(renewed.text), await statusWith(text)]).toEqual([200, 401]);
    expect((await keys('revoke', id)).said).toContain('is revoked; within 5 seconds');
    expect((await keys('revoke', id)).said).toContain('was revoked before');
    await until('it is refused', async () => (await statusWith(renewed.text)) === 401);
    expect(await keys('rotate', id, '--expires', '1d')).toMatchObject({ code: 1, text: '' });
    for (const action of ['rotate', 'revoke'])
      expect(await keys(action, newId())).toMatchObject({
        code: 1,
        said: expect.stringContaining('There is no key'),
      });
  });

  it('rotated twice at once leaves one secret, and the one before it', async () => {
    const { said } = await keys('create', '--role', 'admin');
    const both = await Promise.all([keys('rotate', idIn(said)), keys('rotate', idIn(said))]);
    expect(await Promise.all(both.map(({ text }) => statusWith(text)))).toEqual([200, 200]);
  });
});
