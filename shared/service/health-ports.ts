/** Where a service answers `/healthz` and `/readyz` unless `HEALTH_PORT` says otherwise. */
export const healthPorts: Readonly<Record<string, number>> = {
  'outbox-publisher': 9101,
  'inventory-service': 9102,
  'status-service': 9103,
  'notification-service': 9104,
  'payment-service': 9105,
  'analytics-service': 9106,
  'payment-simulator': 9107,
};

/** The first port for services that the table does not know. */
export const FIRST_OTHER_HEALTH_PORT = 9108;
