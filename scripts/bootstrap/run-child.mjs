import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { inRoot } from './root.mjs';

/** A second wish to stop, or so long after the first, ends a child that does not. */
const GRACE_MS = 5_000;

/**
 * Runs a program in the checkout and resolves with its exit code. Its output goes
 * to stderr: stdout belongs to the command that was asked for. A signal that ends
 * this process is passed on first, so that no half-done install runs on alone; a child that does not end soon is killed.
 */
export async function runChild(program, args, { env = process.env, stdout = process.stdout } = {}) {
  const child = spawn(program, args, { cwd: inRoot(), env, stdio: ['inherit', stdout, 'inherit'] });
  let received;
  let timer;
  const forward = (signal) => {
    if (received) return child.kill('SIGKILL');
    received = signal;
    console.error('Stopping…');
    child.kill(signal);
    timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  try {
    const code = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (exitCode, signal) => resolve(exitCode ?? 128 + constants.signals[signal]));
    });
    if (received) process.exit(128 + constants.signals[received]);
    return code;
  } finally {
    clearTimeout(timer);
    for (const signal of signals) process.off(signal, forward);
  }
}

/** The same for a step of the preparation: a failure ends the command, with the step's name. */
export async function runStep(title, program, args, { hint = '', ...options } = {}) {
  const code = await runChild(program, args, { stdout: process.stderr, ...options }).catch((error) => {
    throw error.code === 'ENOENT'
      ? expected(
          `${title} needs ${program}, which is not on this machine. Install Node.js with npm: https://nodejs.org`,
        )
      : error;
  });
  if (code !== 0) throw expected(`${title} failed (exit code ${code}); see above. ${hint}`.trim());
}

/** A failure that the user can act on: printed as it is, without a stack. */
const expected = (message) => Object.assign(new Error(message), { expected: true, exitCode: 1 });

/** The JavaScript entry of an installed package, run by this very Node. */
export function nodeModule(...segments) {
  return inRoot('node_modules', ...segments);
}
