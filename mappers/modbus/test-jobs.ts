import { pair, type ModbusRequest } from './frame.js';
import type { BusJob, Priority } from './job.js';

/** A read of two holding registers. */
export function read(unit: number, offset: number): ModbusRequest {
  return { op: 'read', unit, kind: 'holding', offset, count: 2 };
}

export function job(id: number, request: ModbusRequest, priority: Priority = 'poll'): BusJob {
  return { id, request, priority, timeoutMs: 250 };
}

/** Function code and data of the reply to a read of these holding registers. */
export function registers(...words: number[]): Uint8Array {
  return Uint8Array.from([3, words.length * 2, ...words.flatMap(pair)]);
}
