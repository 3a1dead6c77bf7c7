import { duration } from '../service/config';

/**
 * `DRAFT_DEADLINE`: how long a DRAFT is kept after its last change. status-service cancels it then, and whoever says
 * when that will be reads it too: set it alike for both.
 */
export const draftDeadline = duration('1d');
