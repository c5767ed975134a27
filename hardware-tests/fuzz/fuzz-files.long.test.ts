import { FILE_TARGETS } from './file-targets.js';
import { fuzzLong } from './long-run.js';

fuzzLong(FILE_TARGETS);
