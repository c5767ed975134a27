import type { Gateway } from '../gateway.js';
import type { Scene } from '../scene.js';
import type { Fault } from '../options.js';

/** Something that may happen in a storm. Add it to the list of its file, and files to `all.ts`. */
export interface Action {
  readonly name: string;
  /** How often it is drawn, against the others of its life. */
  readonly weight: number;
  /** The life must be one that meets this. */
  readonly fault?: Fault;
  /** Happens to this gateway, or to the hub. */
  run(scene: Scene, gateway: Gateway): Promise<void> | void;
}
