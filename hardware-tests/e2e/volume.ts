import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { hasTools } from '../tools.js';

const BALLAST = 'ballast';

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

  /** Undefined, with a plain line, where this machine does not allow mounts. */
  static make(t: ExecutionContext, megabytes: number): Volume | undefined {
    if (!hasTools(t, 'mkfs.ext4', 'e2fsck', 'mount', 'losetup')) return undefined;
    const folder = mkdtempSync(join(tmpdir(), 'edgetwin-volume-'));
    const volume = new Volume(folder);
    try {
      run('mkdir', volume.path);
      writeFileSync(volume.#image, '');
      truncateSync(volume.#image, megabytes * 1024 * 1024);
      run('mkfs.ext4', '-q', '-m', '0', volume.#image);
      volume.mount();
      return volume;
    } catch (error) {
      volume.remove();
      t.log(`skipped: needs to mount a file system (${String(error).split('\n')[0]})`);
      t.pass();
      return undefined;
    }
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
    const loop = run('losetup', '-j', this.#image).split(':')[0] ?? '';
    writeFileSync(`/sys/fs/ext4/${basename(loop)}/trigger_fs_error`, '1');
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
