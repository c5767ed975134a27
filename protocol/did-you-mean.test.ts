import test from 'ava';
import { didYouMean } from './did-you-mean.js';

const KEYS = ['broker', 'dataDir', 'devices', 'node', 'hub', 'log'];

test('the nearest word is suggested: other capitals, a swap, a missing or a wrong letter', (t) => {
  t.is(didYouMean('brokr', KEYS), 'broker');
  t.is(didYouMean('DATADIR', KEYS), 'dataDir');
  t.is(didYouMean('deviecs', KEYS), 'devices');
  t.is(didYouMean('device', KEYS), 'devices');
  t.is(didYouMean('nod', KEYS), 'node');
  t.is(didYouMean('hbu', KEYS), 'hub');
});

test('nothing is suggested when nothing is near', (t) => {
  t.is(didYouMean('temperature', KEYS), undefined);
  t.is(didYouMean('', KEYS), undefined);
  t.is(didYouMean('x', []), undefined);
  t.is(didYouMean('a'.repeat(100_000), ['a'.repeat(100_001)]), undefined);
});
