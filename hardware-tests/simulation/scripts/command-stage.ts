import type { Disk } from '#journal/power-cut.js';
import type { CommandView } from '#cloud/fleet.js';
import { EdgeError } from '#protocol/errors.js';
import type { CommandRow } from '#runtime/metamanager/tables.js';
import type { Held, Kind } from './post.js';
import { Stage } from './stage.js';

/** A stage with one command on it, followed from the hub's API to the device and back. */
export class CommandStage {
  readonly stage: Stage;
  /** Effects that devices saw, by command. */
  readonly effects = new Map<string, number>();
  id = '';
  #value = 0;
  #held: Held | undefined;

  private constructor(stage: Stage) {
    this.stage = stage;
    stage.world.watchers.push({
      affected: (id) => void this.effects.set(id, (this.effects.get(id) ?? 0) + 1),
    });
  }

  /** With a mapper that has no methods of its own, commands are writes, and take what writes take. */
  static async open({ byWrites = true, seed = 1 } = {}): Promise<CommandStage> {
    for (let at = seed; ; at++) {
      const stage = await Stage.open({ seed: at });
      const mapper = stage.program.mappers.mapper('plant');
      if ((mapper?.command === undefined) === byWrites) return new CommandStage(stage);
    }
  }

  /** Resolves when the hub has it durable. */
  async ask(ttlMs = 60_000): Promise<string> {
    const { stage } = this;
    const { id } = await stage.done(
      stage.hub.commands.run({
        ...{ device: stage.device('speed'), method: 'set', args: { speed: ++this.#value } },
        ...{ ttlMs, actor: 'operator:x' },
      }),
    );
    return (this.id = id);
  }

  /** As the hub's API shows it. */
  get view(): CommandView | undefined {
    return this.stage.hub.commands.command(this.id);
  }

  get row(): CommandRow | undefined {
    return this.stage.gateway.program?.meta.get('commands', this.id);
  }

  get done(): number {
    return this.effects.get(this.id) ?? 0;
  }

  /** The gateway is switched off, and the hub has noticed. */
  async switchOff(): Promise<void> {
    const { stage } = this;
    const { gateway } = stage;
    gateway.crash();
    await stage.until('away', () => stage.hub.fleet.node(gateway.node)?.online === false);
  }

  async untilAccepted(): Promise<void> {
    const { stage } = this;
    const isDurable = () => this.row?.state === 'accepted' && !stage.gateway.isSyncing;
    await stage.until('accepted', isDurable);
  }

  async untilEnded(): Promise<void> {
    await this.stage.until('ended', () => this.hasEnded);
  }

  get hasEnded(): boolean {
    const state = this.view?.state;
    return state !== undefined && state !== 'new' && state !== 'sent';
  }

  /** Keeps back these messages, until one is there. */
  hold(...kinds: readonly Kind[]): () => Promise<void> {
    const held = this.stage.post.hold(...kinds);
    this.#held = held;
    return () => this.stage.until(`${kinds.join()} under way`, () => held.letters.length > 0);
  }

  get held(): Held {
    if (this.#held !== undefined) return this.#held;
    throw new EdgeError('EDGE_INTERNAL', 'nothing is held');
  }

  /** Nothing is kept back any more, and everything runs. */
  async release(): Promise<void> {
    const { gateway, world } = this.stage;
    this.#held?.open();
    world.hub.releaseSyncs();
    gateway.releaseSyncs();
    this.stage.gateway.plant.timing = {};
    world.hub.start();
    gateway.start();
    await world.started();
    await this.stage.connected();
  }

  restoreGateway(disk: Disk): void {
    this.stage.checkers.forget(this.stage.gateway);
    this.stage.gateway.replaceDisk(disk);
  }

  restoreHub(disk: Disk): void {
    this.stage.checkers.forgetHub();
    this.stage.world.hub.replaceDisk(disk);
  }
}
