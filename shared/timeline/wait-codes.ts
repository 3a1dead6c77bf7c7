/**
 * Why an order does not go on, for programs; the sentence beside it is for people. Listed by who can end it. Codes may
 * be added.
 */
export const waitCodes = {
  // Somebody has to do something, and until then nothing happens.
  dead_letter: 'a service has given the event up; it is in its dead-letter queue',
  discarded: 'a person has discarded the dead letter',
  crashing: 'the service has died several times with the event in hand',
  not_subscribed: 'no service takes the event, or it did not when the event was published',
  paused: 'somebody has paused the service, or the payment gateway, until it is resumed',
  payment_in_review: 'the gateway refused for good, or has another sum; an operator has to settle it',
  not_on_record: 'nothing on record tells why: its history is no longer kept, or was changed by hand',
  // Something is away or broken; it goes on by itself when that is over.
  relay_away: 'the event is not published: no outbox-publisher is at work, or none reaches RabbitMQ',
  publishing_refused: 'RabbitMQ refused the event, or had no queue for it; it is tried again',
  service_away: 'no instance of the service runs, or none reaches its queue',
  gateway_no_answer: 'the payment gateway gave no answer; it is asked again',
  missed: 'the event was published and never reached the service, which fetches it',
  retrying: 'the service failed to handle the event; it waits to be tried again',
  // People.
  approval: 'a draft is not approved yet',
  staff: 'nothing is missing: staff has to move it',
  // It is on its way.
  not_published: 'the event waits for its turn, or for the confirm of RabbitMQ',
  queued: "the event is in the service's queue or in its hands, behind others",
  gateway_not_asked: 'payment-service has not asked the gateway yet',
  gateway_asked: 'the payment gateway is being asked',
} as const;
export type WaitCode = keyof typeof waitCodes;

/** The most serious first: of several waits the first is what the order waits for. */
export const seriousness = Object.keys(waitCodes) as WaitCode[];

/** How an event stands with a consumer: handled, or why it is not. */
export const deliveryStates = [
  'handled',
  /** Older than what is remembered of who handled what. */
  'not_kept',
  'paused',
  'relay_away',
  'publishing_refused',
  'not_published',
  'queued',
  'service_away',
  'crashing',
  'retrying',
  'missed',
  'dead_letter',
  'discarded',
] as const satisfies readonly (WaitCode | 'handled' | 'not_kept')[];
export type DeliveryState = (typeof deliveryStates)[number];
