import { constants, openSync, writeSync } from 'node:fs';
import type { ConnectOpts, SocketConstructorOpts } from 'node:net';
import { ReadStream } from 'node:tty';
import { systemClock } from '#protocol/clock.js';
import { frameRtu } from '#mappers/modbus/adu.js';
import { encodeRequest } from '#mappers/modbus/frame.js';
import type { Master } from './modbus-masters.js';

const FLAGS = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK;
/** Bytes of the reply to a read of one register. */
const REPLY = 7;

/**
 * What a read costs at least in this runtime: a timer, one write, and a read that is not looked at.
 * No checksum, no time-out, no queue: whatever a master does on top of it is more.
 */
export function bareTimer(port: string, delayMs: number): Master {
  const fd = openSync(port, FLAGS);
  const buffer = new Uint8Array(512);
  let heard = 0;
  let end = (): void => undefined;
  const callback = (length: number): boolean => {
    heard += length;
    if (heard >= REPLY) end();
    return true;
  };
  const options: SocketConstructorOpts & ConnectOpts = { onread: { buffer, callback } };
  const stream = new ReadStream(fd, options);
  stream.resume();
  const frame = Buffer.from(
    frameRtu(7, encodeRequest({ op: 'read', unit: 7, kind: 'holding', offset: 3, count: 1 })),
  );
  const send = (): void => {
    heard = 0;
    writeSync(fd, frame);
  };
  return {
    read: () =>
      new Promise((resolve) => {
        end = () => resolve(true);
        systemClock.setTimer('silence', delayMs, send);
      }),
    close: () => new Promise((resolve) => void stream.once('close', () => resolve()).destroy()),
  };
}
