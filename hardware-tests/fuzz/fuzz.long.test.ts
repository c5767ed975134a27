import test from 'ava';
import { FILE_TARGETS } from './file-targets.js';
import { fuzzLong } from './long-run.js';
import { fuzzTargets } from './targets.js';

const { targets, stop } = await fuzzTargets();
test.after.always(stop);

fuzzLong(targets.filter((target) => !FILE_TARGETS.includes(target)));
