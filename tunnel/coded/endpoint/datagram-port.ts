/** A UDP socket as a port, so that whole endpoints run over a simulated link as well. */
export interface DatagramPort {
  /** `host:port` of this end; an IPv6 host in brackets. */
  readonly address: string;
  /** Bytes of the receive buffer that the kernel really gave; undefined: there is none. */
  readonly receiveBufferBytes?: number;
  /** `to`: `host:port`. Lost without a word when it cannot be sent. */
  send(datagram: Uint8Array, to: string): void;
  onDatagram(listener: (datagram: Uint8Array, from: string) => void): void;
  /** The other end, or the network, refused a datagram: a hint, anybody may forge it. */
  onRefused(listener: (cause: unknown) => void): void;
  /** The system has no way for a datagram: its address or its network is gone. Absent: untold. */
  onUnsendable?(listener: () => void): void;
  close(): Promise<void>;
}

export function joinAddress(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

export function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(address.slice(at + 1)) };
}
