import { Injectable } from '@nestjs/common'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import { findLegacyRule, type LegacyRule } from '../../domain/trust/legacy-clients.js'
import type { Policy } from '../../domain/trust/policy.js'
import { TrustService } from '../keys/trust.service.js'
import { LegacyAdmission, type LegacyRefusal } from '../rollout/legacy-admission.port.js'
import { ReleaseGuard } from '../rollout/release-guard.service.js'
import { ReleaseShelf, type ShelvedRelease } from '../rollout/release-shelf.service.js'
import { BundleVerdict, type BundleState } from './bundle-verdict.port.js'
import type { DdiTarget, DdiWork } from './ddi-target.js'

/** A signature over the policy is verified again after so long, or when any trust document is new. */
const POLICY_SECONDS = 10

interface HeldPolicy {
  readonly state: unknown
  readonly document: unknown
  readonly until: number
  readonly policy: Policy | null
}

/** What a client may not have: for good, so that the deployment is over, or for now. */
export type GateNo = { readonly code: LegacyRefusal | 'NOT_NOW' }
export type GateAnswer = { readonly release: ShelvedRelease } | GateNo

/**
 * trust.md §6: clients that verify nothing of ours join, and are offered something, only where the signed policy names their class;
 * then they get signed, unrevoked releases under an assignment of the online signer, whose bundle the inspector verified unless
 * the policy waives that.
 */
@Injectable()
export class LegacyGate extends LegacyAdmission {
  private readonly policies = new Map<string, HeldPolicy>()

  constructor(
    private readonly trust: TrustService,
    private readonly releases: ReleaseShelf,
    private readonly guard: ReleaseGuard,
    private readonly verdict: BundleVerdict,
    private readonly clock: Clock,
  ) {
    super()
  }

  /** @throws Refusal `ENROLMENT_REFUSED`. */
  async requireJoining(namespace: string, classId: Uint8Array): Promise<void> {
    const policy = await this.findPolicy(namespace)
    if (policy === null || findLegacyRule(policy, 'ddi', classId) === null)
      throw new Refusal('ENROLMENT_REFUSED', { why: 'the policy lets in no such client of this class' })
  }

  /** Whether `target` may have what `work` is about, now. */
  async judge(target: DdiTarget, work: DdiWork): Promise<GateAnswer> {
    const { namespace, classId } = target
    const now = this.clock.nowSeconds()
    const policy = await this.findPolicy(namespace)
    if (policy === null) return { code: 'NOT_NOW' }
    const rule = findLegacyRule(policy, 'ddi', classId)
    if (rule === null) return { code: 'LEGACY_CLIENT_REFUSED' }
    if (work.assignmentExpires === null || work.assignmentExpires <= now) return { code: 'NOT_NOW' }
    const release = await this.releases.findByManifest(namespace, work.manifestSha256)
    const trust = await this.trust.snapshot(namespace)
    if (release === null || this.guard.findRefusal(trust, release, now) !== null) return { code: 'NOT_NOW' }
    const bundle = await this.judgeBundle(namespace, rule, release.imageSha256)
    if (bundle === 'verified') return { release }
    return { code: bundle === 'unverified' ? 'BUNDLE_UNVERIFIED' : 'NOT_NOW' }
  }

  override async findRefusal(
    namespace: string,
    classId: Uint8Array,
    imageSha256: Uint8Array,
  ): Promise<LegacyRefusal | null> {
    const policy = await this.findPolicy(namespace)
    if (policy === null) return null
    const rule = findLegacyRule(policy, 'ddi', classId)
    if (rule === null) return 'LEGACY_CLIENT_REFUSED'
    return (await this.judgeBundle(namespace, rule, imageSha256)) === 'unverified' ? 'BUNDLE_UNVERIFIED' : null
  }

  private async judgeBundle(namespace: string, rule: LegacyRule, imageSha256: Uint8Array): Promise<BundleState> {
    return rule.waived.includes('bundle-signature') ? 'verified' : this.verdict.judge(namespace, imageSha256)
  }

  /** The newest policy, its signatures and life checked; null when there is none that holds now. */
  private async findPolicy(namespace: string): Promise<Policy | null> {
    const now = this.clock.nowSeconds()
    const { state, policy: document } = await this.trust.snapshot(namespace)
    const held = this.policies.get(namespace)
    if (held !== undefined && held.state === state && held.document === document && now < held.until) return held.policy
    const policy = await this.openPolicy(namespace)
    this.policies.set(namespace, { state, document, until: now + POLICY_SECONDS, policy })
    return policy
  }

  private async openPolicy(namespace: string): Promise<Policy | null> {
    try {
      return (await this.trust.peopleContext(namespace)).policy
    } catch (error) {
      if (error instanceof Refusal) return null
      throw error
    }
  }
}
