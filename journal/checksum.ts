/** CRC-32 (ISO-HDLC, as in gzip) of `bytes`, going on from an earlier one. */
export { crc32 } from 'node:zlib';
