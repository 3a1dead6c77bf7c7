import { AnswerReader } from './answer-reader';

const accepted = 'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{"a"}';
const busy = 'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\ncontent-length: 0\r\n\r\n';

test('an answer in one piece, and the next one', () => {
  const reader = new AnswerReader();
  expect(reader.read(Buffer.from(accepted))).toEqual({ status: 202, retryAfter: false });
  expect(reader.read(Buffer.from(busy))).toEqual({ status: 503, retryAfter: true });
});

test('an answer that comes byte by byte', () => {
  const reader = new AnswerReader();
  const answers = accepted.split('').map((byte) => reader.read(Buffer.from(byte)));
  expect(answers.slice(0, -1).every((answer) => answer === undefined)).toBe(true);
  expect(answers.at(-1)).toEqual({ status: 202, retryAfter: false });
});

test('what it cannot find the end of, it refuses rather than counts', () => {
  expect(() =>
    new AnswerReader().read(Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')),
  ).toThrow('without a Content-Length');
});
