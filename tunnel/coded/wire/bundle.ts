import { CODED_LIMITS } from '../limits.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter, varintBytes } from './byte-writer.js';
import { decodeCargo, type Cargo } from './cargo.js';
import { decoded, refused, type Decoded } from './decoded.js';

/** First byte of a symbol that carries several cargos, each after its length. */
const BUNDLE = 0x80;

/** One cargo as it is, or several in a bundle. */
export function encodeSymbol(cargos: readonly Uint8Array[]): Uint8Array {
  const [only] = cargos;
  if (only !== undefined && cargos.length === 1) return only;
  const bytes = cargos.reduce((sum, cargo) => sum + bundledBytes(cargo.length), 1);
  const writer = new ByteWriter(bytes);
  writer.u8(BUNDLE);
  for (const cargo of cargos) {
    writer.varint(cargo.length);
    writer.bytes(cargo);
  }
  return writer.written();
}

/** What a cargo costs in a bundle. */
export function bundledBytes(cargoBytes: number): number {
  return varintBytes(cargoBytes) + cargoBytes;
}

/** All that a symbol carries; one bad cargo spoils it. Bundles are not nested. */
export function decodeSymbol(symbol: Uint8Array): Decoded<readonly Cargo[]> {
  if (symbol[0] !== BUNDLE) {
    const cargo = decodeCargo(symbol);
    return cargo.ok ? decoded([cargo.value]) : cargo;
  }
  const reader = new ByteReader(symbol);
  reader.u8();
  const cargos: Cargo[] = [];
  while (reader.remaining > 0) {
    if (cargos.length === CODED_LIMITS.cargosPerSymbol) return refused('long');
    const bytes = reader.take(reader.varint());
    if (reader.failed) return refused('short');
    const cargo = decodeCargo(bytes);
    if (!cargo.ok) return cargo;
    cargos.push(cargo.value);
  }
  return decoded(cargos);
}
