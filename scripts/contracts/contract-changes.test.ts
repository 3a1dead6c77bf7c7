import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../servers/checkout';
import { asyncApiChanges, type AsyncApi } from './asyncapi-changes';
import { compareContracts, type Contract } from './compare-contracts';
import { openApiChanges, type OpenApi } from './openapi-changes';

// Mutations of the contracts of today: what breaks, and what does not.

// eslint-disable-next-line typescript/no-explicit-any -- documents are changed freely here
type Any = any;
const read = (name: string) =>
  JSON.parse(readFileSync(join(checkout, 'docs', 'contracts', `${name}.json`), 'utf8')) as Any;
const [openapi, asyncapi] = [read('openapi'), read('asyncapi')];

type Mutation = [name: string, mutate: (document: Any) => void, says?: string];
const changed = (document: Any, mutate: (document: Any) => void): Any => {
  const copy = structuredClone(document);
  mutate(copy);
  expect(copy).not.toEqual(document);
  return copy;
};

const place = (d: Any) => d.paths['/api/v1/orders'].post;
const placing = (d: Any) => place(d).requestBody.content['application/json'].schema;
const listing = (d: Any) => d.paths['/api/v1/orders'].get;
const order = (d: Any) => d.components.schemas.Order;
const parameter = (operation: Any, name: string) =>
  operation.parameters.find((one: Any) => one.name === name);
const without = (list: Any[], value: Any) => list.filter((one) => one !== value);

test.each([
  ['1', false],
  ['2', true],
])('what breaks is announced by another version: %s', (version, isAnnounced) => {
  const broken = changed(openapi, (d) => {
    delete d.paths['/api/v1/restaurants'];
    d.info.version = version;
  });
  expect(compareContracts('openapi', openapi as Contract, broken as Contract)).toEqual({
    changes: ['GET /api/v1/restaurants: is removed'],
    isAnnounced,
  });
  expect(() => compareContracts('proto', openapi as Contract, openapi as Contract)).toThrow('no comparison');
});

