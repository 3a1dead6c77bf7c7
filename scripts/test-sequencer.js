const Sequencer = require('@jest/test-sequencer').default;

// On a fresh clone Jest knows of no durations and goes by the size of files. These take long: begun late, one of them
// would run alone at the end while the other workers idle.
const LONG = [
  // npm test
  'examples/loyalty-service/journey',
  'tests/payments',
  'tests/monitoring',
  'http/fuzz',
  'tests/webhooks',
  'operator/audit/audit.test',
  'order-api/main',
  'scripts/migration-check',
  // npm run test:slow
  'tests/alerts',
  'tests/engines',
  'tests/broker-faults',
  'operator/mesh/stalls',
  'proof/histories',
  'outbox-publisher/relay-broker-faults',
  'shared/messaging/consumer-outages',
  'tests/logins',
  'tests/deadlines',
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
