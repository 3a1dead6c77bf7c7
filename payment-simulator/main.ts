import { z } from 'zod';
import { duration, logLevel, port, readConfig } from '../shared/service/config';
import { healthPorts } from '../shared/service/health-ports';
import { runService } from '../shared/service/run-service';
import { startSimulator } from './start-simulator';

const config = z.object({
  /** The one port: gateway, page and health. */
  HEALTH_PORT: port.default(healthPorts['payment-simulator'] ?? 0),
  HEALTH_HOST: z.string().default('127.0.0.1'),
  SIMULATOR_JOURNAL: z.string().optional(),
  SIMULATOR_SLOW: duration('2s'),
  SIMULATOR_HANG: duration('60s'),
  LOG_LEVEL: logLevel,
});

runService('payment-simulator', async (log) => {
  const settings = readConfig(config);
  const { stop } = await startSimulator({
    port: settings.HEALTH_PORT,
    host: settings.HEALTH_HOST,
    journal: settings.SIMULATOR_JOURNAL,
    slowMs: settings.SIMULATOR_SLOW,
    hangMs: settings.SIMULATOR_HANG,
    log,
  });
  return stop;
});
