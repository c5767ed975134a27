import test from 'ava';
import { EdgeError } from '../errors.js';
import type { PropertyDocument } from '../twin-document.js';
import type { Value } from '../twin.js';
import { TwinWait } from './twin-wait.js';

function document(more: Partial<PropertyDocument>): PropertyDocument {
  const about = { type: 'float', access: 'ReadWrite', reportCycleMs: 1000 } as const;
  return { name: 'setpoint', ...about, state: 'pending', ...more };
}

function reported(value: Value, version: string, reason?: string) {
  const quality = reason === undefined ? ('good' as const) : ('bad' as const);
  const fault = reason === undefined ? {} : { reason };
  return { reported: { value, quality, version, timestamp: '', desiredVersion: '0.0', ...fault } };
}

const wanted = (value: Value, version: string) => ({ desired: { value, version } });

function codeOf(wait: TwinWait, more: Partial<PropertyDocument>): string {
  try {
    return wait.isDone(document(more)) ? 'done' : 'waits';
  } catch (thrown) {
    return EdgeError.from(thrown).code;
  }
}

test('at the hub it is done when that very version is in sync, not before', (t) => {
  const wait = new TwinWait({ value: 42, version: '1.7' });
  t.is(codeOf(wait, { ...wanted(42, '1.6'), state: 'in-sync' }), 'waits');
  t.is(codeOf(wait, wanted(42, '1.7')), 'waits');
  t.is(wait.obstacle, 'it is pending');
  t.is(codeOf(wait, { ...wanted(42, '1.7'), state: 'in-sync' }), 'done');
  t.is(codeOf(wait, { ...wanted(42, '2.8'), state: 'in-sync' }), 'done', 'only a new number');
});

test('at the hub another value is a conflict, a refusal ends, and a silent device is waited for', (t) => {
  const wait = new TwinWait({ value: 42, version: '1.7' });
  t.is(codeOf(wait, { ...wanted(1, '1.6'), state: 'in-sync' }), 'waits');
  t.is(codeOf(wait, wanted(1, '1.8')), 'EDGE_CONFLICT');
  const failed = (reason: string) => ({ ...wanted(42, '1.7'), state: 'failed' as const, reason });
  t.is(codeOf(wait, failed('EDGE_DEVICE_TIMEOUT')), 'waits');
  t.is(wait.obstacle, 'EDGE_DEVICE_TIMEOUT');
  t.is(codeOf(wait, failed('EDGE_VALUE_DIFFERS')), 'EDGE_VALUE_DIFFERS');
  t.is(codeOf(wait, failed('whatever')), 'EDGE_DEVICE_REJECTED');
});

test('at the gateway it is done with a good report after the write, not with the one before', (t) => {
  const wait = new TwinWait({ value: 42, reportedBefore: '1.9' });
  t.is(codeOf(wait, { pendingLocal: 42, ...reported(42, '1.9') }), 'waits');
  t.is(codeOf(wait, { pendingLocal: 42, ...reported(40, '1.10') }), 'waits');
  t.is(wait.obstacle, 'the device holds 40');
  t.is(codeOf(wait, { pendingLocal: 42, ...reported(42, '1.11', 'EDGE_TIMEOUT') }), 'waits');
  t.is(codeOf(wait, { pendingLocal: 42, ...reported(42, '1.12') }), 'done');
});

test('at the gateway a value of the hub or of a later local write is a conflict', (t) => {
  const lost = new TwinWait({ value: 42, reportedBefore: '1.9' });
  t.is(codeOf(lost, { ...wanted(30, '1.4') }), 'waits', 'before the write was taken');
  t.is(codeOf(lost, { pendingLocal: 42, ...wanted(30, '1.4') }), 'waits');
  t.is(codeOf(lost, { ...wanted(42, '1.5') }), 'waits', 'accepted');
  t.is(codeOf(lost, { ...wanted(30, '1.6') }), 'EDGE_CONFLICT');
  const other = new TwinWait({ value: 42 });
  t.is(codeOf(other, { pendingLocal: 7, ...reported(42, '1.1') }), 'waits', 'of an earlier write');
  t.is(codeOf(other, { pendingLocal: 42 }), 'waits');
  t.is(codeOf(other, { pendingLocal: 7 }), 'EDGE_CONFLICT');
});
