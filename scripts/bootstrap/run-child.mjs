import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { inRoot } from './root.mjs';

/**
 * Runs a program in the checkout and resolves with its exit code. Its output goes
 * to stderr: stdout belongs to the command that was asked for. A signal that ends
 * this process is passed on first, so that no half-done install runs on alone.
 */
export async function runChild(program, args, { env = process.env, stdout = process.stdout } = {}) {
  const child = spawn(program, args, { cwd: inRoot(), env, stdio: ['inherit', stdout, 'inherit'] });
  let received;
  const forward = (signal) => {
    received = signal;
    child.kill(signal);
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
    for (const signal of signals) process.off(signal, forward);
  }
}

/** The same for a step of the preparation: a failure ends the command, with the step's name. */
export async function runStep(title, program, args, options) {
  const code = await runChild(program, args, { stdout: process.stderr, ...options });
  if (code !== 0) {
    throw Object.assign(new Error(`${title} failed (exit code ${code}); see above.`), {
      expected: true,
      exitCode: 1,
    });
  }
}

/** The JavaScript entry of an installed package, run by this very Node. */
export function nodeModule(...segments) {
  return inRoot('node_modules', ...segments);
}
