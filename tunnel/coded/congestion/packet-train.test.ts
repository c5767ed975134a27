import test from 'ava';
import type { ArrivedPacket } from './feedback.js';
import { PacketTrain } from './packet-train.js';

/** The `number`th packet: left at `sentAt`, arrived at `receivedAt`. */
function packet(number: number, sentAt: number, receivedAt: number | undefined): ArrivedPacket {
  return {
    number,
    sentAt,
    receivedAt,
    size: 1,
    sentTotal: number + 1,
    limited: true,
    queueMs: undefined,
  };
}

test('packets that left at once tell the rate by how far apart they arrive', (t) => {
  const train = new PacketTrain();
  for (let number = 0; number < 6; number++)
    train.take([packet(number, number * 0.1, 5_000 + number * 4)]);
  t.is(train.rate, undefined, 'too short to be believed');
  train.take([packet(6, 0.6, 5_024)]);
  t.is(train.rate, 0.25);
});

test('lost packets between two that arrived count; paced ones make no train', (t) => {
  const lossy = new PacketTrain();
  lossy.take([0, 1, 4, 8].map((number) => packet(number, 0, 100 + number * 2)));
  t.is(lossy.rate, 0.5);
  const paced = new PacketTrain();
  paced.take(Array.from({ length: 20 }, (_, number) => packet(number, number * 5, number * 5)));
  t.is(paced.rate, undefined);
});

test('what a late event loop hands over at once makes no endless rate', (t) => {
  const train = new PacketTrain();
  train.take(Array.from({ length: 9 }, (_, number) => packet(number, 0, 70)));
  t.is(train.rate, 8 / 3);
});
