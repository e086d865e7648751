/** What devices of a namespace are told when trust has moved; all of it is public and signed. */
export interface PublishedTrust {
  readonly rootVersion: number
  /** 0 while there is none. */
  readonly krlNumber: number
  /** SHA-256 of the KRL as it is sent; null while there is none. */
  readonly krlSha256: Uint8Array | null
  readonly krl: Uint8Array | null
  readonly freshness: Uint8Array | null
}

/** Tells devices that trust has moved. A signal only: what they believe they verify, and those that miss it poll. */
export abstract class TrustPublisher {
  /** @returns once the signal is on its way; a broker that is down is the publisher's to retry, not the caller's. */
  abstract publish(namespace: string, trust: PublishedTrust): Promise<void>
}
