import { z } from 'zod';
import { eventCatalogue } from './catalogue';
import { eventData, eventTypes, type EventType } from './contracts';
import { EVENT_CONTENT_TYPE } from './envelope';
import { eventExamples } from './examples';

/** Who takes which events; types that are unknown here are left out. */
export interface Consumer {
  service: string;
  types: readonly string[];
}

/**
 * The AsyncAPI 3.0 document of all events (https://www.asyncapi.com/docs/reference/specification/v3.0.0): a channel for
 * each, which is its routing key on the exchange; who sends and who receives it as operations; its data from the schema
 * that validates it. It describes the whole mesh: an operation is tagged with the service whose it is.
 * @param exchange the topic exchange of the mesh
 */
export function asyncApiDocument(exchange: string, consumers: readonly Consumer[]) {
  const ofEach = <T>(make: (type: EventType) => T) =>
    Object.fromEntries(eventTypes.map((type) => [type, make(type)]));
  return {
    asyncapi: '3.0.0',
    id: 'urn:ordermesh:events',
    info: {
      title: 'Ordermesh events',
      version: '1',
      description:
        'CloudEvents 1.0 in JSON, on a RabbitMQ topic exchange whose routing key is the type. Delivery is at least once: an event is known by its `source` and `id`. A published version never changes its meaning; ignore members that you do not know. Amounts are decimal, times UTC.',
      license: { name: 'MIT' },
    },
    defaultContentType: EVENT_CONTENT_TYPE,
    servers: {
      rabbitmq: {
        host: '{host}',
        protocol: 'amqp',
        protocolVersion: '0.9.1',
        description: "The mesh's broker; `npm start` prints where it is.",
        variables: { host: { default: '127.0.0.1:5672', description: 'Host and port' } },
      },
    },
    channels: ofEach((type) => channel(type, exchange)),
    operations: Object.fromEntries([
      ...eventTypes.flatMap((type) =>
        eventCatalogue[type].by.map((service) => operation('send', service, type)),
      ),
      ...consumers.flatMap(({ service, types }) =>
        eventTypes.filter((type) => types.includes(type)).map((type) => operation('receive', service, type)),
      ),
    ]),
    components: { messages: ofEach(message), schemas: { CloudEvent: cloudEvent, ...ofEach(dataSchema) } },
  };
}

export type AsyncApiDocument = ReturnType<typeof asyncApiDocument>;

const channel = (type: EventType, exchange: string) => ({
  address: type,
  title: type,
  description: whenOf(type),
  messages: { event: { $ref: `#/components/messages/${type}` } },
  bindings: {
    amqp: {
      is: 'routingKey',
      exchange: { name: exchange, type: 'topic', durable: true, autoDelete: false },
      bindingVersion: '0.3.0',
    },
  },
});

/** A sentence of it. */
function whenOf(type: EventType): string {
  const { when } = eventCatalogue[type];
  return `${when.charAt(0).toUpperCase()}${when.slice(1)}.`;
}

const operation = (action: 'send' | 'receive', service: string, type: EventType) => {
  const amqp = action === 'send' ? { deliveryMode: 2, mandatory: true, timestamp: true } : { ack: true };
  const means =
    action === 'send'
      ? `${service} publishes it, by way of the outbox`
      : `${service} takes it from its queue`;
  return [
    `${service}.${action}.${type}`,
    {
      action,
      channel: { $ref: `#/channels/${type}` },
      summary: means,
      tags: [{ name: service }],
      messages: [{ $ref: `#/channels/${type}/messages/event` }],
      bindings: { amqp: { ...amqp, bindingVersion: '0.3.0' } },
    },
  ] as const;
};

const message = (type: EventType) => ({
  name: type,
  title: type,
  summary: whenOf(type),
  contentType: EVENT_CONTENT_TYPE,
  correlationId: {
    location: '$message.payload#/correlationid',
    description: 'The request that everything began with',
  },
  payload: {
    allOf: [
      { $ref: '#/components/schemas/CloudEvent' },
      {
        type: 'object',
        required: ['type', 'data'],
        properties: { type: { const: type }, data: { $ref: `#/components/schemas/${type}` } },
      },
    ],
  },
  bindings: { amqp: { messageType: type, bindingVersion: '0.3.0' } },
  examples: [{ name: 'published', payload: eventExamples[type] }],
});

/** As it is published: what a consumer is given before its transforms. */
function dataSchema(type: EventType) {
  const { $schema: _, ...schema } = z.toJSONSchema(eventData[type], { io: 'input', target: 'draft-7' });
  return schema;
}

const uuid = { type: 'string', format: 'uuid' };

/** The envelope as the mesh writes it. What it reads of foreign producers may be less: see the guide to events. */
const cloudEvent = {
  type: 'object',
  description:
    'CloudEvents 1.0, with the extensions `correlationid`, `causationid`, `traceparent` and `tracestate`',
  required: ['specversion', 'id', 'source', 'type', 'subject', 'time', 'datacontenttype', 'correlationid'],
  properties: {
    specversion: { const: '1.0' },
    id: { ...uuid, description: 'UUIDv7; unique within its `source`' },
    source: {
      type: 'string',
      format: 'uri-reference',
      description: 'The service that says it: `/order-api`',
    },
    type: { type: 'string', description: 'The routing key' },
    subject: { type: 'string', description: 'The id of the order or item that it is about' },
    time: { type: 'string', format: 'date-time' },
    datacontenttype: { const: 'application/json' },
    correlationid: {
      type: 'string',
      minLength: 1,
      description: 'The request that everything began with; the same through the whole chain',
    },
    causationid: { ...uuid, description: 'The id of the event that caused this one' },
    traceparent: { type: 'string', description: 'W3C Trace Context, of its making' },
    tracestate: { type: 'string', description: 'What other tracing systems want handed on' },
    data: { type: 'object' },
  },
};
