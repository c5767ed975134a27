import { setImmediate } from 'node:timers/promises';
import { connect, createServer, type Socket } from 'node:net';
import { ManualClock } from '#protocol/manual-clock.js';
import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import { compliance } from '../compliance.js';
import { websocketTransport } from './client.js';
import { WEBSOCKET_LIMITS } from './limits.js';
import { listenWebsocket } from './listener.js';

/** Milliseconds: none of these tests is about how long a busy machine takes to greet. */
const PATIENT = { handshakeMs: 60_000, headersMs: 60_000, requestMs: 60_000 };

compliance('websocket', async (identity, clientAuthorities) => {
  const clock = new ManualClock(systemClock.wallTime());
  const log = silentLog;
  const listen = { host: '127.0.0.1', port: 0 };
  const listener = await listenWebsocket({
    ...{ listen, identity, clientAuthorities, clock, log },
    limits: PATIENT,
  });
  const cable = await cableTo(Number(new URL(`wss://${listener.address}`).port));
  let isCut = false;
  return {
    transport: websocketTransport({ clock, random: seededRandom(1), log }),
    listener,
    url: `wss://127.0.0.1:${cable.port}`,
    messageBytes: WEBSOCKET_LIMITS.messageBytes,
    until: async (condition) => {
      const giveUpAtMs = systemClock.now() + 120_000;
      while (!condition()) {
        if (systemClock.now() > giveUpAtMs) throw new Error('the condition never held');
        // Time moves only to let the ends notice silence.
        if (isCut) clock.advance(100);
        await setImmediate();
      }
    },
    cut: () => {
      isCut = true;
      cable.cut();
    },
    stop: async () => {
      cable.cut();
      const stopped = listener.close();
      while ((await Promise.race([stopped, setImmediate('waiting')])) === 'waiting')
        clock.advance(1_000);
      await cable.close();
    },
  };
});

/** A TCP cable that can be cut: it then swallows everything and tells nobody. */
async function cableTo(
  target: number,
): Promise<{ port: number; cut(): void; close(): Promise<void> }> {
  const pairs: [Socket, Socket][] = [];
  let isCut = false;
  const server = createServer({ pauseOnConnect: true }, (near) => {
    const far = connect(target, '127.0.0.1');
    const hangUp = (): void => {
      if (isCut) return;
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) socket.on('error', () => undefined).on('close', hangUp);
    near.pipe(far);
    far.pipe(near);
    pairs.push([near, far]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    cut: () => {
      isCut = true;
      for (const [near, far] of pairs) {
        near.unpipe(far);
        far.unpipe(near);
      }
    },
    close: () => {
      for (const sockets of pairs) for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
