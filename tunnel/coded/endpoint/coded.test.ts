import { setImmediate } from 'node:timers/promises';
import { systemClock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { systemRandom } from '#protocol/random.js';
import { compliance } from '../../compliance.js';
import { codedTransport } from './client.js';
import type { DatagramPort } from './datagram-port.js';
import { ENDPOINT_LIMITS } from './limits.js';
import { listenCoded } from './listener.js';
import { bindUdp, connectUdp } from './udp-socket.js';

/** Time passes at most so fast, so that a machine that stands still is no silence. */
const STEP_MAX_MS = 5;
const STEP_OF_CUT_MS = 100;

compliance('coded', async (identity, clientAuthorities) => {
  const clock = new ManualClock(systemClock.wallTime());
  const ports: DatagramPort[] = [];
  let isCut = false;
  let movedAt = systemClock.now();
  const move = async (): Promise<void> => {
    await setImmediate();
    const now = systemClock.now();
    clock.advance(isCut ? STEP_OF_CUT_MS : Math.min(now - movedAt, STEP_MAX_MS));
    movedAt = now;
  };
  /** A cable that can be cut: it then swallows everything and tells nobody. */
  const cable = async (socket: Promise<DatagramPort>): Promise<DatagramPort> => {
    const port = await socket;
    ports.push(port);
    return {
      ...port,
      send: (datagram, to) => {
        if (!isCut) port.send(datagram, to);
      },
      onDatagram: (listener) =>
        port.onDatagram((datagram, from) => {
          if (!isCut) listener(datagram, from);
        }),
    };
  };
  const common = { clock, random: systemRandom, log: silentLog };
  const listener = await listenCoded({
    ...common,
    identity,
    clientAuthorities,
    listen: { host: '127.0.0.1', port: 0 },
    bind: (host, port) => cable(bindUdp(host, port)),
  });
  return {
    transport: codedTransport({ ...common, connectSocket: (hub) => cable(connectUdp(hub)) }),
    listener,
    url: `wss://${listener.address}`,
    messageBytes: ENDPOINT_LIMITS.messageBytes,
    until: async (condition) => {
      const giveUpAtMs = systemClock.now() + 120_000;
      while (!condition()) {
        if (systemClock.now() > giveUpAtMs)
          throw new EdgeError('EDGE_TIMEOUT', 'The condition never held.');
        await move();
      }
    },
    cut: () => (isCut = true),
    stop: async () => {
      const stopped = listener.close().then(() => 'stopped');
      while ((await Promise.race([stopped, setImmediate('waiting')])) === 'waiting') await move();
      await Promise.all(ports.map((port) => port.close()));
    },
  };
});
