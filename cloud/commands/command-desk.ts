import type { DeviceId } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import { randomId } from '#protocol/random.js';
import type { Random } from '#protocol/random.js';
import type { CommandId } from '#protocol/sync-message-command.js';
import type { NodeLoop } from '../cloudhub/node-loop.js';
import type { Commands, CommandView, RunCommand } from '../fleet.js';
import { commandKey } from '../store/tables.js';
import { sameKey } from './judge-run.js';
import { commandView } from './view.js';

/** Where the loops of the nodes are: the DeviceController. */
export interface CommandLoops {
  loops(): Iterable<NodeLoop>;
  loopOfDevice(device: DeviceId): NodeLoop | undefined;
}

/** Takes commands from the API to the loop of the node, and shows what is durable of them. */
export class CommandDesk implements Commands {
  readonly #loops: CommandLoops;
  readonly #random: Random;

  constructor(loops: CommandLoops, random: Random) {
    this.#loops = loops;
    this.#random = random;
  }

  async run(request: RunCommand): Promise<CommandView> {
    const loop = this.#loops.loopOfDevice(request.device);
    if (loop === undefined)
      throw new EdgeError('EDGE_NO_DEVICE', `no device ${request.device}`, {
        hint: 'List the devices: its gateway announces it once it has connected.',
      });
    const id = randomId(this.#random);
    await loop.submit({ kind: 'run-command', id, ...request });
    const { key, actor } = request;
    const { rows } = loop.machine;
    const own = rows.get('commands', commandKey(loop.name, id));
    const known = key === undefined ? own : sameKey(rows.all('commands').values(), key, actor);
    if (known !== undefined) return commandView(loop.name, known);
    throw new EdgeError('EDGE_INTERNAL', 'a command was judged without a record');
  }

  command(id: CommandId): CommandView | undefined {
    for (const { name, machine } of this.#loops.loops()) {
      const record = machine.rows.get('commands', commandKey(name, id));
      if (record !== undefined) return commandView(name, record);
    }
    return undefined;
  }

  commandsOf(device: DeviceId): readonly CommandView[] | undefined {
    const loop = this.#loops.loopOfDevice(device);
    if (loop === undefined) return undefined;
    return [...loop.machine.rows.all('commands').values()]
      .filter((record) => record.device === device)
      .sort((a, b) => b.n - a.n)
      .map((record) => commandView(loop.name, record));
  }
}
