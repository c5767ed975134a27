import test from 'ava';
import type { Command } from '#protocol/sync-message-command.js';
import type { CommandRow } from '../metamanager/tables.js';
import { CommandMachine } from './command-machine.js';
import type { CommandEffect, CommandRows } from './command-machine.js';
import { COMMAND_LIMITS } from './limits.js';

const idOf = (n: number): string => n.toString(16).padStart(16, '0');

function command(n: number, ttlMs = 1000): Command {
  return {
    ...{ kind: 'command', epoch: 1, command: idOf(n), device: 'default/tap' },
    ...{ incarnation: { gen: 1, n: 1 }, method: 'open', args: {}, ttlMs, issuedMs: 0 },
  };
}

/** A machine whose storage is as fast as the test wants. */
class Rig {
  machine: CommandMachine;
  disk = new Map<string, CommandRow>();
  ran: string[] = [];
  waiting: { rows: CommandRows; once: boolean }[] = [];

  constructor(disk?: Map<string, CommandRow>) {
    if (disk !== undefined) this.disk = disk;
    this.machine = new CommandMachine(this.disk, 0);
    this.take(this.machine.start());
  }

  take(effects: readonly CommandEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'run') this.ran.push(effect.job.message.command);
      else if (effect.kind === 'commit') this.waiting.push(effect);
      else this.write(effect.rows);
    }
  }

  send(n: number, { now = 0, ttlMs = 1000 } = {}): void {
    this.take(this.machine.command(command(n, ttlMs), ttlMs, undefined, now));
  }

  sync(): void {
    for (const { rows } of this.waiting.splice(0)) {
      this.write(rows);
      this.take(this.machine.durable(rows));
    }
  }

  refuse(): void {
    for (const { rows } of this.waiting.splice(0)) this.take(this.machine.refused(rows));
  }

  end(n: number): void {
    this.take(this.machine.ended(idOf(n), { state: 'done', value: n }));
  }

  resack(n: number, now = 0): void {
    this.take(this.machine.resack({ kind: 'resack', epoch: 1, command: idOf(n) }, now));
  }

  said(now = 0): string[] {
    const said: string[] = [];
    for (let result; (result = this.machine.next(7, now)) !== undefined;)
      said.push(
        `${Number.parseInt(result.command, 16)} ${result.state} ${result.code ?? ''}`.trim(),
      );
    return said;
  }

  write(rows: CommandRows): void {
    for (const [id, row] of rows)
      if (row === null) this.disk.delete(id);
      else this.disk.set(id, row);
  }
}

test('accepted, synced, run, ended, synced, told: one sync before the effect and one after', (t) => {
  const rig = new Rig();
  rig.machine.open();
  rig.send(1);
  t.deepEqual(rig.ran, [], 'not before ACCEPTED is durable');
  rig.sync();
  t.deepEqual(rig.ran, [idOf(1)]);
  t.deepEqual(rig.said(), []);
  rig.end(1);
  t.deepEqual(rig.said(), [], 'not before the end is durable (I2)');
  rig.sync();
  t.deepEqual(rig.said(), ['1 done']);
  t.is(rig.machine.inFlight, 1);
  rig.resack(1);
  t.is(rig.machine.inFlight, 0);
  t.deepEqual(rig.disk.get(idOf(1)), { n: 1, state: 'done', ttlMs: 1000, acknowledged: true });
});

test('a repeated command is answered by its state and never run again', (t) => {
  const rig = new Rig();
  rig.machine.open();
  rig.send(1);
  rig.send(1);
  rig.sync();
  rig.send(1);
  t.deepEqual(rig.said(), [], 'it runs');
  rig.end(1);
  rig.sync();
  t.deepEqual(rig.said(), ['1 done']);
  rig.resack(1);
  rig.send(1);
  t.deepEqual(rig.said(), ['1 done']);
  t.deepEqual(rig.ran, [idOf(1)]);
  t.is(rig.machine.counters.repeated, 3);
});

test('a new process runs nothing that an earlier one accepted: it is unknown', (t) => {
  const rig = new Rig();
  rig.send(1);
  rig.sync();
  rig.send(2);
  const reborn = new Rig(rig.disk);
  reborn.machine.open();
  t.deepEqual(reborn.said(), [], 'not before it is durable');
  reborn.sync();
  t.deepEqual(reborn.said(), ['1 unknown EDGE_EFFECT_UNKNOWN']);
  reborn.send(1);
  t.deepEqual(reborn.ran, []);
  t.is(reborn.disk.get(idOf(2)), undefined, 'never durable, never run');
});

test('a command after its time is expired, at once or when asked again', (t) => {
  const rig = new Rig();
  rig.machine.open();
  rig.send(1, { now: 1001 });
  rig.sync();
  t.deepEqual(rig.said(), ['1 expired EDGE_EXPIRED']);
  t.deepEqual(rig.ran, []);
});

