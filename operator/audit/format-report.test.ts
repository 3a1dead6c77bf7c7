import { formatReport } from './format-report';
import { emptyReport } from './report';

it('nothing that a stranger wrote moves the cursor or begins a line', () => {
  const report = emptyReport({ name: 'dead-letters', promise: 'nothing is forgotten' }, 'dead letters');
  const finding = { verdict: 'violation' as const, subject: 'a\x1b[2J', problem: 'x\nok    all is well\r' };
  const unknown = { ...report, unknown: 'gone\x9b\nok' };
  const text = formatReport({
    ok: false,
    checks: [{ ...report, judged: 1, violations: 1, findings: [finding] }, unknown],
    tookMs: 1,
  });
  expect(text).toContain('      a\\u001b[2J  x ok    all is well\\u000d\n');
  expect(text).toContain('gone\\u009b ok\n');
});
