import type { ConsumeMessage } from 'amqplib';

/** A message that somebody outside the mesh sends. */
export interface Publishing {
  /** Empty: the default exchange, whose keys are queues. */
  exchange: string;
  key: string;
  body: Buffer;
  properties: ConsumeMessage['properties'] | Record<string, unknown>;
}
