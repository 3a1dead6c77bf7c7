/** Tells the process that started Jest, if it listens, that the last test has ended: see run-tests.ts. */
module.exports = class RunCompleteReporter {
  onRunComplete() {
    if (!process.send) return;
    process.send('complete');
    process.disconnect(); // an open channel would itself keep Jest from ending
  }
};
