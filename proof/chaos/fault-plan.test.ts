import fc from 'fast-check';
import { gatewayKinds, handKinds, outageKinds, smallKinds, type Fault, type PlanOptions } from './fault';
import { makePlan } from './fault-plan';

const consumers = ['inventory-service', 'status-service', 'notification-service', 'payment-service'];
const services = ['order-api', 'outbox-publisher', ...consumers];
const instances = Object.fromEntries(services.map((service) => [service, 2]));
const options = fc.record({
  seed: fc.integer({ min: 0, max: 0xffff_ffff }),
  minutes: fc.double({ min: 0.1, max: 8, noNaN: true }),
});
const given: PlanOptions = {
  seed: 1,
  minutes: 2,
  brutal: false,
  instances,
  consumers,
  gatewayCaller: 'payment-service',
  gateway: 'payment-simulator-1',
  retryLabels: ['1s', '2s'],
};
const plan = (more: Partial<PlanOptions>) => makePlan({ ...given, ...more });
const isOutage = ({ kind }: Fault) => (outageKinds as readonly string[]).includes(kind);
const isByHand = ({ kind }: Fault) => (handKinds as readonly string[]).includes(kind);
const end = ({ at, durationMs }: Fault) => at + durationMs;

describe('the plan of faults', () => {
  it('is the same for the same seed, and another for another', () => {
    fc.assert(fc.property(options, (more) => expect(plan(more)).toEqual(plan(more))));
    expect(plan({ seed: 1 })).not.toEqual(plan({ seed: 2 }));
  });

  it('is in order, and all is healed before the orders end', () => {
    fc.assert(
      fc.property(options, fc.boolean(), (given, brutal) => {
        const faults = plan({ ...given, brutal });
        expect(faults.map(({ at }) => at)).toEqual(faults.map(({ at }) => at).toSorted((a, b) => a - b));
        const outside = faults.filter((fault) => fault.at < 0 || end(fault) > given.minutes * 60_000);
        expect(outside).toEqual([]);
      }),
    );
  });

  it('never has two outages at once, and time to recover between them', () => {
    fc.assert(
      fc.property(options, (given) => {
        const outages = plan(given).filter(isOutage);
        for (const [index, outage] of outages.slice(1).entries())
          expect(outage.at - end(outages[index]!)).toBeGreaterThanOrEqual(8_000);
      }),
    );
  });

  it('never has two things wrong at the gateway at once, and no service cut off from a gateway it does not call', () => {
    fc.assert(
      fc.property(options, fc.boolean(), (more, brutal) => {
        const faults = plan({ ...more, brutal });
        const atGateway = faults.filter(({ kind }) => (gatewayKinds as readonly string[]).includes(kind));
        for (const [index, next] of atGateway.slice(1).entries())
          expect(next.at).toBeGreaterThan(end(atGateway[index]!));
        const links = faults.filter(({ target }) => target.endsWith(':gateway'));
        expect(links.filter(({ target }) => !target.startsWith('payment-service-'))).toEqual([]);
      }),
    );
  });

  it('has one fault by hand at a time, and each kind within two minutes', () => {
    fc.assert(
      fc.property(options, fc.boolean(), (more, brutal) => {
        const byHand = plan({ ...more, brutal }).filter(isByHand);
        for (const [index, next] of byHand.slice(1).entries())
          expect(next.at - end(byHand[index]!)).toBeGreaterThanOrEqual(1_000);
        if (more.minutes >= 2) expect(new Set(byHand.map(({ kind }) => kind))).toEqual(new Set(handKinds));
      }),
    );
  });

  it('by hand deletes no dead letters, and in some minutes uses every table, queue, server and sign', () => {
    const byHand = [1, 2, 3].flatMap((seed) => plan({ seed, minutes: 60 }).filter(isByHand));
    const of = (kind: string) => byHand.filter((fault) => fault.kind === kind).map(({ target }) => target);
    expect(of('queue-delete').filter((queue) => queue.endsWith('.dlq'))).toEqual([]);
    expect(of('queue-delete')).toEqual(expect.arrayContaining([...consumers, 'status-service.retry.2s']));
    expect(of('policy')).toEqual(expect.arrayContaining([...consumers, 'status-service.dlq']));
    expect(new Set(of('lock')).size).toBe(4);
    expect(of('clock')).toEqual(expect.arrayContaining(['order-api-1:-90s', 'outbox-publisher-2:+90s']));
    expect(of('rotate-password')).toEqual(
      expect.arrayContaining(['order-api:postgres', 'status-service:rabbitmq']),
    );
    expect(of('rotate-password')).not.toContain('order-api:rabbitmq');
    expect(of('revoke')).toEqual(
      expect.arrayContaining(['status-service:INSERT ON processed_events', 'order-api:INSERT ON orders']),
    );
  });

  it("stops the outbox's owner first, long enough for a standby, and some others for long now and then", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (seed) => {
        const stops = plan({ seed, minutes: 5 }).filter(({ kind }) => kind.endsWith('freeze'));
        expect(stops[0]).toMatchObject({ kind: 'relay-freeze', target: 'outbox-publisher' });
        for (const stop of stops)
          if (stop.kind === 'relay-freeze') expect(stop.durationMs).toBeGreaterThanOrEqual(18_000);
          else expect(stop.durationMs).toBeLessThanOrEqual(25_000);
      }),
    );
    const lasting = [1, 2, 3, 4].flatMap((seed) =>
      plan({ seed, minutes: 5 }).filter(({ kind }) => kind === 'freeze'),
    );
    expect(lasting.some(({ durationMs }) => durationMs > 20_000)).toBe(true);
  });

  it('stops no process and no link that is stopped already', () => {
    fc.assert(
      fc.property(options, (given) => {
        const stopping = plan(given).filter(({ kind }) => kind === 'freeze' || kind === 'blackhole');
        const twice = stopping.filter((one, index) =>
          stopping
            .slice(index + 1)
            .some((other) => one.kind === other.kind && one.target === other.target && other.at < end(one)),
        );
        expect(twice).toEqual([]);
      }),
    );
  });

  it('hits only what there is', () => {
    const processes = services.flatMap((name) => [`${name}-1`, `${name}-2`]);
    const links = processes.flatMap((name) => [`${name}:postgres`, `${name}:rabbitmq`]);
    const known = new Set(['exchange', 'postgres', 'rabbitmq', ...consumers, ...processes, ...links]);
    known.add('outbox-publisher');
    for (const name of ['payment-simulator-1', 'payment-service-1:gateway', 'payment-service-2:gateway'])
      known.add(name);
    for (const name of ['order-api-1', 'order-api-2']) known.delete(`${name}:rabbitmq`); // it has no such link
    fc.assert(
      fc.property(options, (given) =>
        expect(plan(given).filter((fault) => !isByHand(fault) && !known.has(fault.target))).toEqual([]),
      ),
    );
  });

  it('of two minutes has each server stopped and killed, each service killed and stopped, each queue poisoned, and all of the gateway and by hand', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (seed) => {
        const faults = plan({ seed });
        const kinds = new Set(faults.map(({ kind }) => kind));
        const all = [
          ...outageKinds.slice(0, 4),
          'relay-freeze',
          ...smallKinds,
          ...gatewayKinds,
          ...handKinds,
        ] as const;
        for (const kind of all) expect(kinds).toContain(kind);
        const targets = (kind: string) =>
          faults.filter((fault) => fault.kind === kind).map(({ target }) => target.replace(/-\d$/, ''));
        expect(new Set(targets('kill'))).toEqual(new Set(services));
        expect(new Set(targets('poison'))).toEqual(new Set(consumers));
        expect(new Set(targets('freeze'))).toEqual(
          new Set(services.filter((service) => service !== 'outbox-publisher')),
        );
        for (const kind of ['cut', 'blackhole'])
          expect(targets(kind).map((target) => target.split(':')[1])).toEqual(
            expect.arrayContaining(['postgres', 'rabbitmq', 'gateway']),
          );
      }),
    );
  });

  it('takes several servers away at once when it is brutal', () => {
    const overlaps = (faults: Fault[]) =>
      faults
        .filter(isOutage)
        .some((one, index, all) => all.slice(index + 1).some((next) => next.at < end(one)));
    expect([1, 2, 3, 4, 5].some((seed) => overlaps(plan({ seed, minutes: 5, brutal: true })))).toBe(true);
  });
});
