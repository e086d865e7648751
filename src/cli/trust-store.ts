import { nativeAlgorithms as algorithms } from '../domain/cose/algorithms.js'
import { Refusal } from '../domain/refusal.js'
import { openFreshness, requireFresh } from '../domain/trust/check-freshness.js'
import { heldPolicyOf, openPolicy, type HeldPolicy } from '../domain/trust/open-policy.js'
import { parsePolicy, type Policy } from '../domain/trust/policy.js'
import { openMultiSigned } from '../domain/trust/signed-document.js'
import { takeKrl } from '../domain/trust/take-krl.js'
import {
  anchorState,
  decodeTrustState,
  encodeTrustState,
  sha256Hex,
  type TrustState,
} from '../domain/trust/trust-state.js'
import { walkRoots } from '../domain/trust/walk-root.js'
import type { CliHome } from './cli-home.js'
import { createLocalFile, findLocalFile, replaceLocalFile } from './local-file.js'

/** What a server says about trust: signed bytes, believed only after `take`. */
export interface TrustAnswer {
  readonly roots: readonly Uint8Array[]
  readonly policy: Uint8Array | null
  readonly krl: Uint8Array | null
  readonly freshness: Uint8Array | null
}

/** What this person has verified. */
export interface HeldTrust {
  readonly state: TrustState
  readonly policy: Policy | null
  /** Policy and newest KRL as they were signed. */
  readonly policyBytes: Uint8Array | null
  readonly krlBytes: Uint8Array | null
}

/** Pinned root and everything verified from it, in the folder `trust` of the home. */
export class TrustStore {
  constructor(private readonly home: CliHome) {}

  private readonly file = (name: string): string => this.home.path(`trust/${name}`)

  /**
   * Pins root 1. The caller showed its fingerprint to a person: nothing else makes it the right one.
   * @throws Refusal when the bytes are no whole root of that namespace; `CONFLICT` when another root is pinned.
   */
  pin(bytes: Uint8Array, namespace: string): TrustState {
    const state = anchorState(bytes, algorithms)
    if (state.root.namespace !== namespace)
      throw new Refusal('WRONG_NAMESPACE', { expected: namespace, found: state.root.namespace })
    if (state.root.version !== 1) throw new Refusal('ROOT_VERSION', { expected: 1, found: state.root.version })
    const pinned = findLocalFile(this.file('root-1.cbor'))
    if (pinned !== null && sha256Hex(pinned) !== sha256Hex(bytes))
      throw new Refusal('CONFLICT', { what: 'root 1', why: `another one is pinned in ${this.home.path('trust')}` })
    if (pinned === null) createLocalFile(this.file('root-1.cbor'), bytes, 0o600)
    return state
  }

  /** @throws Refusal `CONFIGURATION` when no root is pinned. */
  load(): HeldTrust {
    const held = this.find()
    if (held === null)
      throw new Refusal('CONFIGURATION', { name: 'root 1', why: 'run "countersign init --root root-1.cbor" first' })
    return held
  }

  /** What was verified on this machine; null before a root is pinned. */
  find(): HeldTrust | null {
    const pinned = findLocalFile(this.file('root-1.cbor'))
    if (pinned === null) return null
    const stored = findLocalFile(this.file('state.cbor'))
    const state = stored === null ? anchorState(pinned, algorithms) : decodeTrustState(stored)
    const policyBytes = findLocalFile(this.file('policy.cbor'))
    return {
      state,
      policy: policyBytes === null ? null : parsePolicy(openMultiSigned('policy', policyBytes, algorithms).payload),
      policyBytes,
      krlBytes: findLocalFile(this.file('krl.cbor')),
    }
  }

  /**
   * Verifies what a server says, from the pinned root on, and stores each document as it is accepted.
   * @throws Refusal of the first document that does not hold; what was verified before it stays stored.
   */
  take(answer: TrustAnswer, now: number): HeldTrust {
    let state = walkRoots(this.load().state, answer.roots, algorithms, (next) => this.saveState(next))
    if (now >= state.root.expires) throw new Refusal('ROOT_EXPIRED', { expires: state.root.expires, now })
    if (answer.krl !== null) {
      state = takeKrl(state, answer.krl, now, algorithms)
      this.saveState(state)
      replaceLocalFile(this.file('krl.cbor'), answer.krl, 0o600)
    }
    // Whoever withholds a KRL or a root from us is caught by the statement that names a newer one.
    if (answer.freshness !== null) requireFresh(state, openFreshness(state, answer.freshness, now, null, algorithms))
    if (answer.policy !== null) this.takePolicy(state, answer.policy, now)
    return this.load()
  }

  private takePolicy(state: TrustState, bytes: Uint8Array, now: number): void {
    openPolicy(state, bytes, this.findHeldPolicy(), now, algorithms)
    replaceLocalFile(this.file('policy.cbor'), bytes, 0o600)
  }

  private findHeldPolicy(): HeldPolicy | null {
    const bytes = findLocalFile(this.file('policy.cbor'))
    return bytes === null ? null : heldPolicyOf(bytes)
  }

  private saveState(state: TrustState): void {
    replaceLocalFile(this.file('state.cbor'), encodeTrustState(state), 0o600)
  }
}

/** @throws Refusal `CONFIGURATION` when no policy was verified yet. */
export function requirePolicy(held: HeldTrust): Policy {
  if (held.policy === null)
    throw new Refusal('CONFIGURATION', {
      name: 'policy',
      why: 'the server has published none; "countersign trust push --policy FILE"',
    })
  return held.policy
}
