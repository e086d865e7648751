import { createVerify, verify, type KeyObject, type SigningOptions, type Verify } from 'node:crypto'
import type { EmbeddedSignature } from './findings.js'
import type { KeyRing, RingKey } from './key-ring.js'

/** A signature over content that streams by, tried with every registered key that could have made it. */
export class StreamedSignature {
  private readonly attempts: readonly { readonly key: RingKey; readonly verifier: Verify }[]

  /** @param hash such as `sha256`. @param options padding and encoding of the signature. */
  constructor(
    readonly algorithm: string,
    hash: string,
    private readonly signature: Uint8Array,
    keys: readonly RingKey[],
    private readonly options: SigningOptions = {},
  ) {
    this.attempts = keys.map((key) => ({ key, verifier: createVerify(hash) }))
  }

  update(chunk: Uint8Array): void {
    for (const { verifier } of this.attempts) verifier.update(chunk)
  }

  /** @param isNamed whether the firmware says that one of these keys made it. */
  finish(isNamed = false): EmbeddedSignature {
    const found = this.attempts.find(({ key, verifier }) =>
      isGood(() => verifier.verify({ key: key.key, ...this.options }, this.signature)),
    )
    return outcome(this.algorithm, found?.key.id, this.attempts.length, isNamed)
  }
}

/** A signature over bytes at hand; Ed25519 takes no hash name. */
export function judgeSignature(
  algorithm: string,
  hash: string | null,
  message: Uint8Array,
  signature: Uint8Array,
  keys: readonly RingKey[],
  { isNamed = false, ...options }: SigningOptions & { readonly isNamed?: boolean } = {},
): EmbeddedSignature {
  const found = keys.find(({ key }) => isGood(() => verify(hash, message, { key, ...options }, signature)))
  return outcome(algorithm, found?.id, keys.length, isNamed)
}

function outcome(algorithm: string, keyId: string | undefined, tried: number, isNamed: boolean): EmbeddedSignature {
  if (keyId !== undefined) return { state: 'verified', algorithm, keyId }
  if (isNamed) return { state: 'invalid', algorithm, why: 'it names a registered key and is not its signature' }
  const why = tried === 0 ? 'no registered key is of its kind' : `none of ${tried} registered keys of its kind made it`
  return { state: 'present', algorithm, why }
}

/** OpenSSL throws for a signature that has no form at all, and for a key too small for its padding. */
function isGood(check: () => boolean): boolean {
  try {
    return check()
  } catch {
    return false
  }
}

/** Keys whose own encoding hashes to what the firmware names. */
export const keysBy = (ring: KeyRing, isNamed: (key: KeyObject) => boolean): readonly RingKey[] =>
  ring.keys.filter(({ key }) => isNamed(key))
