import { sha256 } from '../../src/domain/bytes.js'
import { buildSign1 } from '../../src/domain/cose/sign1.js'
import { Refusal } from '../../src/domain/refusal.js'
import { encodeAssignment } from '../../src/domain/trust/assignment.js'
import { encodeFreshness } from '../../src/domain/trust/freshness.js'
import { labelOf } from '../../src/domain/trust/labels.js'
import { parseRolloutPlan } from '../../src/domain/trust/rollout-plan.js'
import { Signers, type AssignRequest, type CertifyRequest } from '../../src/server/signing/signer.port.js'
import type { SoftAuthority } from './soft-authority.js'
import type { TrustFixture } from './trust-fixture.js'

const notHere = (): never => {
  throw new Refusal('SIGNER_UNAVAILABLE', { why: 'not in this test' })
}

/** An online signer with software keys: assigns under a plan's total, and gives freshness statements. */
export class FleetSigners extends Signers {
  /** Devices in the order they were first assigned, and every call. */
  readonly assigned = new Set<string>()
  calls = 0
  /** Of devices that asked for a statement of their own, in hex. */
  readonly nonces: string[] = []
  /** Thrown by `assign` while it is set. */
  refusal: Refusal | null = null
  assignmentLifeSeconds = 3_600
  krl: { readonly number: number; readonly bytes: Uint8Array } | null = null
  readonly sequences = new Map<string, number>()

  constructor(
    readonly trust: TrustFixture,
    private readonly nowSeconds: () => number,
    /** Issues certificates to devices; null in a fleet without them. */
    readonly authority: SoftAuthority | null = null,
  ) {
    super()
  }

  override async assign(namespace: string, request: AssignRequest): Promise<Uint8Array> {
    this.calls += 1
    if (this.refusal !== null) throw this.refusal
    const plan = parseRolloutPlan(request.plan)
    if (!this.assigned.has(request.deviceId) && this.assigned.size >= plan.devicesTotal)
      throw new Refusal('SIGNER_REFUSED', { code: 'PACE_EXCEEDED', check: 24 })
    this.assigned.add(request.deviceId)
    const now = this.nowSeconds()
    return buildSign1(
      this.trust.roleKey('assignment'),
      encodeAssignment({
        namespace,
        deviceId: request.deviceId,
        rolloutId: plan.rolloutId,
        manifestSha256: request.manifestSha256,
        sequence: this.sequences.get(Buffer.from(request.manifestSha256).toString('hex')) ?? 0,
        leastKrlNumber: this.krl?.number ?? 0,
        notBefore: now - 5,
        expires: now + this.assignmentLifeSeconds,
      }),
      labelOf('assignment'),
    )
  }

  override async freshness(namespace: string, nonce: Uint8Array | null): Promise<Uint8Array> {
    if (this.krl === null) return notHere()
    if (nonce !== null) this.nonces.push(Buffer.from(nonce).toString('hex'))
    const time = this.nowSeconds()
    return buildSign1(
      this.trust.roleKey('freshness'),
      encodeFreshness({
        namespace,
        time,
        expires: time + 86_400,
        krlNumber: this.krl.number,
        krlSha256: sha256(this.krl.bytes),
        rootVersion: 1,
        ...(nonce === null ? {} : { nonce }),
      }),
      labelOf('freshness'),
    )
  }

  override async certify(_namespace: string, { request, keyChanges }: CertifyRequest): Promise<Uint8Array> {
    return this.authority?.certify(request, keyChanges) ?? notHere()
  }

  override async deviceAuthority(): Promise<Uint8Array> {
    return this.authority?.certificate() ?? notHere()
  }

  override status = notHere
  override knowsImage = notHere
  override hashImage = notHere
  override sign = notHere
  override reSign = notHere
  override signKrl = notHere
  override importTrust = notHere
  override follow = notHere
}
