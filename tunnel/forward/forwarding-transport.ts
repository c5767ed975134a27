import type { Transport } from '../transport.js';
import type { ForwardExit } from './forward-exit.js';

/** The same transport; the streams that a hub opens through its connections end at `exit`. */
export function forwardingTransport(inner: Transport, exit: ForwardExit): Transport {
  return {
    name: inner.name,
    connect: async (target) => {
      const connection = await inner.connect(target);
      connection.streams?.onStream((stream) => exit.accept(stream));
      return connection;
    },
  };
}
