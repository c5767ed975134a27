import test from 'ava';
import { EdgeError } from './errors.js';
import { jsonLog } from './log.js';
import { withoutSecrets } from './secrets.js';

const JOIN = 'edgetwin1.eyJodWIiOiJ3c3M6Ly9odWIifQ';
const OPERATOR = 'edgetwin-op-0123456789abcdef';
const PEM = '-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----';

test('secrets do not get into a log: by the name of a field, by their form, inside an error, deep', (t) => {
  const lines: string[] = [];
  const log = jsonLog(
    (line) => lines.push(line),
    () => 0,
  );
  log.warn('a', {
    token: 'abc',
    password: 'abc',
    newPassword: 'abc',
    headers: { authorization: 'abc' },
  });
  log.warn('b', { argv: ['join', '--token', JOIN], text: `used ${OPERATOR} twice`, pem: PEM });
  log.error('c', {
    error: new EdgeError('EDGE_TOKEN', `no ${JOIN}`, { cause: new TypeError(PEM) }),
  });
  log.child('d', { secret: 'abc' }).info('e', { stack: `at Bearer ${OPERATOR}\n` });
  const text = lines.join('');
  for (const secret of ['abc', 'eyJodWI', '0123456789abcdef', 'MC4CAQAw'])
    t.false(text.includes(secret), secret);
  t.is(text.match(/\[redacted\]/g)?.length, 11);
  t.true(text.includes('used [redacted] twice'));
});

test('a private key that was cut short is one too; what is no secret stays', (t) => {
  t.is(withoutSecrets('x', PEM.slice(0, 40)), '[redacted]');
  for (const text of ['a token was created', 'edgetwin 1.2.3', 'the PRIVATE KEY is missing'])
    t.is(withoutSecrets('message', text), text);
  t.is(withoutSecrets('keyId', 'abc'), 'abc');
});
