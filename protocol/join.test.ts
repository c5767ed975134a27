import test from 'ava';
import fc from 'fast-check';
import { decodeJoinToken, encodeJoinToken, JOIN_TOKEN_CHARS, type JoinToken } from './join.js';

const TOKEN: JoinToken = {
  hub: 'wss://hub.example:8443',
  pin: 'ab'.repeat(32),
  id: '0123456789abcdef',
  secret: '00112233445566778899aabbccddeeff',
  node: 'gateway-1.site',
};
const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
const encode = (value: unknown): string =>
  `edgetwin1.${Buffer.from(JSON.stringify(value)).toString('base64url')}`;

test('a token survives text, white space around it included', (t) => {
  const text = encodeJoinToken(TOKEN);
  t.regex(text, /^edgetwin1\.[A-Za-z0-9_-]+$/);
  t.deepEqual(decodeJoinToken(` \r\n${text}\r\n`), TOKEN);
});

test('every token survives text', (t) => {
  fc.assert(
    fc.property(
      fc.record({
        hub: fc.constantFrom('wss://hub', 'wss://[::1]:1', 'wss://10.0.0.1:65535'),
        pin: hex(64),
        id: hex(16),
        secret: hex(32),
        node: fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,61}[a-z0-9]$/),
      }),
      (token) => t.deepEqual(decodeJoinToken(encodeJoinToken(token)), token),
    ),
  );
});

test('whatever else is read as a token is EDGE_TOKEN and nothing worse', (t) => {
  const text = encodeJoinToken(TOKEN);
  const damaged = fc
    .tuple(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 3 }))
    .map(([at, other]) => text.slice(0, at) + other + text.slice(at + 1));
  const foreign = fc.oneof(
    fc.string(),
    fc.string().map((rest) => `edgetwin1.${rest}`),
    fc.jsonValue().map(encode),
    damaged,
  );
  fc.assert(
    fc.property(foreign, (input) => {
      try {
        const token = decodeJoinToken(input);
        t.deepEqual(decodeJoinToken(encodeJoinToken(token)), token);
      } catch (error) {
        t.like(error, { code: 'EDGE_TOKEN' });
      }
    }),
  );
});

for (const [what, input] of [
  ['an empty text', ''],
  ['another version', encodeJoinToken(TOKEN).replace('edgetwin1', 'edgetwin2')],
  ['half a token', encodeJoinToken(TOKEN).slice(0, 80)],
  ['a list', encode([])],
  ['null', encode(null)],
  ['a missing field', encode({ ...TOKEN, secret: undefined })],
  ['a number for a text', encode({ ...TOKEN, secret: 1 })],
  ['a short secret', encode({ ...TOKEN, secret: 'ab' })],
  ['a node with a path', encode({ ...TOKEN, node: '../etc' })],
  ['a node with a line break', encode({ ...TOKEN, node: 'gw\nx' })],
  ['a plain HTTP hub', encode({ ...TOKEN, hub: 'http://hub:1' })],
  ['a hub with credentials', encode({ ...TOKEN, hub: 'wss://a:b@hub:1' })],
  ['a hub with a path', encode({ ...TOKEN, hub: 'wss://hub:1/x' })],
  ['a hub with an impossible port', encode({ ...TOKEN, hub: 'wss://hub:99999' })],
  ['ten megabytes', `edgetwin1.${'A'.repeat(10_000_000)}`],
  ['white space without end', ' '.repeat(10_000_000)],
  ['deep nesting', `edgetwin1.${Buffer.from('['.repeat(700)).toString('base64url')}`],
] as const)
  test(`${what} is no token`, (t) => {
    t.throws(() => decodeJoinToken(input), { message: /^This is no join token/ });
  });

test('a token with inherited fields only is no token', (t) => {
  t.throws(() => decodeJoinToken(encode({ ['__proto__']: TOKEN })));
  t.true(encodeJoinToken({ ...TOKEN, hub: `wss://${'h'.repeat(253)}` }).length < JOIN_TOKEN_CHARS);
});