test('a refusal is an end like any other, and durable', (t) => {
  const rig = new Rig();
  rig.machine.open();
  const refusal = { state: 'failed', code: 'EDGE_NO_DEVICE' } as const;
  rig.take(rig.machine.command(command(1), 1000, refusal, 0));
  rig.sync();
  t.deepEqual(rig.said(), ['1 failed EDGE_NO_DEVICE']);
});

test('a storage that refuses ACCEPTED keeps the command from running for good', (t) => {
  const rig = new Rig();
  rig.machine.open();
  rig.send(1);
  rig.refuse();
  t.deepEqual(rig.said(), []);
  rig.sync();
  t.deepEqual(rig.said(), ['1 failed EDGE_STORAGE']);
  rig.send(1);
  t.deepEqual(rig.ran, []);
});

test('QUERY: never seen, running, or the end', (t) => {
  const rig = new Rig();
  rig.machine.open();
  const ask = (n: number) => {
    rig.machine.query({ kind: 'query', epoch: 1, command: idOf(n) });
    return rig.said();
  };
  t.deepEqual(ask(1), ['1 never-seen']);
  rig.send(1);
  t.deepEqual(ask(1), ['1 running']);
  rig.sync();
  rig.end(1);
  t.deepEqual(ask(1), ['1 running'], 'its end is not durable yet');
  rig.sync();
  rig.said();
  rig.resack(1);
  t.deepEqual(ask(1), ['1 done']);
});

test('what has no RESACK is said again: in the next session, and after a while in this one', (t) => {
  const rig = new Rig();
  rig.machine.open();
  rig.send(1);
  rig.sync();
  rig.end(1);
  rig.sync();
  t.deepEqual(rig.said(), ['1 done']);
  t.deepEqual(rig.said(), []);
  t.is(rig.machine.wakeAt(), COMMAND_LIMITS.repeatMs);
  t.deepEqual(rig.said(COMMAND_LIMITS.repeatMs), ['1 done']);
  rig.machine.close();
  t.deepEqual(rig.said(), []);
  rig.machine.open();
  t.deepEqual(rig.said(), ['1 done']);
  const reborn = new Rig(rig.disk);
  reborn.machine.open();
  t.deepEqual(reborn.said(), ['1 done']);
});

test('few results are under way at a time', (t) => {
  const rig = new Rig();
  rig.machine.open();
  for (let n = 1; n <= COMMAND_LIMITS.resultsInFlight + 3; n++) rig.send(n, { now: 2000 });
  rig.sync();
  t.is(rig.said().length, COMMAND_LIMITS.resultsInFlight);
  rig.resack(1);
  t.is(rig.said().length, 1);
});

test('too many that wait are refused, durably', (t) => {
  const rig = new Rig();
  rig.machine.open();
  for (let n = 1; n <= COMMAND_LIMITS.open + 1; n++) rig.send(n);
  rig.sync();
  t.is(rig.ran.length, COMMAND_LIMITS.open);
  t.deepEqual(rig.said(), [`${COMMAND_LIMITS.open + 1} failed EDGE_LIMIT`]);
});

test('ids are forgotten when there are many, acknowledged and older than their time, never before', (t) => {
  const kept = (n: number, acknowledged: boolean): readonly [string, CommandRow] => [
    idOf(n),
    { n, state: 'done', ttlMs: 1000, ...(acknowledged ? { acknowledged } : {}) },
  ];
  const many = Array.from({ length: COMMAND_LIMITS.kept }, (_, at) => kept(at + 1, at > 0));
  const rig = new Rig(new Map(many));
  rig.send(90_001, { now: 500 });
  t.is(rig.machine.kept, COMMAND_LIMITS.kept + 1, 'their time is not over');
  rig.send(90_002, { now: 1001 });
  t.is(rig.machine.kept, COMMAND_LIMITS.kept + 1);
  t.true(rig.disk.has(idOf(1)), 'its result has no RESACK');
  t.false(rig.disk.has(idOf(2)));
});

test('when nothing may be forgotten, commands are refused, and stay refused', (t) => {
  const many = Array.from({ length: COMMAND_LIMITS.keptMax }, (_, at): [string, CommandRow] => [
    idOf(at + 1),
    { n: at + 1, state: 'done', ttlMs: 1e9, acknowledged: true },
  ]);
  const rig = new Rig(new Map(many));
  rig.machine.open();
  rig.send(90_001);
  t.deepEqual(rig.said(), ['90001 failed EDGE_LIMIT']);
  rig.send(90_001, { now: 2 });
  t.deepEqual(rig.said(), ['90001 failed EDGE_LIMIT']);
  t.deepEqual(rig.ran, []);
  t.is(rig.machine.counters.refused, 1);
});