describe('OpenAPI: it breaks', () => {
  test.each<Mutation>([
    [
      'a path that is removed',
      (d) => delete d.paths['/api/v1/restaurants'],
      'GET /api/v1/restaurants: is removed',
    ],
    [
      'a method that is removed',
      (d) => delete d.paths['/api/v1/orders'].get,
      'GET /api/v1/orders: is removed',
    ],
    [
      'a status that is removed',
      (d) => delete place(d).responses[202],
      'POST /api/v1/orders 202: is removed',
    ],
    [
      'a header of an answer that is removed',
      (d) => delete d.paths['/api/v1/orders/{id}'].get.responses[200].headers.ETag,
      'GET /api/v1/orders/{id} 200 ETag: is removed',
    ],
    ['an operation by another name', (d) => (place(d).operationId = 'order'), 'operationId was placeOrder'],
    [
      'a member of an answer that is removed',
      (d) => delete order(d).properties.currency,
      '/currency: is removed',
    ],
    [
      'a member deep in an answer that is removed',
      (d) => delete order(d).properties.items.items.properties.sku,
      '/items[]/sku: is removed',
    ],
    [
      'a member of an answer that may be missing',
      (d) => (order(d).required = without(order(d).required, 'total_amount')),
      '/total_amount: to be without it is new',
    ],
    [
      'a member of an answer that may be null',
      (d) => (order(d).properties.currency.type = ['string', 'null']),
      '/currency: null is new',
    ],
    [
      'a member of an answer of another type',
      (d) => (order(d).properties.total_amount.type = 'string'),
      '/total_amount: string is new',
    ],
    [
      'an integer in an answer that becomes a number',
      (d) => (order(d).properties.version.type = 'number'),
      '/version: number is new',
    ],
    [
      'a closed list of values in an answer with one more',
      (d) => order(d).properties.status.enum.push('RETURNED'),
      '/status: "RETURNED" is new',
    ],
    [
      'a closed list of values in an answer that is opened',
      (d) => delete order(d).properties.status.enum,
      '/status: another value than',
    ],
    [
      'a closed list that is reached through several references',
      (d) => d.components.schemas.OrderMoved.properties.status.enum.push('RETURNED'),
      'PATCH /api/v1/orders/{id}/status 200/status: "RETURNED" is new',
    ],
    [
      'a field that is required now',
      (d) => placing(d).required.push('email'),
      'body/email: to be without it',
    ],
    [
      'a new field that is required',
      (d) => {
        placing(d).properties.tip = { type: 'number' };
        placing(d).required.push('tip');
      },
      'body/tip: to be without it',
    ],
    [
      'a field that is removed',
      (d) => delete placing(d).properties.draft,
      'body/draft: is no longer allowed',
    ],
    [
      'a field of another type',
      (d) => (placing(d).properties.draft.type = 'string'),
      'body/draft: boolean is no longer allowed',
    ],
    [
      'a list of values in a request with one less',
      (d) => placing(d).properties.payment.properties.method.enum.pop(),
      '"CARD" is no longer allowed',
    ],
    [
      'a lower limit',
      (d) => (placing(d).properties.items.maxItems = 99),
      'body/items: what is beyond maxItems 99 is no longer allowed',
    ],
    [
      'a limit where there was none',
      (d) => (placing(d).properties.items.items.properties.quantity.multipleOf = 2),
      'another multipleOf than 2 is no longer allowed',
    ],
    [
      'a shorter text',
      (d) => (placing(d).properties.customer_id.maxLength = 10),
      'body/customer_id: what is beyond maxLength 10',
    ],
    [
      'a format where there was none',
      (d) => (placing(d).properties.customer_id.format = 'uuid'),
      'body/customer_id: another format than uuid',
    ],
    [
      'one of two shapes that is no longer taken',
      (d) => {
        const address = placing(d).properties.delivery_address;
        const key = address.anyOf ? 'anyOf' : 'oneOf';
        placing(d).properties.delivery_address = address[key][0];
      },
      'body/delivery_address: object is no longer allowed',
    ],
    [
      'a body that is required now',
      (d) => (d.paths['/api/v1/orders/{id}/cancel'].post.requestBody.required = true),
      'cancel body: is required now',
    ],
    [
      'a body of another media type',
      (d) => {
        place(d).requestBody.content = {
          'application/xml': place(d).requestBody.content['application/json'],
        };
      },
      'is no longer application/json',
    ],
    [
      'a parameter that is removed',
      (d) => (listing(d).parameters = listing(d).parameters.filter((one: Any) => one.name !== 'status')),
      'GET /api/v1/orders query status: is removed',
    ],
    [
      'a parameter that is required now',
      (d) => (parameter(listing(d), 'restaurant_id').required = true),
      'query restaurant_id: is required now',
    ],
    [
      'a parameter with a lower limit',
      (d) => (parameter(listing(d), 'limit').schema.maximum = 100),
      'query limit: what is beyond maximum 100',
    ],
    [
      'a parameter with another pattern',
      (d) => (parameter(listing(d), 'status').schema.pattern = '^PLACED$'),
      'query status: another pattern than ^PLACED$ is no longer allowed',
    ],
  ])('%s', (_, mutate, says = '') => {
    const changes = openApiChanges(openapi as OpenApi, changed(openapi, mutate) as OpenApi);
    expect(changes).not.toEqual([]);
    expect(changes.join('\n')).toContain(says);
  });
});

describe('OpenAPI: it does not break', () => {
  test.each<Mutation>([
    ['a new path', (d) => (d.paths['/api/v1/tips'] = d.paths['/api/v1/orders'])],
    ['a new status', (d) => (place(d).responses[200] = place(d).responses[202])],
    ['a problem that is no longer answered', (d) => delete place(d).responses[415]],
    ['a new member of an answer', (d) => (order(d).properties.tip = { type: 'number' })],
    [
      'a new member of an answer that is always there',
      (d) => {
        order(d).properties.tip = { type: 'number' };
        order(d).required.push('tip');
      },
    ],
    ['a member of an answer that is never null now', (d) => (order(d).properties.email.type = 'string')],
    ['a value less in an answer', (d) => order(d).properties.status.enum.pop()],
    [
      'a value more in an open list',
      (d) => order(d).properties.cancel_reason['x-extensible-enum'].push('FRAUD'),
    ],
    ['a new optional field', (d) => (placing(d).properties.tip = { type: 'number' })],
    ['a field that need not be there', (d) => placing(d).required.pop()],
    ['a value more in a request', (d) => placing(d).properties.payment.properties.method.enum.push('UPI')],
    ['a higher limit', (d) => (placing(d).properties.items.maxItems = 200)],
    ['a limit that is gone', (d) => delete placing(d).properties.customer_id.maxLength],
    [
      'a new optional parameter',
      (d) => listing(d).parameters.push({ name: 'reference', in: 'query', schema: { type: 'string' } }),
    ],
    ['another description', (d) => (place(d).description = 'Places it.')],
    [
      'a shape more that is taken',
      (d) => {
        const { customer_id } = placing(d).properties;
        placing(d).properties.customer_id = { anyOf: [customer_id, { type: 'integer' }] };
      },
    ],
    [
      'an answer by reference that stood in place',
      (d) => {
        d.components.schemas.Line = order(d).properties.items.items;
        order(d).properties.items.items = { $ref: '#/components/schemas/Line' };
      },
    ],
  ])('%s', (_, mutate) => {
    expect(openApiChanges(openapi as OpenApi, changed(openapi, mutate) as OpenApi)).toEqual([]);
  });
});

