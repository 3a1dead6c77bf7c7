import { setMaxListeners } from 'node:events';
import type { Database } from '../../shared/service/database';
import type { Logger } from '../../shared/service/logger';
import { openMoveFeed, type MoveFeed } from './move-feed';
import { openStreams, type OpenStreams, type StreamLimits } from './open-streams';

/** Live tracking: the streams of this process, and what feeds them. See docs/adr/0017-live-tracking.md. */
export interface Live {
  streams: OpenStreams;
  feed: MoveFeed;
  /** Aborted when the process stops: nobody is kept waiting then. */
  stopping: AbortSignal;
  /** Ends all streams at once. */
  stop(): Promise<void>;
}

export function openLive(database: Database, log: Logger, limits: StreamLimits): Live {
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal); // everybody who waits listens
  const streams = openStreams(log, limits);
  const feed = openMoveFeed(database, log, () => streams.endAll('begin anew'));
  return {
    streams,
    feed,
    stopping: stopping.signal,
    stop: async () => {
      stopping.abort();
      streams.stop();
      await feed.stop();
    },
  };
}
