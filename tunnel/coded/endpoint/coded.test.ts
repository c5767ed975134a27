import { sleep, systemClock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import { compliance } from '../../compliance.js';
import { codedTransport } from './client.js';
import type { DatagramPort } from './datagram-port.js';
import { ENDPOINT_LIMITS } from './limits.js';
import { listenCoded } from './listener.js';
import { bindUdp, connectUdp } from './udp-socket.js';

compliance('coded', async (identity, clientAuthorities) => {
  let isCut = false;
  /** A cable that can be cut: it then swallows everything and tells nobody. */
  const cable = async (socket: Promise<DatagramPort>): Promise<DatagramPort> => {
    const port = await socket;
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
  const common = {
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    // Only the test of a cut link waits for silence; all of them run at once on a busy machine.
    limits: { keepAliveMs: 1_500, silenceMs: 4_000, resumeMs: 4_000, lingerMs: 10_000 },
  };
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
      const giveUpAtMs = systemClock.now() + 30_000;
      while (!condition()) {
        if (systemClock.now() > giveUpAtMs)
          throw new EdgeError('EDGE_TIMEOUT', 'The condition never held.');
        await sleep(systemClock, 'until', 1);
      }
    },
    cut: () => (isCut = true),
    stop: () => listener.close(),
  };
});