const placed = (d: Any) => d.components.schemas['order.placed.v1'];

describe('AsyncAPI: it breaks', () => {
  test.each<Mutation>([
    ['an event that is removed', (d) => delete d.channels['order.placed.v1'], 'order.placed.v1: is removed'],
    ['another routing key', (d) => (d.channels['order.placed.v1'].address = 'orders'), 'its routing key was'],
    [
      'another exchange',
      (d) => (d.channels['order.placed.v1'].bindings.amqp.exchange.name = 'events'),
      'its exchange was ordermesh.events',
    ],
    [
      'another content type',
      (d) => (d.components.messages['order.placed.v1'].contentType = 'application/json'),
      'its content type was',
    ],
    [
      'an event that nobody publishes any more',
      (d) => delete d.operations['order-api.send.order.placed.v1'],
      'nobody publishes it any more',
    ],
    [
      'a member that is removed',
      (d) => delete placed(d).properties.total_amount,
      '/data/total_amount: is removed',
    ],
    [
      'a member of a line that is removed',
      (d) => delete placed(d).properties.items.items.properties.name,
      '/data/items[]/name: is removed',
    ],
    [
      'a member that may be missing',
      (d) => (placed(d).required = without(placed(d).required, 'currency')),
      '/data/currency: to be without it is new',
    ],
    [
      'a new member that is required: messages of before have none',
      (d) => {
        placed(d).properties.tip = { type: 'number' };
        placed(d).required.push('tip');
      },
      '/data/tip: to be without it is no longer allowed',
    ],
    [
      'an optional member that is required now',
      (d) => placed(d).required.push('order_version'),
      '/data/order_version: to be without it is no longer allowed',
    ],
    [
      'another type',
      (d) => (placed(d).properties.total_amount.type = 'string'),
      '/data/total_amount: string is new',
    ],
    ['null', (d) => (placed(d).properties.currency.type = ['string', 'null']), '/data/currency: null is new'],
    [
      'an open list that is closed',
      (d) => (placed(d).properties.payment_method.enum = ['CASH', 'CARD']),
      'another value than "CASH", "CARD" is no longer allowed',
    ],
    [
      'a lower limit, which messages of before are beyond',
      (d) => (placed(d).properties.items.items.properties.quantity.maximum = 10),
      'beyond maximum 10 is no longer allowed',
    ],
    ['a higher limit', (d) => (placed(d).properties.items.minItems = 0), 'beyond minItems 1 is new'],
    [
      'another pattern',
      (d) => (placed(d).properties.items.items.properties.price.pattern = '^\\d+$'),
      'another pattern than',
    ],
    [
      'another value of what a type means',
      (d) => (d.components.schemas['order.status.preparing.v1'].properties.status.const = 'PACKING'),
      'order.status.preparing.v1/data/status: "PACKING" is new',
    ],
    [
      'an attribute of the envelope that may be missing',
      (d) => d.components.schemas.CloudEvent.required.pop(),
      '/correlationid: to be without it is new',
    ],
  ])('%s', (_, mutate, says = '') => {
    const changes = asyncApiChanges(asyncapi as AsyncApi, changed(asyncapi, mutate) as AsyncApi);
    expect(changes.join('\n')).toContain(says);
  });
});

describe('AsyncAPI: it does not break', () => {
  test.each<Mutation>([
    ['a new event', (d) => (d.channels['order.placed.v2'] = d.channels['order.placed.v1'])],
    ['a new optional member', (d) => (placed(d).properties.tip = { type: 'number' })],
    [
      'a value more in an open list',
      (d) => placed(d).properties.payment_method['x-extensible-enum'].push('UPI'),
    ],
    [
      'another consumer',
      (d) => {
        d.operations['loyalty-service.receive.order.placed.v1'] =
          d.operations['inventory-service.receive.order.placed.v1'];
      },
    ],
    ['a consumer less', (d) => delete d.operations['inventory-service.receive.order.placed.v1']],
    ['another description', (d) => (d.channels['order.placed.v1'].description = 'Placed.')],
    ['another example', (d) => (d.components.messages['order.placed.v1'].examples = [])],
  ])('%s', (_, mutate) => {
    expect(asyncApiChanges(asyncapi as AsyncApi, changed(asyncapi, mutate) as AsyncApi)).toEqual([]);
  });
});
