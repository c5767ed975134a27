/** Counts packets at either end: `probe.js receive PORT`, `probe.js send HOST PORT COUNT BYTES`. */
import { createSocket } from 'node:dgram';

const HEADER_BYTES = 12;
const SENDER_PORT = 5_000;
const [mode = '', ...rest] = process.argv.slice(2);

/** Milliseconds of the clock that all processes share. */
function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

async function send(host: string, port: number, count: number, bytes: number): Promise<void> {
  const socket = createSocket('udp4');
  socket.bind(SENDER_PORT);
  for (let index = 0; index < count; index++) {
    const packet = Buffer.alloc(Math.max(bytes, HEADER_BYTES));
    packet.writeUInt32BE(index);
    packet.writeDoubleBE(monotonic(), 4);
    await new Promise((resolve) => socket.send(packet, port, host, resolve));
  }
  socket.close();
}

/** Prints `listening`, and when stdin ends [index, ms on the way, port] of each packet in order. */
function receive(port: number): void {
  const arrivals: [number, number, number][] = [];
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
  socket.on('message', (packet, { port }) => {
    arrivals.push([packet.readUInt32BE(), monotonic() - packet.readDoubleBE(4), port]);
  });
  socket.bind(port, () => process.stdout.write('listening\n'));
  process.stdin.resume().on('end', () => {
    process.stdout.write(`${JSON.stringify(arrivals)}\n`);
    socket.close();
  });
}

const [first = '', ...numbers] = rest;
if (mode === 'receive') receive(Number(first));
else await send(first, Number(numbers[0]), Number(numbers[1]), Number(numbers[2]));
