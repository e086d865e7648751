import { atStep, Refusal, type RefusalCode } from '../src/domain/refusal.js'
import {
  acceptUpdate,
  refreshTrust,
  type AcceptedUpdate,
  type DeviceContext,
  type UpdateOffer,
} from '../src/domain/trust/accept-update.js'
import { checkAssignment } from '../src/domain/trust/check-assignment.js'
import { applyKrl, judgeKrl } from '../src/domain/trust/take-krl.js'
import { sha256Hex, type TrustState } from '../src/domain/trust/trust-state.js'
import { MAX_ROOT_WALK, takeRoot } from '../src/domain/trust/walk-root.js'
import type { TrustMessage } from '../src/protocol/mqtt-payloads.js'
import type { DeviceMemory } from './device-memory.js'
import type { DeviceServer } from './device-server.port.js'

/** Who the device is; the clock and the nonce are read anew for each decision. */
export type DeviceIdentity = Omit<DeviceContext, 'clockSeconds' | 'nonce'>

/** Refusals that a document which exists would mend: it is fetched once, then the offer is judged again. */
const needsRoot: readonly RefusalCode[] = ['ROOT_EXPIRED', 'FRESHNESS_ROOT', 'KRL_NEEDS_ROOT', 'KRL_EPOCH']
const needsKrl: readonly RefusalCode[] = ['FRESHNESS_KRL', 'KRL_MISSING', 'KRL_OLD', 'ASSIGNMENT_NEEDS_KRL']

/** The device's judgement (trust.md §5, steps 1 to 14); what a step took is stored before the next one. */
export class TrustDesk {
  constructor(
    private readonly identity: DeviceIdentity,
    private readonly memory: () => DeviceMemory,
    private readonly server: DeviceServer,
    /** null on a device without a clock. */
    private readonly clockSeconds: () => number | null,
  ) {}

  /**
   * @returns the update to install; null when none is offered and trust is fresh.
   * @throws Refusal with its step; Unreachable when a document that is missing cannot be fetched.
   */
  async judge(offer: UpdateOffer, nonce: Uint8Array | null): Promise<AcceptedUpdate | null> {
    let complete = offer
    const fetched = { roots: false, krl: false }
    for (;;) {
      try {
        return this.judgeOnce(complete, nonce)
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        const { code } = error
        if (needsRoot.includes(code) && !fetched.roots) {
          fetched.roots = true
          await this.fetchRoots(MAX_ROOT_WALK - complete.roots.length)
          complete = { ...complete, roots: [] }
        } else if (needsKrl.includes(code) && !fetched.krl) {
          fetched.krl = true
          complete = { ...complete, krl: (await this.server.findKrl()) ?? complete.krl }
        } else throw error
      }
    }
  }

  /** Once more before the slot switch, with what the device holds by then (step 10). @throws Refusal */
  judgeAgain(offer: UpdateOffer, nonce: Uint8Array | null): void {
    this.judgeOnce({ ...offer, roots: [], krl: null }, nonce)
  }

  /** The rollout of an offer whose assignment holds, though something after it was refused. */
  findRolloutId({ assignment }: UpdateOffer): string | null {
    if (assignment === null) return null
    try {
      const { deviceId, algorithms } = this.identity
      return checkAssignment(this.memory().trust, assignment, deviceId, this.now(), algorithms).rolloutId
    } catch (error) {
      if (error instanceof Refusal) return null
      throw error
    }
  }

  /**
   * Takes a KRL that came by itself, through the same steps as one in an answer.
   * @returns true when it was new; the same one again changes nothing and costs no verification.
   * @throws Refusal with step 6 or 8.
   */
  takeKrl(bytes: Uint8Array): boolean {
    const { trust } = this.memory()
    if (trust.krl?.sha256 === sha256Hex(bytes)) return false
    const krl = atStep(6, () => judgeKrl(trust, bytes, this.now(), this.identity.algorithms))
    if (krl === null) return false
    this.memory().saveTrust(atStep(8, () => applyKrl(trust, krl)))
    return true
  }

  /** Whether a message that anybody may have written names something newer than what is held. */
  isBehind(message: TrustMessage): boolean {
    const { root, krl } = this.memory().trust
    return message.rootVersion > root.version || message.krlNumber > (krl?.number ?? 0)
  }

  /** The clock; without one the largest time that a verified document named. */
  now(): number {
    return this.clockSeconds() ?? this.memory().trust.latestSeconds
  }

  private judgeOnce(offer: UpdateOffer, nonce: Uint8Array | null): AcceptedUpdate | null {
    const context: DeviceContext = { ...this.identity, clockSeconds: this.clockSeconds(), nonce }
    const save = (state: TrustState): void => this.memory().saveTrust(state)
    const held = this.memory().trust
    if (offer.assignment !== null) return acceptUpdate(held, offer, context, save)
    refreshTrust(held, offer, context, save)
    return null
  }

  /** Each root is taken before the next is asked for: a server with roots without end is stopped by one that does not follow. */
  private async fetchRoots(most: number): Promise<void> {
    for (let fetched = 0; fetched < most; fetched += 1) {
      const root = await this.server.findRoot(this.memory().trust.root.version + 1)
      if (root === null) return
      const { trust } = this.memory()
      this.memory().saveTrust(atStep(2, () => takeRoot(trust, root, this.identity.algorithms)))
    }
  }
}
