/** A child of the runner: lives the batches that it is sent, one after the other. */
import { runBatch } from './seeds.js';
import type { Batch } from './seeds.js';

process.on('message', (batch: Batch) => {
  void runBatch(batch).then((result) => process.send?.(result));
});
