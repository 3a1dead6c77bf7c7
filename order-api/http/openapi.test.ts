import { isUuid } from '../../shared/ids';
import { routes } from '../routes';
import { problemNames, problemUrn } from './problem-types';
import { answerErrors, operations as documented, requestErrors } from '../testing/documented';
import { startTestApi, type AnyBody, type TestApi } from '../testing/test-api';

let api: TestApi;
let document: AnyBody;
beforeAll(async () => {
  api = await startTestApi();
  document = (await api.get('//openapi.json')).body;
});
afterAll(() => api.stop());

interface Operation {
  at: string;
  method: string;
  path: string;
  operation: AnyBody;
}

const operations = (): Operation[] =>
  Object.entries(document.paths as Record<string, Record<string, AnyBody>>).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ at: `${method} ${path}`, method, path, operation })),
  );

describe('the OpenAPI document', () => {
  it('has every route, and no other', () => {
    const served = routes.map(({ method, path }) => `${method} /api/v1${path}`);
    expect(
      operations()
        .map(({ at }) => at)
        .sort(),
    ).toEqual(served.sort());
  });

  it('has only operations that are served: none of them is 404 or 405 as a route', async () => {
    for (const { method, path, at } of operations()) {
      const { status, text } = await api.call(method.toUpperCase(), `/${path.replaceAll(/\{\w+\}/g, 'x')}`);
      expect(`${at}: ${status} ${text}`).not.toMatch(/: (404|405) /);
    }
  });

  // https://spec.openapis.org/oas/v3.1.0: what its schema asks for, and two rules that the schema cannot say.
  it('is OpenAPI 3.1 in structure', () => {
    expect(document).toMatchObject({
      openapi: expect.stringMatching(/^3\.1\.\d+$/),
      info: { title: expect.any(String), version: expect.any(String) },
    });
    const ids = operations().map(({ operation }) => operation.operationId as string);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { at, path, operation } of operations()) {
      const inPath = (operation.parameters ?? []).filter((one: AnyBody) => one.in === 'path');
      expect([at, inPath.map((one: AnyBody) => one.name)]).toEqual([
        at,
        [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]),
      ]);
      for (const one of operation.parameters ?? [])
        expect(one).toMatchObject({
          name: expect.any(String),
          in: expect.any(String),
          schema: expect.any(Object),
          required: one.in === 'path',
        });
      for (const [status, response] of Object.entries<AnyBody>(operation.responses)) {
        expect([at, status]).toEqual([at, expect.stringMatching(/^[2-5]\d\d$/)]);
        expect(response.description).not.toBe('');
        const [type, ...more] = Object.keys(response.content ?? {});
        expect([at, status, type, more]).toEqual([
          at,
          status,
          /^[23]04$/.test(status)
            ? undefined
            : Number(status) >= 400
              ? 'application/problem+json'
              : path.endsWith('/events')
                ? 'text/event-stream'
                : 'application/json',
          status === '200' && path.includes('/analytics/') ? ['text/csv'] : [],
        ]);
      }
    }
  });

  it('refers only to what it has', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
      (match) => match[1] ?? '',
    );
    expect(references.length).toBeGreaterThan(10);
    for (const reference of references)
      expect(document).toHaveProperty(reference.replace('#/', '').split('/'));
  });

  it('says what the validation says', () => {
    const { schema } = document.paths['/api/v1/orders'].post.requestBody.content['application/json'];
    expect(schema).toMatchObject({ additionalProperties: false, required: ['restaurant_id', 'items'] });
    expect(schema.properties.items).toMatchObject({
      minItems: 1,
      maxItems: 100,
      items: { required: ['quantity'], additionalProperties: false },
    });
    expect(schema.properties.items.items.properties.quantity).toMatchObject({
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
    });
    for (const optional of ['cancel', 'approve'])
      expect(document.paths[`/api/v1/orders/{id}/${optional}`].post.requestBody.required).toBe(false);
    expect(schema.properties.payment).toMatchObject({
      additionalProperties: false,
      required: ['method'],
      properties: {
        method: { enum: ['CASH', 'CARD'] },
        token: { type: 'string', maxLength: 255, writeOnly: true },
      },
    });
    expect(document.paths['/api/v1/orders/{id}/items'].put.responses).toMatchObject({
      200: { content: { 'application/json': expect.anything() } },
      409: { description: expect.stringContaining('DRAFT') },
    });
  });
});

