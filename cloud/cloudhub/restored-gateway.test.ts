import fc from 'fast-check';
import test from 'ava';
import { FIRST_NUMBERING, confirmed, nextNumber } from '#protocol/numbering.js';
import type { NumberingState } from '#protocol/numbering.js';
import type { SyncMessage, Welcome } from '#protocol/sync-message.js';
import { compareVersions } from '#protocol/twin.js';
import type { Version } from '#protocol/twin.js';
import { propertyKey } from '../store/tables.js';
import { MachineBench, announceRow, hex, only, stateRow, version } from './machine-bench.js';

/**
 * Model F1 of docs/sync-protocol.md against the machine itself, with two properties, lost and
 * reordered messages, restarts of both ends and backups of the gateway at any moment. Values are
 * the time at which they were read, so the hub must never go back.
 */
const PROPERTIES = ['temperature', 'target'] as const;
type Property = (typeof PROPERTIES)[number];

interface Step {
  readonly do:
    | 'report'
    | 'connect'
    | 'send'
    | 'deliver'
    | 'hear'
    | 'settle'
    | 'backUp'
    | 'restore'
    | 'restart'
    | 'restartHub';
  readonly at: number;
}

interface Row {
  readonly n: number;
  readonly value: number;
  readonly isUnsent: boolean;
  readonly isStale: boolean;
  /** Of a stale row: the generation in which it was numbered. */
  readonly gen?: number;
}

/** What the gateway keeps, and a backup brings back. */
interface Card {
  readonly lineage: string;
  readonly gen: number;
  readonly lastEpoch: number;
  readonly numbering: NumberingState;
  readonly rows: Readonly<Partial<Record<Property, Row>>>;
  readonly isAnnounced: boolean;
}

