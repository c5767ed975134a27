import { readdirSync, readlinkSync } from 'node:fs';
import { systemClock } from '#protocol/clock.js';
import { serialLink } from '#mappers/serial-port.js';
import { onSerial } from './on-serial.js';

const FORMAT = { baudRate: 9_600, dataBits: 8, stopBits: 1, parity: 'none' } as const;
const FDS = '/proc/self/fd';

/** Descriptors of this process that are terminals. */
function terminals(): number {
  return readdirSync(FDS).filter((fd) => {
    try {
      return readlinkSync(`${FDS}/${fd}`).startsWith('/dev/pts/');
    } catch {
      return false;
    }
  }).length;
}

// A descriptor left open would keep the adapter's name: put back, it would be called otherwise.
onSerial('a port that is closed is let go of whole, however often', async (t, pair) => {
  const before = terminals();
  for (let time = 0; time < 3; time += 1) {
    await new Promise<void>((resolve, reject) => {
      const link = serialLink(
        { port: pair.master, ...FORMAT },
        systemClock,
      )({
        opened: () => {
          t.true(terminals() > before);
          link.send(Uint8Array.of(1, 2, 3));
          link.close().then(resolve, reject);
        },
        received: () => undefined,
        closed: reject,
      });
    });
    t.is(terminals(), before);
  }
});
