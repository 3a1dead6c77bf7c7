import type { IncomingMessage } from 'node:http';
import { redactText } from '../../shared/service/redact';

const BYTES = 1_024;
/** The status is known; what comes later than that is of no interest. */
const LONGEST_MS = 2_000;

/** The first kilobyte of an answer, as text that can be stored. However the rest goes on, nobody waits for it. */
export async function readBeginning(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  await new Promise<void>((done) => {
    const timer = setTimeout(done, LONGEST_MS);
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= BYTES) done();
    });
    response.on('error', () => done()); // cut short: what is there is there
    response.once('close', () => {
      clearTimeout(timer);
      done();
    });
    response.once('end', done);
  });
  response.destroy();
  const text = Buffer.concat(chunks).subarray(0, BYTES).toString('utf8').replaceAll('\0', '\ufffd');
  return redactText(text); // it may quote what it was sent
}