class World {
  readonly hub = new MachineBench();
  #card: Card = {
    lineage: hex('a'),
    gen: 0,
    lastEpoch: 0,
    numbering: nextNumber(FIRST_NUMBERING, hex('1')),
    rows: {},
    isAnnounced: false,
  };
  #backup: Card | undefined;
  /** Restored, and not met by the hub since. */
  #isParted = false;
  #boots = 1;
  #reads = 0;
  #epoch = 0;
  #isConfirmed = false;
  /** Sent in this session, not lost: they may arrive in any order, and again. */
  #wire: SyncMessage[] = [];
  #acks: SyncMessage[] = [];
  #sent = new Map<number, ReadonlyMap<Property, number>>();
  #ids = 0;
  /** The newest version and value per property that the hub ever held. */
  #seen = new Map<Property, { version: Version; value: number }>();

  report(property: Property): void {
    const n = this.#number();
    const row = { n, value: ++this.#reads, isUnsent: true, isStale: false };
    this.#card = { ...this.#card, rows: { ...this.#card.rows, [property]: row } };
  }

  connect(isLost: boolean): void {
    this.#leave();
    const { numbering, lineage, lastEpoch } = this.#card;
    const welcome = this.hub.welcome({
      boot: hex(`${this.#boots}`),
      lineage,
      lastEpoch,
      state: { value: numbering.value, forks: numbering.forks },
    });
    if (!isLost) this.#welcomed(welcome);
  }

  /** Everything unsent, one message for each property. */
  send(): void {
    if (this.#epoch === 0) return;
    if (!this.#card.isAnnounced) {
      this.#post({ kind: 'announce', epoch: this.#epoch, id: ++this.#ids, rows: [announceRow(1)] });
      return;
    }
    for (const property of PROPERTIES) {
      const row = this.#card.rows[property];
      if (row?.isUnsent !== true) continue;
      this.#sent.set(++this.#ids, new Map([[property, row.n]]));
      const { n, value, gen } = row;
      const rows = [stateRow(n, value, { property, ...(gen === undefined ? {} : { gen }) })];
      this.#post({ kind: 'state', epoch: this.#epoch, id: this.#ids, rows });
    }
  }

  deliver(at: number, isKept: boolean): void {
    const message = this.#wire[at % Math.max(1, this.#wire.length)];
    if (message === undefined) return;
    if (!isKept) this.#wire = this.#wire.filter((other) => other !== message);
    const effects = this.hub.say(message);
    this.#acks.push(...only(effects, 'ack'), ...only(effects, 'confirm'));
    this.#check();
  }

  hear(at: number): void {
    const [message] = this.#acks.splice(at % Math.max(1, this.#acks.length), 1);
    if (message === undefined) return;
    if (!this.#isConfirmed) {
      this.#isConfirmed = true;
      this.#isParted = false;
      const numbering = confirmed(this.#card.numbering, hex(`${this.#boots}`));
      this.#card = { ...this.#card, numbering };
    }
    if (message.kind !== 'ack') return;
    const sent = this.#sent.get(message.id);
    if (sent === undefined) this.#card = { ...this.#card, isAnnounced: true };
    for (const [property, n] of sent ?? []) this.#acknowledged(property, n);
  }

  restart(): void {
    this.#leave();
    this.#boots++;
  }

  backUp(): void {
    this.#backup = this.#card;
  }

  /** Whether a backup would hold numbers of a life that was restored and that the hub never met. */
  get isParted(): boolean {
    return this.#isParted;
  }

  restore(): void {
    if (this.#backup === undefined) return;
    this.restart();
    this.#card = this.#backup;
    this.#isParted = true;
  }

  restartHub(): void {
    this.#leave();
    this.hub.restart();
  }

  /** Fault-free rounds end converged; what was inherited is older than what the hub has (H11). */
  settle(): void {
    this.connect(false);
    for (let round = 0; round < 4; round++) {
      this.send();
      while (this.#wire.length > 0) this.deliver(0, false);
      while (this.#acks.length > 0) this.hear(0);
    }
    for (const property of PROPERTIES) {
      const own = this.#card.rows[property];
      const hub = this.#hubRow(property);
      if (own === undefined) continue;
      if (own.isUnsent) throw new TypeError(`${property} is unsent after settling`);
      const hubValue = Number(hub?.value ?? 0);
      if (own.isStale ? hubValue < own.value : hubValue !== own.value)
        throw new TypeError(`${property}: gateway ${own.value}, hub ${hubValue}`);
    }
  }

  #welcomed(welcome: Welcome): void {
    const { epoch, lineage, gen, fork, resync, known } = welcome;
    if (epoch <= this.#card.lastEpoch) throw new TypeError('the epoch went back');
    if (known.state > this.#card.numbering.value) throw new TypeError('I11');
    const rows: Partial<Record<Property, Row>> = {};
    for (const property of PROPERTIES) {
      const row = this.#card.rows[property];
      if (row === undefined) continue;
      if (resync && row.isStale) rows[property] = { ...row, isUnsent: false };
      else if (resync) rows[property] = { ...row, n: this.#number(), isUnsent: true };
      else if (row.isStale) rows[property] = row;
      else if (fork && row.n <= known.state)
        rows[property] = { ...row, isStale: true, gen: this.#card.gen };
      else rows[property] = { ...row, isUnsent: row.isUnsent || row.n > known.state };
    }
    const isAnnounced = this.#card.isAnnounced && known.state > 0;
    this.#card = { ...this.#card, lastEpoch: epoch, lineage, gen, rows, isAnnounced };
    this.#epoch = epoch;
    this.#post({ kind: 'ready', epoch });
  }

  #acknowledged(property: Property, n: number): void {
    const row = this.#card.rows[property];
    if (row?.n !== n) return;
    this.#card = {
      ...this.#card,
      rows: { ...this.#card.rows, [property]: { ...row, isUnsent: false } },
    };
    const hub = this.#hubRow(property);
    const own = version(row.gen ?? this.#card.gen, n);
    if (hub === undefined || compareVersions(hub.version, own) < 0)
      throw new TypeError('I4: acknowledged, and the hub does not have it');
    if (compareVersions(hub.version, own) === 0 && hub.value !== row.value)
      throw new TypeError('I4: one version, two values');
  }

  #check(): void {
    for (const property of PROPERTIES) {
      const row = this.#hubRow(property);
      const seen = this.#seen.get(property);
      if (row === undefined) continue;
      const value = Number(row.value);
      if (seen !== undefined && compareVersions(row.version, seen.version) < 0)
        throw new TypeError(`I3: ${property} went back in version`);
      if (seen !== undefined && value < seen.value)
        throw new TypeError(`${property}: ${value} was read before ${seen.value}`);
      this.#seen.set(property, { version: row.version, value });
    }
  }

  #hubRow(property: Property) {
    return this.hub.rows.get('reported', propertyKey('gw-1', 'default/boiler', property));
  }

  #post(message: SyncMessage): void {
    this.#wire.push(message);
  }

  #number(): number {
    const numbering = nextNumber(this.#card.numbering, hex(`${this.#boots}`));
    this.#card = { ...this.#card, numbering };
    return numbering.value;
  }

  #leave(): void {
    this.#epoch = 0;
    this.#isConfirmed = false;
    this.#wire = [];
    this.#acks = [];
    this.#sent = new Map();
  }
}

const action = (weight: number, kind: Step['do'], at: fc.Arbitrary<number>) => ({
  weight,
  arbitrary: fc.record({ do: fc.constant(kind), at }),
});
const step = fc.oneof(
  action(6, 'report', fc.nat(1)),
  action(4, 'connect', fc.nat(1)),
  action(3, 'send', fc.constant(0)),
  action(4, 'deliver', fc.nat(9)),
  action(3, 'hear', fc.nat(9)),
  action(3, 'settle', fc.constant(0)),
  action(2, 'backUp', fc.constant(0)),
  action(3, 'restore', fc.constant(0)),
  action(2, 'restart', fc.constant(0)),
  action(1, 'restartHub', fc.constant(0)),
);

function take(world: World, { do: action, at }: Step): void {
  if (action === 'report') world.report(PROPERTIES[at] ?? 'target');
  else if (action === 'connect') world.connect(at === 0);
  else if (action === 'deliver') world.deliver(at, at === 9);
  else if (action === 'hear') world.hear(at);
  // The limit that the test below shows.
  else if (action !== 'backUp' || !world.isParted) world[action]();
}

test('restored backups, lost WELCOMEs and messages in any order: nothing is lost, nothing goes back (F1, T6, T7)', (t) => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
      const world = new World();
      for (const one of steps) take(world, one);
      world.settle();
    }),
    { numRuns: 3_000 },
  );
  t.pass();
});

