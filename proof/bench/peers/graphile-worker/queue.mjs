import { runMigrations } from 'graphile-worker';
import { databaseUrl } from '../serve.mjs';

export const TASK = 'fulfil';

export const setUp = () => runMigrations({ connectionString: databaseUrl });
