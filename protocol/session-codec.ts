import { MessageCompression } from './message-compression.js';
import { decodeMessage, encodeMessage } from './message-codec.js';
import { agreedDictionary } from './message-dictionary.js';
import type { SyncMessage } from './sync-message.js';

/**
 * The bytes of one session, at either end. Plain until WELCOME has named a dictionary that this
 * end has; from then on each message is packed where that is shorter.
 */
export class SessionCodec {
  #compression: MessageCompression | undefined;

  /** Throws what `encodeMessage` throws. */
  encode(message: SyncMessage): Uint8Array {
    const bytes = encodeMessage(message);
    const packed = this.#compression?.pack(bytes) ?? bytes;
    this.#heed(message);
    return packed;
  }

  /** Total, as `decodeMessage`. `plainBytes`: what the message is long, however it was packed. */
  decode(bytes: Uint8Array): { readonly message: SyncMessage; readonly plainBytes: number } {
    const plain = this.#compression?.unpack(bytes) ?? bytes;
    const message = decodeMessage(plain);
    this.#heed(message);
    return { message, plainBytes: plain.length };
  }

  #heed(message: SyncMessage): void {
    if (message.kind !== 'welcome') return;
    const dictionary = agreedDictionary(message.features);
    this.#compression = dictionary === undefined ? undefined : new MessageCompression(dictionary);
  }
}
