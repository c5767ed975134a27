import { connect } from 'node:net';
import { systemClock } from '#protocol/clock.js';
import { seededRandom } from '#protocol/random.js';

/** Most milliseconds between an echo and the next question: at any moment of a transaction. */
const PAUSE_MS = 4;

/** Asks a server on this machine for echoes and tells how many milliseconds each took. */
function main(port: number, count: number): void {
  const random = seededRandom(1);
  const eachMs: number[] = [];
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let askedAtMs = 0;
  const ask = (): void => {
    askedAtMs = systemClock.now();
    socket.write('?');
  };
  socket.on('connect', ask);
  socket.on('data', () => {
    eachMs.push(systemClock.now() - askedAtMs);
    if (eachMs.length < count) {
      systemClock.setTimer('ask', random.unit() * PAUSE_MS, ask);
      return;
    }
    socket.destroy();
    process.send?.(eachMs);
    process.disconnect();
  });
}

main(Number(process.argv[2]), Number(process.argv[3]));
