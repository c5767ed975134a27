import { MemoryStorage } from '#journal/memory-storage.js';
import type { FaultPlan } from '#journal/memory-storage.js';
import { Disk } from '#journal/power-cut.js';
import { EdgeError } from '#protocol/errors.js';
import type { Clock } from '#protocol/clock.js';
import type { Log } from '#protocol/log.js';
import type { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import type { Random } from '#protocol/random.js';
import { SimulatedProcess } from './process.js';
import type { Weather } from './weather.js';

/** What every machine of a world stands in. */
export interface Surroundings {
  readonly clock: ManualClock;
  readonly random: Random;
  readonly weather: Weather;
  /** What a sync takes at most. */
  readonly syncMs: number;
  readonly sizes: Sizes;
  readonly log: Log;
  /** Something is about to happen to this machine. */
  readonly touched: (station: Station<object>) => void;
  /** A start that rejects. */
  readonly failed: (thrown: unknown) => void;
}

/** How large the files of the programs are. */
export interface Sizes {
  readonly journalBytes: number;
  /** Rows and characters of a block of samples. */
  readonly blockRows: number;
  readonly blockBytes: number;
  /** What a gateway's history may take; each of its processes draws one of these. */
  readonly historyBytes: readonly number[];
}

/** Small, so that journals turn over and samples become blocks; some outages overrun the history. */
export const SMALL_SIZES: Sizes = {
  journalBytes: 64 * 1024,
  blockRows: 16,
  blockBytes: 1024,
  historyBytes: [2 * 4096, 64 * 1024 * 1024],
};

/** The ports that a program is started with. */
export interface Ports {
  readonly process: SimulatedProcess;
  readonly storage: MemoryStorage;
  readonly clock: SimulatedProcess['clock'];
  readonly random: Random;
  readonly log: Log;
}

/** What a supervisor waits before it starts a program again that has failed, doubling. */
const RESTART_MS = 5000;
const RESTART_MAX_MS = 300_000;
/** The name of the timers of disks. */
const SYNC = 'disk';
/** For Disk.crash: whatever was not synced is lost. */
const NOTHING_UNSYNCED: Random = { unit: () => 0, bytes: (length) => new Uint8Array(length) };

/**
 * A machine with a disk, a clock, and a program that runs on it or not: the hub, or a gateway. The
 * program may be killed between any two turns, also while it starts.
 */
export abstract class Station<Program extends object> {
  readonly name: string;
  readonly surroundings: Surroundings;
  #storage: MemoryStorage;
  #process: SimulatedProcess | undefined;
  #program: Program | undefined;
  #starts = 0;
  /** It ended by itself: its supervisor starts it again. */
  #wantsOn = false;
  #failedStarts = 0;
  #boots = 0;
  #upSinceMs = 0;
  #syncing = 0;
  #wallOffsetMs = 0;
  #trouble: FaultPlan | undefined;
  #held: (() => void)[] | undefined;

  constructor(name: string, surroundings: Surroundings) {
    this.name = name;
    this.surroundings = surroundings;
    this.#storage = this.#slow(new Disk());
  }

  /** What runs; undefined while it starts or is dead. */
  get program(): Program | undefined {
    return this.#program;
  }

  get storage(): MemoryStorage {
    return this.#storage;
  }

  /** A program runs or starts. */
  get isPowered(): boolean {
    return this.#process !== undefined;
  }

  /** Something is on its way to the disk: the worst moment for the power to go. */
  get isSyncing(): boolean {
    return this.#syncing > 0;
  }

  get starts(): number {
    return this.#starts;
  }

  /** Switches it on. What it does from now on takes virtual time. */
  start(): void {
    if (this.isPowered) return;
    const { clock, random, log, touched, failed } = this.surroundings;
    this.#starts++;
    const process = new SimulatedProcess(
      clock,
      () => clock.wallTime() + this.#wallOffsetMs,
      () => touched(this),
    );
    this.#process = process;
    const begin = (): void => {
      if (process.dead) return;
      const ports: Ports = {
        process,
        storage: this.#storage,
        clock: process.clock,
        random: seededRandom(Math.floor(random.unit() * 2 ** 31) + this.#starts),
        log: log.child(this.name),
      };
      this.launch(ports).then(
        (program) => {
          if (process.dead) return;
          this.#program = program;
          this.#failedStarts = 0;
          touched(this);
          this.started(program);
        },
        (thrown: unknown) => {
          if (process.dead) return;
          const error = EdgeError.from(thrown);
          if (error.code === 'EDGE_STORAGE') this.#tryAgain();
          else failed(error);
        },
      );
    };
    begin();
  }

  /** The power goes: what was not synced may be lost or torn, or is lost for certain. */
  crash({ losesAll = false } = {}): void {
    this.#boots++;
    this.#upSinceMs = this.surroundings.clock.now();
    const random = losesAll ? NOTHING_UNSYNCED : this.surroundings.random;
    this.#die((storage) => storage.crash(random).disk);
  }

  /** The process dies, the machine lives: what was written is kept. */
  kill(): void {
    this.#die((storage) => storage.kill().disk);
  }

  /** How long the machine has been up, for the clock of a process. */
  protected uptime(clock: Clock): { osBoot: string; offsetMs: number } {
    const upMs = this.surroundings.clock.now() - this.#upSinceMs;
    return { osBoot: `${this.name} ${this.#boots}`, offsetMs: upMs - clock.now() };
  }

  /** A copy of the files as they are durable now. */
  backup(): Disk {
    return copyOf(this.#storage.disk.crash(NOTHING_UNSYNCED));
  }

  /** The power goes and the disk is replaced by a copy of this one, or by an empty one. */
  replaceDisk(disk = new Disk()): void {
    this.#trouble = undefined;
    this.#boots++;
    this.#upSinceMs = this.surroundings.clock.now();
    this.#die((storage) => {
      storage.kill();
      return copyOf(disk);
    });
  }

  /** The disk begins to fail; a sticky trouble stays until it is healed, whatever is restarted. */
  failDisk(trouble: FaultPlan): void {
    this.#trouble = trouble.sticky === true ? trouble : undefined;
    this.#storage.fail(trouble);
  }

  healDisk(): void {
    this.#trouble = undefined;
    this.#storage.heal();
  }

  /** Syncs wait until `releaseSyncs`: what is written meanwhile is not durable. */
  holdSyncs(): void {
    this.#held ??= [];
  }

  releaseSyncs(): void {
    for (const go of this.#held?.splice(0) ?? []) go();
    this.#held = undefined;
  }

  /** The wall clock jumps; monotonic time goes on. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  get wallTime(): number {
    return this.surroundings.clock.wallTime() + this.#wallOffsetMs;
  }

  /** Starts the program on these ports; never called twice for one process. */
  protected abstract launch(ports: Ports): Promise<Program>;

  protected started(_program: Program): void {
    // For those who want to know.
  }

  /** An orderly end: the program says goodbye and closes its files. */
  protected abstract shutDown(program: Program): Promise<void>;

  /** Like `systemctl stop`; resolves when it has stopped. */
  async stop(): Promise<void> {
    const [process, program] = [this.#process, this.#program];
    if (process === undefined || program === undefined) return;
    this.#program = undefined;
    await this.shutDown(program);
    if (this.#process === process) this.kill();
  }

  /** A program that cannot start ends, and its supervisor starts it again. */
  #tryAgain(): void {
    const starts = this.#starts;
    const waitMs = Math.min(RESTART_MAX_MS, RESTART_MS * 2 ** this.#failedStarts++);
    this.kill();
    this.#wantsOn = true;
    this.surroundings.clock.setTimer('supervisor', waitMs, () => {
      if (this.#starts === starts && this.#wantsOn) this.start();
    });
  }

  #die(left: (storage: MemoryStorage) => Disk): void {
    this.surroundings.touched(this);
    this.#process?.kill();
    this.#process = undefined;
    this.#program = undefined;
    this.#wantsOn = false;
    this.#held = undefined;
    this.#storage = this.#slow(left(this.#storage));
  }

  /** A disk whose syncs take time, so that there is always something that is not synced yet. */
  #slow(disk: Disk): MemoryStorage {
    const { clock, random, syncMs, touched } = this.surroundings;
    const storage: MemoryStorage = new MemoryStorage(disk, {
      before: (action) => {
        if (action !== 'sync') return undefined;
        return new Promise((resolve) => {
          this.#syncing++;
          clock.setTimer(SYNC, random.unit() * syncMs, () => {
            this.#syncing--;
            const go = (): void => {
              touched(this);
              resolve();
            };
            if (this.#held === undefined) go();
            else this.#held.push(go);
          });
        });
      },
    });
    if (this.#trouble !== undefined) storage.fail(this.#trouble);
    return storage;
  }
}

export function copyOf(disk: Disk): Disk {
  const copy = new Disk();
  for (const name of disk.names()) {
    const inode = disk.inodeOf(name);
    if (inode !== undefined) copy.putDurable(name, disk.content(inode));
  }
  return copy;
}
