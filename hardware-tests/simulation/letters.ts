import { SessionCodec } from '#protocol/session-codec.js';
import type { SyncMessage } from '#protocol/sync-message.js';
import type { Flight } from '#tunnel/memory-connection.js';

/** Opens what flies by: messages are packed by what their session has agreed. */
export class Letters {
  readonly #codecs = new Map<string, SessionCodec>();

  /** Undefined for a goodbye, and for what no end could read. */
  open({ node, bytes }: Flight): SyncMessage | undefined {
    if (bytes === undefined) return undefined;
    let codec = this.#codecs.get(node);
    if (codec === undefined) this.#codecs.set(node, (codec = new SessionCodec()));
    try {
      return codec.decode(bytes).message;
    } catch {
      return undefined;
    }
  }
}
