/** Bounds of a release bundle; what exceeds one is refused with EDGE_BUNDLE. */
export const RELEASE_LIMITS = {
  /** Bytes of a grant: one key, one product, one date. */
  grantBytes: 1_024,
  /** Bytes of a manifest: 4,096 files of 256 bytes each. */
  manifestBytes: 1_048_576,
  /** Files: ours has about 60. */
  files: 4_096,
  /** Characters of a path, so that it fits below any folder of a gateway. */
  pathLength: 200,
  /** Bytes of the packed files: ours are 1 MB. */
  packedBytes: 33_554_432,
  /** Bytes of all files unpacked: a quarter of the smallest gateway's memory. */
  unpackedBytes: 67_108_864,
} as const;
