import { Injectable } from '@nestjs/common'
import { toHex } from '../../domain/bytes.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { Refusal } from '../../domain/refusal.js'
import type { Assignment } from '../../domain/trust/assignment.js'
import { checkAssignment } from '../../domain/trust/check-assignment.js'
import { checkEnvelope, requireTarget } from '../../domain/trust/check-envelope.js'
import { requireLiveKrl } from '../../domain/trust/take-krl.js'
import type { TrustService } from '../keys/trust.service.js'
import type { ShelvedRelease } from './release-shelf.service.js'

/** What is published in a namespace, verified. */
export type TrustSnapshot = Awaited<ReturnType<TrustService['snapshot']>>

/** Keys begin and end by the clock: a verdict is asked again after this long even when no document changed. */
const VERDICT_SECONDS = 10
const MAX_VERDICTS = 1_024

interface Verdict {
  readonly state: TrustSnapshot['state']
  readonly until: number
  readonly refusal: Refusal | null
}

/** I-2: what the devices' own judge would refuse is not offered. The same checks as in a device, over the newest documents. */
@Injectable()
export class ReleaseGuard {
  private readonly verdicts = new Map<string, Verdict>()

  /** @returns why a device of the release's class with nothing installed would refuse it now, or null. */
  findRefusal(trust: TrustSnapshot, release: ShelvedRelease, now: number): Refusal | null {
    const name = `${trust.namespace} ${toHex(release.manifestSha256)}`
    const known = this.verdicts.get(name)
    // States are never changed in place: the same object is the same documents.
    if (known !== undefined && known.state === trust.state && now < known.until) return known.refusal
    const refusal = judge(trust, release, now)
    if (this.verdicts.size >= MAX_VERDICTS) this.verdicts.clear()
    this.verdicts.set(name, { state: trust.state, until: now + VERDICT_SECONDS, refusal })
    return refusal
  }

  /** @throws Refusal of step 10: the signer's answer is believed as little as anybody's. */
  checkAssignment(trust: TrustSnapshot, assignment: Uint8Array, deviceId: string, now: number): Assignment {
    return checkAssignment(trust.state, assignment, deviceId, now, nativeAlgorithms)
  }
}

function judge(trust: TrustSnapshot, release: ShelvedRelease, now: number): Refusal | null {
  const { state, policyContent: policy } = trust
  try {
    if (policy === null)
      throw new Refusal('STATE', { what: 'namespace', state: 'without policy', wanted: 'with policy' })
    requireLiveKrl(state, now)
    const checked = checkEnvelope(state, release.envelope, release.manifestSha256, now, nativeAlgorithms)
    requireTarget(state, checked, { vendorId: policy.vendorId, classId: release.classId })
    return null
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}
