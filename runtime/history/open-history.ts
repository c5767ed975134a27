import { join } from 'node:path';
import { openFileStorage } from '#journal/file-storage.js';
import type { Flash } from '#journal/flash.js';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { GatewayConfig } from '../config/load.js';
import type { MetaStore } from '../metamanager/meta-store.js';
import { History } from './history.js';

/** The folder of older samples, within the data folder. */
const HISTORY_FOLDER = 'history';

export interface HistoryPorts {
  readonly meta: MetaStore;
  readonly flash: Flash;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The history of this gateway; undefined when no property asks for one and none was ever kept, or
 * when its folder cannot be used, which the log says: state is served without it.
 */
export async function openHistory(
  { dataDir, devices, history: limits }: GatewayConfig,
  { meta, flash, clock, log }: HistoryPorts,
): Promise<History | undefined> {
  const isAsked = devices.some(({ properties }) => properties.some((one) => one.history === true));
  if (!isAsked && meta.numbering('samples').value === 0) return undefined;
  try {
    const storage = flash.over(await openFileStorage(join(dataDir, HISTORY_FOLDER)));
    return await History.open({
      ...{ meta, storage, clock, log },
      ...limits,
      isShedding: () => flash.state() === 'exceeded',
    });
  } catch (thrown) {
    log.error('history-not-open', { error: EdgeError.from(thrown, 'EDGE_STORAGE') });
    return undefined;
  }
}
