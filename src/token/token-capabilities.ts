import type { Cryptoki, Handle } from './cryptoki-module.js'
import { CKF } from './cryptoki.js'
import { signingMechanisms, type SigningMechanism } from './signing-mechanism.js'
import { atTokenStep } from './token-failure.js'
import type { TokenSlot } from './token-slot.js'

/** What a token says it can do with one algorithm of ours. */
export interface AlgorithmCapability {
  readonly name: string
  readonly algorithm: number
  readonly curve: string
  readonly signs: boolean
  readonly generates: boolean
}

/** What an open token can do: partly as it says, partly as it was tried. */
export interface TokenCapabilities extends Pick<TokenSlot, 'label' | 'serial' | 'manufacturer' | 'model' | 'firmware'> {
  readonly algorithms: readonly AlgorithmCapability[]
  /** Signatures that may be under way at once: as many as were tried and worked. */
  readonly sessions: number
  /** Ids of keys that want the PIN for each use. They are used one at a time: some modules mix up whose PIN it was. */
  readonly asksEachTime: readonly string[]
}

export const readAlgorithms = (cryptoki: Cryptoki, slot: Handle): AlgorithmCapability[] =>
  signingMechanisms.map((row) => ({
    name: row.name,
    algorithm: row.algorithm,
    curve: row.curve,
    signs: canDo(cryptoki, slot, row.sign, CKF.SIGN),
    generates: canDo(cryptoki, slot, row.generate, CKF.GENERATE_KEY_PAIR),
  }))

/** True when the token signs this way, with keys of this size. */
export const canSign = (cryptoki: Cryptoki, slot: Handle, mechanism: SigningMechanism): boolean =>
  canDo(cryptoki, slot, mechanism.sign, CKF.SIGN)

function canDo(cryptoki: Cryptoki, slot: Handle, mechanism: number, flag: number): boolean {
  return atTokenStep('look for a mechanism', () => {
    if (!cryptoki.C_GetMechanismList(slot).includes(mechanism)) return false
    const { flags, minKeySize, maxKeySize } = cryptoki.C_GetMechanismInfo(slot, mechanism)
    // Of both curves the size is 255 or 256 bits, as one counts; a token that tells no sizes says 0.
    return (flags & flag) !== 0 && (maxKeySize === 0 || (minKeySize <= 256 && maxKeySize >= 255))
  })
}
