/** What enrolment keeps. The hub adds these tables to its own: `Store<HubTables & EnrolmentTables>`. */
export interface EnrolmentTables {
  /** Key: token id. */
  joinTokens: JoinTokenRow;
  /** Key: serial number of the certificate, upper-case hexadecimal. */
  certificates: CertificateRow;
  /** Key: node. Which roots its gateway said to have, when the roots change. */
  trusts: TrustRow;
}

export interface TrustRow {
  /** SHA-256 of their public keys, hexadecimal. */
  readonly pins: readonly string[];
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface JoinTokenRow {
  readonly node: string;
  /** SHA-256 of the secret, hexadecimal. */
  readonly secretHash: string;
  /** Milliseconds since 1970, by the hub's clock. */
  readonly createdAt: number;
  readonly expiresAt: number;
  /** Set before the certificate leaves the hub, never unset. */
  readonly used?: {
    /** SHA-256 of the public key (SPKI, DER) that the token was spent on, hexadecimal. */
    readonly keyHash: string;
    readonly serial: string;
    /** PEM: a lost answer is given again. */
    readonly certificate: string;
    readonly at: number;
  };
}

export interface CertificateRow {
  readonly node: string;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
  readonly issuedAt: number;
  readonly fromMs: number;
  readonly untilMs: number;
  /** SHA-256 of its public key (SPKI, DER), hexadecimal. */
  readonly keyHash: string;
  /** Id of the token that it was issued for, or serial number of the certificate it renews. */
  readonly from:
    | { readonly token: string }
    | { readonly renewal: string }
    /** Its key was made beside the hub, for the card of the gateway. */
    | { readonly prepared: true };
  readonly revoked?: {
    readonly at: number;
    /** `replaced` by a later join of the same node, or `revoked` by a person. */
    readonly why: 'replaced' | 'revoked';
  };
}
