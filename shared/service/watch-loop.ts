import { url as inspectorUrl } from 'node:inspector';
import { Worker } from 'node:worker_threads';

/** An event loop that stands still for so long does not go on by itself. */
const LIMIT_MS = 30_000;
const LOOK_EVERY_MS = 5_000;

// Plain JavaScript, for it is compiled for no thread but its own. It counts its own ticks, and no time: a process that was
// stopped (SIGSTOP) and goes on has stood still with both of its threads.
const WATCH = `
  const { workerData } = require('node:worker_threads');
  const { writeSync } = require('node:fs');
  const beats = new Int32Array(workerData.beats);
  let last = -1;
  let still = 0;
  setInterval(() => {
    const now = Atomics.load(beats, 0);
    still = now === last ? still + 1 : 0;
    last = now;
    if (still < workerData.mostStill) return;
    try {
      const line = { level: 'fatal', time: new Date().toISOString(), service: workerData.service, msg: workerData.message };
      writeSync(1, JSON.stringify(line) + '\\n');
    } catch {}
    process.kill(process.pid, 'SIGKILL');
  }, workerData.everyMs);
`;

/**
 * Ends the process when its event loop stands still: a loop without end, a regular expression that takes for ever. Then
 * nothing of it answers, so that whoever started it has to notice, and not everybody does: Compose starts a container
 * anew that has ended, and not one that is unhealthy. A thread beside it looks, and kills it; what it had in hand comes
 * again elsewhere.
 */
export function watchLoop(service: string, limitMs = LIMIT_MS, everyMs = LOOK_EVERY_MS): void {
  if (inspectorUrl()) return; // it may stand at a breakpoint
  const beats = new SharedArrayBuffer(4);
  const beat = new Int32Array(beats);
  const mostStill = Math.ceil(limitMs / everyMs) + 1; // its last beat may have been due just then
  const message = `the event loop has stood still for ${limitMs / 1_000} s: ending the process, to be started anew`;
  setInterval(() => Atomics.add(beat, 0, 1), everyMs).unref();
  const thread = new Worker(WATCH, {
    eval: true,
    execArgv: [],
    workerData: { beats, mostStill, everyMs, service, message },
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 },
  });
  thread.on('error', () => undefined); // without it, it is as it would be without the watch
  thread.unref();
}
