import test from 'ava';
import { newestOf, writtenFolder } from './damage-model.js';
import { type Trials, cutOff, flipFile, flipRecords } from './damage-trials.js';

const EACH_BIT = [0, 1, 2, 3, 4, 5, 6, 7];

function figures(what: string, { tried, wrong }: Trials): string {
  return `${what}: ${tried} tried, ${wrong.length} wrong`;
}

for (const closed of [false, true]) {
  const end = closed ? 'an orderly end' : 'a kill';
  test(`after ${end} each bit of the last 4 KiB of records may flip: nothing lost, each said`, async (t) => {
    const trials = await flipRecords(await writtenFolder(150, closed), () => EACH_BIT);
    t.log(figures('bits of records', trials));
    t.deepEqual(trials.wrong, []);
    t.is(trials.tried, 8 * 4096);
  });

  test(`after ${end} the journal may be cut off at each byte of its last 4 KiB: nothing before is lost, each said`, async (t) => {
    const trials = await cutOff(await writtenFolder(150, closed), 1);
    t.log(figures('lengths', trials));
    t.deepEqual(trials.wrong, []);
    t.is(trials.tried, 4097);
  });
}

test('each bit of a snapshot and of a segment’s header may flip: nothing is lost', async (t) => {
  const folder = await writtenFolder(300);
  const name = newestOf(folder.files, 'snapshot-');
  const snapshot = await flipFile(folder, name, () => EACH_BIT, Infinity);
  t.log(figures('bits of a snapshot', snapshot));
  t.deepEqual(snapshot.wrong, []);
  const ofHeader = (offset: number): number[] => (offset < 1024 ? EACH_BIT : []);
  const header = await flipFile(folder, newestOf(folder.files, 'journal-000'), ofHeader);
  t.log(figures('bits of a header', header));
  t.deepEqual(header.wrong, []);
});
