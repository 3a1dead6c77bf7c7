import type { Bench } from '../bench';
import { startProcess, type MeasuredProcess } from '../../testbed/measured-process';
import type { Scope } from '../../testbed/scope';
import type { FromGenerator, Job, Outcome } from './job';

export interface Moments {
  /** The measured time begins, ends. */
  began?: () => void;
  ended?: () => void;
}

/** The load generator's process, seen from the one that runs the bench. */
export class LoadGenerator {
  private constructor(
    readonly process: MeasuredProcess,
    private readonly scope: Scope,
  ) {}

  static start(bench: Bench, scope: Scope): LoadGenerator {
    return new LoadGenerator(
      startProcess(bench, scope, 'load generator', 'proof/bench/load/generator.js'),
      scope,
    );
  }

  /** One job at a time. */
  run(job: Job, { began, ended }: Moments = {}): Promise<Outcome> {
    const { child } = this.process;
    const done = new Promise<Outcome>((resolve, reject) => {
      const onMessage = (message: FromGenerator) => {
        if (message.kind === 'began') began?.();
        else if (message.kind === 'ended') ended?.();
        else {
          child.off('message', onMessage);
          if (message.kind === 'done') resolve(message.outcome);
          else reject(new Error(`the load generator: ${message.why}`));
        }
      };
      child.on('message', onMessage);
    });
    child.send(job);
    return this.scope.unlessBroken(done);
  }
}
