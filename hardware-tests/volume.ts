import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { ExecutionContext } from 'ava';

const BALLAST = 'ballast';
/** Of diskstats, whatever the device has. */
const SECTOR_BYTES = 512;

/** A small file system of its own: ext4 on a loop device, so that it can be full, broken, repaired. */
export class Volume {
  /** Where it is mounted. */
  readonly path: string;
  readonly #folder: string;
  #isMounted = false;

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, 'mount');
  }

  /** Rejects where this machine does not allow mounts. */
  static make(megabytes: number): Volume {
    const folder = mkdtempSync(join(tmpdir(), 'edgetwin-volume-'));
    const volume = new Volume(folder);
    try {
      mkdirSync(volume.path);
      writeFileSync(volume.#image, '');
      truncateSync(volume.#image, megabytes * 1024 * 1024);
      run(
        'mkfs.ext4',
        '-q',
        '-m',
        '0',
        '-E',
        'lazy_itable_init=0,lazy_journal_init=0',
        volume.#image,
      );
      volume.mount();
      return volume;
    } catch (error) {
      volume.remove();
      throw error;
    }
  }

  /** Undefined, with a plain line, where this machine does not allow mounts. */
  static forTest(t: ExecutionContext, megabytes: number): Volume | undefined {
    try {
      return Volume.make(megabytes);
    } catch (error) {
      t.log(`skipped: needs to mount a file system (${String(error).split('\n')[0] ?? ''})`);
      t.pass();
      return undefined;
    }
  }

  /** Bytes that reached the device so far, by its own counter (diskstats of the kernel). */
  writtenBytes(): number {
    run('sync', '-f', this.path);
    const name = basename(this.#device);
    const line = readFileSync('/proc/diskstats', 'utf8')
      .split('\n')
      .find((text) => text.trim().split(/\s+/)[2] === name);
    const sectors = Number(line?.trim().split(/\s+/)[9]);
    return sectors * SECTOR_BYTES;
  }

  mount(...options: string[]): void {
    run('mount', '-o', ['loop', 'errors=remount-ro', ...options].join(','), this.#image, this.path);
    this.#isMounted = true;
  }

  /** Drops what the system had not written, but for what was synced. Fails while files are open. */
  unmount(): void {
    run('umount', this.path);
    this.#isMounted = false;
  }

  /** `ro` or `rw`, in place. `ro` fails while a file is open for writing. */
  remount(mode: 'ro' | 'rw'): void {
    run('mount', '-o', `remount,${mode}`, this.path);
  }

  /** As a card that came back from a reader: what the system has in its caches is gone. */
  again(): void {
    this.unmount();
    this.mount();
  }

  /** Leaves not a byte. */
  fill(): void {
    const file = openSync(join(this.path, BALLAST), 'w');
    try {
      for (let size = 1024 * 1024; size >= 512; size /= 2) fillBy(file, Buffer.alloc(size, 0x42));
    } finally {
      closeSync(file);
    }
  }

  empty(): void {
    rmSync(join(this.path, BALLAST));
  }

  /** What a failing card does: the kernel finds an error and makes the file system read-only. */
  break(): void {
    writeFileSync(`/sys/fs/ext4/${basename(this.#device)}/trigger_fs_error`, '1');
  }

  repair(): void {
    if (this.#isMounted) this.unmount();
    try {
      run('e2fsck', '-fy', this.#image);
    } catch {
      // Its exit code says that it corrected errors: so it should.
    }
    this.mount();
  }

  get #device(): string {
    return run('losetup', '-j', this.#image).split(':')[0] ?? '';
  }

  get #image(): string {
    return join(this.#folder, 'image');
  }

  remove(): void {
    if (this.#isMounted) run('umount', '-l', this.path);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function fillBy(file: number, bytes: Buffer): void {
  try {
    while (writeSync(file, bytes) > 0);
  } catch {
    // No space for so many.
  }
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
}