/**
 * The number that the restored life gave its row was used by the life before as well, under the same
 * generation. Met once and restored again, the row counts as inherited, and older than the hub's.
 */
test.failing(
  'a backup of a restored life that the hub had not met, restored in its turn: its unsent row is not taken for an older one',
  (t) => {
    const world = new World();
    world.backUp();
    world.report('temperature');
    world.settle();
    world.restore();
    world.report('temperature');
    world.backUp();
    world.connect(false);
    world.deliver(0, false);
    world.restore();
    t.notThrows(() => world.settle());
  },
);

test('a life that was replaced and comes back shows nothing of before, though its own number is higher (I3)', (t) => {
  const hub = new MachineBench();
  const key = propertyKey('gw-1', 'default/boiler', 'temperature');
  const shown = () => hub.rows.get('reported', key)?.value;
  hub.open();
  hub.announce(announceRow(1));
  hub.state(stateRow(4, 10));
  const second = version(2, 5);
  hub.open({ boot: hex('2'), state: { value: 1, forks: [] } });
  const { lineage } = hub;
  hub.announce(announceRow(5, { incarnation: second }));
  hub.state(stateRow(6, 20, { incarnation: second }));
  t.is(shown(), 20);
  hub.open({ boot: hex('3'), lineage: hex('a'), state: { value: 8, forks: [] } });
  hub.announce(announceRow(9));
  hub.state(stateRow(10, 30));
  t.is(shown(), 30);
  hub.open({ boot: hex('4'), lineage, state: { value: 11, forks: [] } });
  hub.announce(announceRow(12, { incarnation: second }));
  hub.state(stateRow(11, 21, { incarnation: second, gen: 2 }));
  t.is(shown(), undefined, 'read before 30 was, and its version is lower');
  hub.state(stateRow(13, 40, { incarnation: second }));
  t.is(shown(), 40);
});
