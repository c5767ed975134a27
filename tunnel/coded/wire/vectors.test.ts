import test from 'ava';
import { fuzzWire } from './fuzz.js';
import { decodeSymbol, encodeSymbol } from './bundle.js';
import { ByteWriter } from './byte-writer.js';
import { CARGO_VECTORS } from './cargo-vectors.js';
import { encodeCargo } from './cargo.js';
import { decodeFrames } from './frame-reader.js';
import { writeFrame } from './frame-writer.js';
import { decodePacket, writeHeader } from './packet-header.js';
import { WIRE_VECTORS } from './vectors.js';

for (const { name, hex, header, frames } of WIRE_VECTORS) {
  test(`vector: ${name}`, (t) => {
    const writer = new ByteWriter(1_472);
    writeHeader(writer, header);
    frames.forEach((frame, index) => writeFrame(writer, frame, index === frames.length - 1));
    t.is(Buffer.from(writer.written()).toString('hex'), hex);
    const packet = decodePacket(Uint8Array.from(Buffer.from(hex, 'hex')));
    t.deepEqual(packet.ok ? packet.value.header : packet.refusal, header);
    const decoded = packet.ok ? decodeFrames(packet.value.payload) : packet;
    t.deepEqual(decoded.ok ? decoded.value : decoded.refusal, frames);
  });
}

for (const { name, hex, cargos } of CARGO_VECTORS) {
  test(`vector: ${name}`, (t) => {
    t.is(Buffer.from(encodeSymbol(cargos.map(encodeCargo))).toString('hex'), hex);
    const decoded = decodeSymbol(Uint8Array.from(Buffer.from(hex, 'hex')));
    t.deepEqual(decoded.ok ? decoded.value : decoded.refusal, cargos);
  });
}

test('no mutated packet makes a parser throw', (t) => {
  const counts = fuzzWire(100_000, 1);
  t.true(counts.headers > 10_000 && counts.payloads > 10_000 && counts.cargos > 100);
});
