import { parsed } from '../service/config';
import { DEFAULT_RETRY_DELAYS, parseRetryDelays } from './topology';

/** `RETRY_DELAYS`: the ladder of waits before each further attempt. Set it alike for set-up and services. */
export const retryDelays = parsed(parseRetryDelays).prefault(DEFAULT_RETRY_DELAYS);