describe('examples', () => {
  it('there is one of every request and answer, and it is what its schema says', () => {
    for (const { method, path, operation } of documented) {
      const json = operation.requestBody?.content['application/json'];
      if (json) expect([path, requestErrors(method, path, json.example)]).toEqual([path, undefined]);
      for (const [status, { content = {} }] of Object.entries(operation.responses))
        for (const [type, { example }] of Object.entries(content).filter(
          ([type]) => !/problem|csv/.test(type),
        )) {
          const errors = answerErrors(method, path, { status: Number(status), body: example });
          expect([method, path, status, type, example, errors]).toEqual([
            method,
            path,
            status,
            type,
            expect.anything(),
            undefined,
          ]);
        }
    }
  });

  it('there is one of every problem that a route may answer, by its type', () => {
    const types = new Set<string>();
    for (const { method, path, operation } of documented)
      for (const [status, { content = {} }] of Object.entries(operation.responses)) {
        const { schema, examples = {} } = (content['application/problem+json'] ?? {}) as AnyBody;
        if (Number(status) < 400) continue;
        expect(Object.keys(examples as object)).toEqual(
          schema.allOf[1].properties.type['x-extensible-enum']
            .map((urn: string) => urn.split(':').at(-1))
            .map((name: string) => (name === 'blank' ? 'about:blank' : name)),
        );
        for (const { $ref } of Object.values<AnyBody>(examples)) {
          const { value } = document.components.examples[$ref.split('/').at(-1)];
          types.add(value.type as string);
          const errors = answerErrors(method, path, { status: Number(status), body: value });
          expect([method, path, status, errors]).toEqual([method, path, status, undefined]);
        }
      }
    // None is in the registry that no route answers.
    expect([...types].filter((type) => type !== 'about:blank').sort()).toEqual(
      problemNames.map(problemUrn).sort(),
    );
  });
});

describe('values that may be added', () => {
  /** Every schema of a member of that name, wherever it is. */
  const membersCalled = (name: string, within: unknown): object[] =>
    typeof within !== 'object' || within === null
      ? []
      : Object.entries(within).flatMap(([key, value]: [string, unknown]) => [
          ...(key === 'properties' && Object.hasOwn(value as object, name)
            ? [(value as Record<string, object>)[name]!]
            : []),
          ...membersCalled(name, value),
        ]);

  it.each([
    ['payment_method', 'CARD'],
    ['cancel_reason', 'TIMEOUT'],
    ['actor', 'MESH'],
    ['rejection', 'BELOW_ZERO'],
  ])('are no enum in answers, and are said to be open: %s', async (name, value) => {
    const members = membersCalled(name, (await api.get('//openapi.json')).body);
    expect(members.length).toBeGreaterThan(0);
    for (const member of members) {
      expect(member).toMatchObject({
        description: expect.stringContaining('Values may be added'),
        examples: expect.arrayContaining([value]),
      });
      expect(JSON.stringify(member)).not.toContain('"enum"');
    }
  });
});

describe('beside the API', () => {
  it('serves /docs, with every asset from here', async () => {
    for (const page of ['//docs', '//docs/', '//docs/index.html']) {
      const { status, headers, text } = await api.get(page);
      expect({ status, type: headers['content-type'] }).toEqual({
        status: 200,
        type: 'text/html; charset=utf-8',
      });
      const assets = [...text.matchAll(/(?:src|href|url)(?:=|: )["']([^"']+)["']/g)].map(
        (match) => match[1] ?? '',
      );
      expect(assets).toEqual(
        expect.arrayContaining(['/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js', '/docs/start.js']),
      );
      for (const asset of assets) expect([asset, (await api.get(`/${asset}`)).status]).toEqual([asset, 200]);
      // A strict content security policy runs no script that stands in the page.
      expect(text).not.toMatch(/<script(?! src=)|<style|style=|https?:/);
    }
    expect((await api.get('//docs/start.js')).text).toContain("url: '/openapi.json'");
  });

  it('is healthy and ready', async () => {
    expect(await api.get('//healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await api.get('//readyz')).toMatchObject({
      status: 200,
      body: { ready: true, checks: { database: true } },
    });
  });

  it('says little of itself, and gives every answer its correlation id', async () => {
    const { headers } = await api.get('//healthz');
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(isUuid(headers['x-correlation-id'])).toBe(true);
  });
});
