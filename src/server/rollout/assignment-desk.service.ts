import { Injectable } from '@nestjs/common'
import { equalBytes } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import { Signers } from '../signing/signer.port.js'
import { mapBounded } from './map-bounded.js'
import type { QueuedRow } from './offer-round.js'
import { ReleaseGuard, type TrustSnapshot } from './release-guard.service.js'
import type { ShelvedRelease } from './release-shelf.service.js'
import { signedIdOf, type RolloutRecord } from './rollout-record.js'

const AT_ONCE = 8

/** A rollout that may run, with what its assignments are asked with. */
export interface OfferContext {
  readonly rollout: RolloutRecord
  readonly release: ShelvedRelease
  readonly trust: TrustSnapshot
  readonly approvals: readonly Uint8Array[]
}
export interface Assigned {
  readonly deviceId: string
  /** 0 for a renewal. */
  readonly attempt: number
  readonly assignment: Uint8Array
  readonly expires: number
}
/** `code`: the signer's own, where it was the signer who refused. */
export type Attempt = { readonly assigned: Assigned } | { readonly code: string }

/** Asks the online signer for assignments, one a device, and believes its answers as little as anybody's. */
@Injectable()
export class AssignmentDesk {
  constructor(
    private readonly signers: Signers,
    private readonly guard: ReleaseGuard,
    private readonly clock: Clock,
  ) {}

  /** After the first refusal no further device is asked for. */
  async assignAll(context: OfferContext, rows: readonly QueuedRow[]): Promise<readonly Attempt[]> {
    let isRefused = false
    const attempts = await mapBounded(rows, AT_ONCE, async (row): Promise<Attempt | null> => {
      if (isRefused) return null
      try {
        return { assigned: await this.assign(context, row) }
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        isRefused = true
        return { code: codeOf(error) }
      }
    })
    return attempts.filter((attempt) => attempt !== null)
  }

  /** The signer's answer is judged like a device will (I-2). */
  private async assign({ rollout, trust, approvals }: OfferContext, row: QueuedRow): Promise<Assigned> {
    const { deviceId, attempt } = row
    const manifestSha256 = new Uint8Array(rollout.manifest_sha256)
    const plan = new Uint8Array(rollout.plan)
    const assignment = await this.signers.assign(rollout.namespace, { deviceId, manifestSha256, plan, approvals })
    const checked = this.guard.checkAssignment(trust, assignment, deviceId, this.clock.nowSeconds())
    if (!equalBytes(checked.manifestSha256, manifestSha256) || checked.rolloutId !== signedIdOf(rollout))
      throw new Refusal('PLAN_MISMATCH', { field: 'assignment' })
    if (checked.sequence !== rollout.sequence)
      throw new Refusal('ASSIGNMENT_SEQUENCE', { assigned: checked.sequence, manifest: rollout.sequence })
    return { deviceId, attempt, assignment, expires: checked.expires }
  }
}

const codeOf = (refusal: Refusal): string => (isSignerRefusal(refusal) ? refusal.detail.code : refusal.code)

const isSignerRefusal = (refusal: Refusal): refusal is Refusal<'SIGNER_REFUSED'> => refusal.code === 'SIGNER_REFUSED'
