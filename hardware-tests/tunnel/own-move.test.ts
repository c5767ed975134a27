import test from 'ava';
import { Workbench } from '#tunnel/coded/codec/workbench.js';
import { freightOf } from './session-trial.js';
import { SimulatedTunnel } from './simulated-session.js';

const bench = new Workbench();
const MOVED_AT = 6_000;
/** What a system takes to say that the old address is gone, and to give another. */
const NOTICED_MS = 20;

for (const roundTripMs of [100, 300])
  test(`another address of its own amid a stream down, RTT ${roundTripMs}: one round trip + 200 ms`, async (t) => {
    const link = { delayMs: roundTripMs / 2, rate: 250, queueBytes: 250 * roundTripMs };
    const s = new SimulatedTunnel({ seed: 1, up: link, down: link, bench });
    const { node, hub, dial } = await s.connect();
    const readAt: number[] = [];
    freightOf(node)?.onStream((stream) => {
      const readable = (): void => {
        while (stream.read() !== undefined) readAt.push(s.clock.now());
      };
      stream.listen({ readable, drained: () => undefined, failed: () => undefined });
    });
    const stream = freightOf(hub)?.openStream();
    const pour = (): void => {
      while (stream?.write(new Uint8Array(16_384)) === true);
    };
    stream?.listen({ readable: () => undefined, drained: pour, failed: () => undefined });
    pour();
    s.clock.setTimer('move', MOVED_AT - s.clock.now(), () => {
      s.network.move(dial.port, '10.9.9.9:7000');
      s.clock.setTimer('noticed', NOTICED_MS, () => node.connection.moved());
    });
    await s.run(MOVED_AT + 2_000);
    const times = readAt.filter((at) => at > MOVED_AT - 500);
    const pause = Math.max(...times.map((at, index) => at - (times[index - 1] ?? at)));
    t.log(`nothing of the stream for ${pause.toFixed(0)} ms`);
    t.true(times.length > 100);
    // The hub knows that what it sent lately went to nobody: no time-out has to say so.
    t.true(pause <= roundTripMs + 100, `${pause}`);
  });
