import test, { type ExecutionContext } from 'ava';
import { hasPymodbus, hasSocat, SerialPair } from './serial-pair.js';

/** A test on a serial line of its own, or a line that names what it lacks. */
export function onSerial(
  title: string,
  run: (t: ExecutionContext, pair: SerialPair) => Promise<void>,
  needs: { readonly pymodbus?: boolean } = {},
): void {
  const needsPymodbus = needs.pymodbus === true;
  test(title, async (t) => {
    if (!hasSocat || (needsPymodbus && !hasPymodbus)) {
      t.log(`skipped: needs socat${needsPymodbus ? ' and python3-pymodbus' : ''}`);
      t.pass();
      return;
    }
    t.timeout(90_000);
    const pair = await SerialPair.open();
    try {
      await run(t, pair);
    } finally {
      await pair.close();
    }
  });
}
