import type { Duplex } from 'node:stream';
import type { Clock } from '#protocol/clock.js';
import type { Log } from '#protocol/log.js';
import { FORWARD_LIMITS } from './limits.js';
import { readAnswer, writeOpening, type Answer } from './opening.js';
import type { Target } from './target.js';

/** Why nothing was opened. `no-stream`: the node is away, or has no room; `lost`: no answer. */
export type ForwardRefusal = Exclude<Answer, 'open'> | 'no-stream' | 'lost';

export interface ForwardDial {
  readonly target: Target;
  /** A stream to the gateway, now; undefined: it is not connected, or too many are open. */
  readonly openStream: () => Duplex | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface DialEvents {
  readonly opened: (stream: Duplex) => void;
  /** Once, instead of `opened`. */
  readonly refused: (why: ForwardRefusal) => void;
}

/** Asks the gateway for the target. `isQuestion`: whether it may be reached, and no more. */
export function dial(
  { openStream, target, clock, log }: ForwardDial,
  { opened, refused }: DialEvents,
  isQuestion = false,
): Duplex | undefined {
  const stream = openStream();
  const fail = (why: ForwardRefusal): void => {
    log.warn('forward failed', { ...target, why });
    refused(why);
  };
  if (stream === undefined) {
    // Not within the caller's own constructor.
    clock.setTimer('forward refused', 0, () => fail('no-stream'));
    return undefined;
  }
  const { openMs } = FORWARD_LIMITS;
  const timer = clock.setTimer('forward dial', 2 * openMs, () => stream.destroy());
  const closed = (): void => {
    timer.cancel();
    fail('lost');
  };
  stream.on('error', () => undefined);
  stream.once('close', closed);
  stream.write(writeOpening(target, isQuestion));
  stream.once('data', (data: Uint8Array) => {
    timer.cancel();
    stream.off('close', closed);
    stream.pause();
    const answer = readAnswer(data[0]);
    if (answer !== 'open') {
      stream.destroy();
      fail(answer);
      return;
    }
    if (data.length > 1) stream.unshift(data.subarray(1));
    opened(stream);
  });
  return stream;
}

/** Whether the gateway lets the target be reached; nothing is reached. Undefined: it does. */
export function askForward(question: ForwardDial): Promise<ForwardRefusal | undefined> {
  return new Promise((resolve) => {
    const opened = (stream: Duplex): void => {
      stream.destroy();
      resolve(undefined);
    };
    dial(question, { opened, refused: resolve }, true);
  });
}
