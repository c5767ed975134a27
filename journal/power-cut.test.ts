import test from 'ava';
import { seededRandom } from '#protocol/random.js';
import { crashStates } from './crash-states.js';
import { crashRun } from './crash-trials.js';
import { Disk } from './power-cut.js';

// power-cut.long.test.ts does 1,000 transactions and more states of each moment.
test('every state that a power cut may leave after any operation of 120 transactions holds what was acknowledged', async (t) => {
  const limits = { all: 32, sampled: 12 };
  const figures = await crashRun({
    ...{ commits: 120, seed: 5, pace: 0.5 },
    ...{ limits, livesOnEvery: 100 },
  });
  t.is(figures.wrong, undefined);
  t.true(figures.states > 1_000 && figures.segments > 2 && figures.completeBoundaries > 100);
});

test('few unsynced sectors and names make every combination, once', (t) => {
  const disk = new Disk();
  disk.putDurable('a', new Uint8Array(1024));
  const write = (offset: number, byte: number): void =>
    disk.apply({ kind: 'write', inode: 1, offset, bytes: new Uint8Array(512).fill(byte) });
  write(0, 1);
  write(0, 2);
  write(512, 3);
  disk.apply({ kind: 'rename', from: 'a', to: 'b' });
  const seen = new Set<string>();
  for (const cut of crashStates(disk, seededRandom(1), { all: 100, sampled: 0 })) {
    const left = disk.cut(cut);
    const [name = ''] = left.names();
    const bytes = left.content(left.inodeOf(name) ?? 0);
    seen.add(`${name} ${bytes[0] ?? 0} ${bytes[512] ?? 0}`);
  }
  const expected = ['a', 'b'].flatMap((name) =>
    [0, 1, 2].flatMap((first) => [0, 3].map((second) => `${name} ${first} ${second}`)),
  );
  t.deepEqual([...seen].sort(), expected);
});

test('a failed sync of the folder leaves names that only seem to be there', (t) => {
  const disk = new Disk();
  disk.putDurable('a', new Uint8Array(1));
  disk.apply({ kind: 'rename', from: 'a', to: 'b' });
  disk.apply({ kind: 'loseFolder' });
  disk.apply({ kind: 'syncFolder' });
  t.deepEqual(disk.names(), ['b']);
  const nothing = { links: [], sectors: [] };
  t.deepEqual(disk.cut(nothing).names(), ['a'], 'a later sync does not bring it back');
  disk.apply({ kind: 'rename', from: 'b', to: 'c' });
  disk.apply({ kind: 'syncFolder' });
  t.true(disk.cut(nothing).names().includes('c'), 'a new name does');
});
