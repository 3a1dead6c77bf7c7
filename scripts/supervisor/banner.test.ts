import { banner, type Running } from './banner';

const running = (how: string, onTerminal: boolean): Running => ({
  apiUrl: 'http://127.0.0.1:8000',
  simulatorUrl: undefined,
  onTerminal,
  servers: {
    databaseUrl: 'postgresql://shop:pass%2Fword@db:5432/ordermesh?sslmode=require',
    rabbitmqUrl: 'amqp://shop:pass%2Fword@mq:5672/vhost',
    managementUrl: 'http://admin:pass%2Fword@mq:15672',
    how: { postgres: how, rabbitmq: how },
    stop: async () => undefined,
  } as unknown as Running['servers'],
});

test("on a terminal it has the logins of the servers that are the project's own", () => {
  const text = banner(running('private instance', true), []);
  expect(text).toContain('postgresql://shop:pass%2Fword@db:5432/ordermesh?sslmode=require');
  expect(text).toContain('user admin   password pass/word');
});

test.each([
  ['in a log', 'private instance', false],
  ['of servers that are given', 'given by DATABASE_URL', true],
])('no password is shown %s', (_, how, onTerminal) => {
  const text = banner(running(how, onTerminal), []);
  expect(text).not.toMatch(/pass(%2F|\/)word/);
  expect(text).toContain('postgresql://shop:…@db:5432/ordermesh?sslmode=require');
  expect(text).toContain('amqp://shop:…@mq:5672/vhost');
  expect(text).toContain('http://mq:15672   user admin   password …');
});
