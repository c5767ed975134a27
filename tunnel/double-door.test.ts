import test from 'ava';
import { sleep, systemClock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import { codedTransport } from './coded/endpoint/client.js';
import { listenCoded } from './coded/endpoint/listener.js';
import { openBoth } from './double-door.js';
import { racingTransport } from './race.js';
import { TestAuthority } from './test-authority.js';
import type { Connection, NodeListener } from './transport.js';
import { websocketTransport } from './websocket/client.js';
import { listenWebsocket } from './websocket/listener.js';

const PORTS = { clock: systemClock, random: systemRandom, log: silentLog };

async function until(condition: () => boolean): Promise<void> {
  const giveUpAtMs = systemClock.now() + 120_000;
  while (!condition()) {
    if (systemClock.now() > giveUpAtMs)
      throw new EdgeError('EDGE_TIMEOUT', 'The condition never held.');
    await sleep(systemClock, 'until', 1);
  }
}

function open(authority: TestAuthority, port = 0): Promise<NodeListener> {
  const options = {
    ...PORTS,
    identity: authority.hub(),
    clientAuthorities: [authority.certificate],
    listen: { host: '127.0.0.1', port },
  };
  return openBoth(listenWebsocket(options), (same) =>
    listenCoded({ ...options, listen: { host: '127.0.0.1', port: same } }),
  );
}

test('one hub takes gateways over UDP and over TCP on one port, and cuts off both', async (t) => {
  const authority = new TestAuthority();
  const hub = await open(authority);
  const accepted: Connection[] = [];
  const messages: string[] = [];
  hub.onConnection((connection) => {
    accepted.push(connection);
    connection.onMessage((bytes) => {
      messages.push(`${connection.transport} ${connection.peer.name} ${bytes.length}`);
      connection.send(bytes, 'control');
    });
  });
  const url = `wss://${hub.address}`;
  const [first, second] = [codedTransport(PORTS), websocketTransport(PORTS)];
  const auto = racingTransport({ ...PORTS, first, second });
  const racer = await auto.connect({ url, identity: authority.node('racer') });
  const walker = await second.connect({ url, identity: authority.node('walker') });
  let echoes = 0;
  const reasons: string[] = [];
  for (const connection of [racer, walker]) {
    connection.onMessage(() => echoes++);
    connection.onClose(({ code }) => reasons.push(code));
    connection.send(new Uint8Array(30_000), 'twin');
  }
  await until(() => echoes === 2);
  t.deepEqual([...messages].sort(), ['coded racer 30000', 'websocket walker 30000']);
  t.is(typeof racer.stats().rttMs, 'number');
  t.is(typeof racer.stats().loss, 'number');
  t.is(
    hub.closePeers(({ name }) => name !== 'nobody', 'unauthorized', 'revoked'),
    2,
  );
  await until(() => reasons.length === 2);
  t.deepEqual(reasons, ['unauthorized', 'unauthorized']);
  await hub.close();
});

test('a hub whose UDP port is taken does not open at all', async (t) => {
  const authority = new TestAuthority();
  const first = await open(authority);
  const port = Number(first.address.split(':')[1]);
  const tcpElsewhere = listenWebsocket({
    ...PORTS,
    identity: authority.hub(),
    clientAuthorities: [],
    listen: { host: '127.0.0.1', port: 0 },
  });
  const refused = openBoth(tcpElsewhere, () =>
    listenCoded({
      ...PORTS,
      identity: authority.hub(),
      clientAuthorities: [],
      listen: { host: '127.0.0.1', port },
    }),
  );
  await t.throwsAsync(refused, { code: 'EDGE_CONNECTION' });
  await first.close();
});
