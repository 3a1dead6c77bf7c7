import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import asyncApiSchema from '@asyncapi/specs/schemas/3.0.0.json';
import Ajv, { type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { problemNames, problemTypes } from '../order-api/http/problem-types';
import { eventCatalogue } from '../shared/events/catalogue';
import { eventTypes, type EventType } from '../shared/events/contracts';
import { eventExamples } from '../shared/events/examples';
import { goldenMessages } from '../shared/testing/golden';

// What the project promises to others: the committed copies of its contracts, and the guides that tell of them.

const root = resolve(__dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const run = (file: string, ...args: string[]) =>
  promisify(execFile)(process.execPath, [join(root, file), ...args], { timeout: 60_000 });
// eslint-disable-next-line typescript/no-explicit-any -- a document is read freely here
const asyncapi = JSON.parse(read('docs/contracts/asyncapi.json')) as any;

describe('the committed contracts', () => {
  it('are what the code has, and break nothing of the last release; if not: npm run contracts', async () => {
    await run('dist/scripts/contracts.js', '--check');
  });

  it.each(['docs/contracts/openapi.json', 'docs/contracts/released/openapi.json'])(
    '%s is OpenAPI 3.1 by its official schema',
    async (file) => {
      // By its command: it is an ES module, which Jest does not load.
      const validator = 'node_modules/@seriousme/openapi-schema-validator/bin/validate-api-cli.js';
      const { stdout } = await run(validator, join(root, file));
      expect(JSON.parse(stdout)).toMatchObject({ valid: true });
    },
  );

  it.each(['docs/contracts/asyncapi.json', 'docs/contracts/released/asyncapi.json'])(
    '%s is AsyncAPI 3.0 by its official schema',
    (file) => {
      const ajv = new Ajv({ strict: false, meta: false, validateSchema: false }); // it brings its own
      addFormats(ajv);
      const isValid = ajv.compile(asyncApiSchema);
      const document = JSON.parse(read(file)) as object;
      expect(isValid(document) ? [] : isValid.errors).toEqual([]);
      expect(isValid({ ...document, channels: { 'order.placed.v1': { adress: 'misspelt' } } })).toBe(false);
    },
  );
});

describe('AsyncAPI', () => {
  const ajv = new Ajv({ strict: false });
  addFormats(ajv);
  ajv.addSchema({ components: asyncapi.components }, 'asyncapi.json');
  const validate = new Map<EventType, ValidateFunction>(
    eventTypes.map((type) => [
      type,
      ajv.compile({ $ref: `asyncapi.json#/components/messages/${type}/payload` }),
    ]),
  );

  it.each(goldenMessages)('describes $name', ({ type, body }) => {
    const isValid = validate.get(type)!;
    expect(isValid(JSON.parse(body.toString())) ? [] : isValid.errors).toEqual([]);
    const { data, ...event } = JSON.parse(body.toString()) as { data: object };
    for (const member of asyncapi.components.schemas[type].required as string[]) {
      const { [member]: _, ...rest } = data as Record<string, unknown>;
      expect([member, isValid({ ...event, data: rest })]).toEqual([member, false]);
    }
  });

  it('has a golden message of the newest form as the example of every event', () => {
    for (const type of eventTypes) {
      const forms = goldenMessages.filter((golden) => golden.type === type);
      const newest =
        forms.find(({ name }) => name.endsWith('.versioned')) ?? forms.find(({ name }) => name === type);
      expect(eventExamples[type]).toEqual(JSON.parse(newest!.body.toString()));
      expect(asyncapi.components.messages[type].examples[0].payload).toEqual(eventExamples[type]);
    }
  });

  it('tells who consumes what, as the handlers have it', () => {
    const receives = Object.keys(asyncapi.operations as object).filter((id) => id.includes('.receive.'));
    expect(receives).toEqual(
      expect.arrayContaining([
        'inventory-service.receive.order.placed.v1',
        'payment-service.receive.order.placed.v1',
      ]),
    );
    expect(receives.length).toBeGreaterThan(15);
  });

  it('tells who publishes what, as the code has it', () => {
    // A service announces an event by its name; what is moved for several of them is in shared/lifecycle.
    const said = (folder: string) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
        .flatMap((file) => [...read(join(folder, file)).matchAll(/announce\(\s*[^']*?'([\w.]+\.v\d+)'/g)])
        .map(([, type = '']) => type);
    const moved = said('shared/lifecycle');
    expect(moved.length).toBe(4);
    const services = readdirSync(root).filter((folder) => /-service$|^order-api$/.test(folder));
    for (const service of services) {
      const catalogued = eventTypes.filter((type) => eventCatalogue[type].by.includes(service));
      expect([
        service,
        said(service)
          .filter((type) => !moved.includes(type))
          .sort(),
      ]).toEqual([service, catalogued.filter((type) => !moved.includes(type)).sort()]);
    }
    for (const type of moved)
      for (const service of eventCatalogue[type as EventType].by)
        expect(['order-api', 'status-service']).toContain(service);
  });

  it('is what the guide to events says: each event, who publishes it, and when', () => {
    const rows = [
      ...read('docs/guides/events.md').matchAll(/^\| `([\w.]+\.v\d+)` \| (.+) \| (.+) \|$/gm),
    ].map(([, type = '', by = '', when = '']) => [type, { by: by.split(', '), when }]);
    expect(Object.fromEntries(rows)).toEqual(eventCatalogue);
  });
});

test('the guide to the API has every problem type, with its status', () => {
  const rows = [...read('docs/guides/api.md').matchAll(/^\| \[?`([a-z-]+)`\S* \| (\d{3}) \|/gm)];
  expect(Object.fromEntries(rows.map(([, name = '', status]) => [name, Number(status)]))).toEqual(
    Object.fromEntries(problemNames.map((name) => [name, problemTypes[name].status])),
  );
});
