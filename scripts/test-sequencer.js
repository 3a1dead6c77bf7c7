const Sequencer = require('@jest/test-sequencer').default;

// On a fresh clone Jest knows of no durations and goes by the size of files. These take long: begun late, one of them
// would run alone at the end while the other workers idle.
const LONG = [
  'tests/broker-faults',
  'operator/mesh/stalls.test',
  'shared/messaging/consumer-outages',
  'tests/payments',
  'tests/deadlines',
  'outbox-publisher/relay-broker-faults',
  'tests/moved-checkout',
  'order-api/main',
  'outbox-publisher/frozen-relay',
  'tests/faults',
];

module.exports = class extends Sequencer {
  sort(tests) {
    const rank = ({ path }) => {
      const at = LONG.findIndex((name) => path.includes(name));
      return at < 0 ? LONG.length : at;
    };
    return super.sort(tests).sort((a, b) => rank(a) - rank(b));
  }
};
