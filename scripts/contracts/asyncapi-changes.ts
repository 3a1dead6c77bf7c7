import { resolverOf, type Schema } from './schema';
import { schemaChanges } from './schema-changes';

interface Reference {
  $ref: string;
}
export interface AsyncApi {
  info: { version: string };
  channels: Record<
    string,
    {
      address: string;
      messages: Record<string, Reference>;
      bindings: { amqp: { exchange: { name: string } } };
    }
  >;
  operations: Record<string, { action: string; channel: Reference }>;
  components: { messages: Record<string, { contentType?: string; payload: Schema }> };
}

/** What breaks for consumers of the events as they were, or for events that were published then: one line each. */
export function asyncApiChanges(before: AsyncApi, after: AsyncApi): string[] {
  const [resolveWas, resolveIs] = [resolverOf(before), resolverOf(after)];
  return Object.entries(before.channels).flatMap(([type, was]) => {
    const is = after.channels[type];
    if (!is) return [`${type}: is removed`];
    const [from, to] = [messageOf(before, was), messageOf(after, is)];
    const exchange = was.bindings.amqp.exchange.name;
    return [
      ...(was.address === is.address ? [] : [`${type}: its routing key was ${was.address}`]),
      ...(exchange === is.bindings.amqp.exchange.name ? [] : [`${type}: its exchange was ${exchange}`]),
      ...(from.contentType === to.contentType ? [] : [`${type}: its content type was ${from.contentType}`]),
      ...(isSent(before, type) && !isSent(after, type) ? [`${type}: nobody publishes it any more`] : []),
      ...schemaChanges(
        { schema: from.payload, resolve: resolveWas },
        { schema: to.payload, resolve: resolveIs },
        'event',
        type,
      ),
    ];
  });
}

const messageOf = (document: AsyncApi, { messages }: AsyncApi['channels'][string]) => {
  const [message] = Object.values(messages);
  return resolverOf(document)(message?.$ref ?? '') as unknown as { contentType?: string; payload: Schema };
};

const isSent = ({ operations }: AsyncApi, type: string) =>
  Object.values(operations).some(
    ({ action, channel }) => action === 'send' && channel.$ref === `#/channels/${type}`,
  );
