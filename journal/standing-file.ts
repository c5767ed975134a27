import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import { JOURNAL_LIMITS } from './limits.js';
import { removePrivateFile, writePrivateFile } from './private-file.js';

export interface StandingFilePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * A small private file that stands while a program runs. A folder that is full or read-only does
 * not keep the program from running: the file follows when it can be written.
 */
export class StandingFile {
  readonly #path: string;
  readonly #ports: StandingFilePorts;
  #again: Timer | undefined;
  #removed = false;

  constructor(path: string, ports: StandingFilePorts) {
    this.#path = path;
    this.#ports = ports;
  }

  /** Resolves after the first try; never rejects. */
  async put(text: string): Promise<void> {
    const { clock, random, log } = this.#ports;
    try {
      await writePrivateFile(this.#path, text, random);
    } catch (thrown) {
      log.warn('file-not-written', { path: this.#path, error: EdgeError.from(thrown) });
      if (this.#removed) return;
      this.#again = clock.setTimer('standing-file', JOURNAL_LIMITS.retryFullMaxMs, () => {
        void this.put(text);
      });
    }
  }

  /** Never rejects: what stays names a process that is gone. */
  async remove(): Promise<void> {
    this.#removed = true;
    this.#again?.cancel();
    try {
      await removePrivateFile(this.#path);
    } catch (thrown) {
      const error = EdgeError.from(thrown, 'EDGE_STORAGE');
      this.#ports.log.warn('file-not-removed', { path: this.#path, error });
    }
  }
}
