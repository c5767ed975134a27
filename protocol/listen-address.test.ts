import test from 'ava';
import { isLoopback, isLoopbackHost, parseListenAddress } from './listen-address.js';

test('host and port are read, IPv6 in brackets', (t) => {
  t.deepEqual(parseListenAddress('127.0.0.1:7080'), { host: '127.0.0.1', port: 7080 });
  t.deepEqual(parseListenAddress('[::1]:0'), { host: '::1', port: 0 });
  t.deepEqual(parseListenAddress('hub.local:65535'), { host: 'hub.local', port: 65_535 });
});

for (const text of ['', '7080', ':7080', 'host', 'host:', 'host:65536', '::1:80', 'a b:1', 'h:1x'])
  test(`"${text}" is no address`, (t) => {
    t.throws(() => parseListenAddress(text), { code: 'EDGE_USAGE' });
  });

test('loopback is told from what others can reach', (t) => {
  for (const host of ['127.0.0.1', '127.8.9.1', '::1', 'localhost', '::ffff:127.0.0.1'])
    t.true(isLoopback(host), host);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.com', '1127.0.0.1'])
    t.false(isLoopback(host), host);
});

test('a Host header counts as loopback only with a name that cannot be rebound', (t) => {
  for (const header of ['127.0.0.1', '127.0.0.1:80', 'LOCALHOST:80', '[::1]:80', 'x.localhost'])
    t.true(isLoopbackHost(header), header);
  for (const header of [
    'evil.example',
    'evil.example:80',
    '127.0.0.1.evil.example',
    '',
    'localhost.evil',
  ])
    t.false(isLoopbackHost(header), header);
});
