import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { ServerClock } from '../clock/server-clock.port.js'
import { equalBytes } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { encodeOfferMessage } from '../../protocol/mqtt-payloads.js'
import { deviceTopic } from '../../protocol/mqtt-topics.js'
import { OutboxService } from '../mqtt/outbox.service.js'
import { Signers } from '../signing/signer.port.js'
import { mapBounded } from './map-bounded.js'
import { ReleaseGuard, type TrustSnapshot } from './release-guard.service.js'
import type { ShelvedRelease } from './release-shelf.service.js'
import { RolloutLifecycle } from './rollout-lifecycle.service.js'
import type { RolloutRecord } from './rollout-record.js'

const CHUNK = 64
const AT_ONCE = 8
/** One call of the engine: others get their turn, and a stop is not kept waiting. */
const MOST_CHUNKS = 32

/** Refusals that pass by themselves: the offer waits. Every other one stops the rollout for a person to look at. */
const passing = new Set([
  'PACE_EXCEEDED',
  'RATE_EXCEEDED',
  'PLAN_NOT_ACTIVE',
  'SIGNER_UNAVAILABLE',
  'SIGNER_STORAGE',
  'SIGNER_SUSPENDED',
  'CLOCK_BEHIND',
  'CLOCK_JUMPED',
  'ASSIGNMENT_NEEDS_KRL',
])

/** A rollout that may run, with what its assignments are asked with. */
export interface OfferContext {
  readonly rollout: RolloutRecord
  readonly release: ShelvedRelease
  readonly trust: TrustSnapshot
  readonly approvals: readonly Uint8Array[]
}

interface Assigned {
  readonly deviceId: string
  readonly assignment: Uint8Array
  readonly expires: number
}
type Attempt = { readonly assigned: Assigned } | { readonly refusal: Refusal }

/** Asks the online signer for one assignment a device, stores it and wakes the device up. */
@Injectable()
export class OfferService {
  constructor(
    private readonly database: DataSource,
    private readonly signers: Signers,
    private readonly guard: ReleaseGuard,
    private readonly lifecycle: RolloutLifecycle,
    private readonly outbox: OutboxService,
    private readonly clock: ServerClock,
  ) {}

  /**
   * Offers to queued devices as far as the approved pace allows, and renews assignments in their last quarter.
   * Safe to interrupt: what the signer gave and we lost it gives again without counting the device twice.
   */
  async offer(context: OfferContext): Promise<void> {
    for (let chunk = 0; chunk < MOST_CHUNKS; chunk += 1) {
      const now = this.clock.nowSeconds()
      const waiting = await this.findWaiting(context.rollout, now)
      if (waiting.length === 0) return
      const attempts = await this.assignAll(context, waiting)
      const assigned = attempts.flatMap((attempt) => ('assigned' in attempt ? [attempt.assigned] : []))
      await this.store(context, assigned)
      const refusal = attempts.find((attempt) => 'refusal' in attempt)
      if (refusal !== undefined) return this.standStill(context.rollout, refusal.refusal)
    }
  }

  /** Queued devices in the order they are reached, then those whose assignment ends soon. */
  private async findWaiting(rollout: RolloutRecord, now: number): Promise<readonly string[]> {
    const [row] = await this.database.query<{ hold_until: number }[]>(
      `SELECT hold_until FROM rollout WHERE id = $1 AND state = 'running'`,
      [rollout.id],
    )
    if (row === undefined || row.hold_until > now) return []
    const rows = await this.database.query<{ device_id: string }[]>(
      `SELECT device_id FROM deployment WHERE rollout_id = $1 AND (state = 'queued' OR (assignment IS NOT NULL
         AND state IN ('offered', 'downloading', 'downloaded', 'installing', 'rebooting')
         AND assignment_expires - (assignment_expires - assigned_at) / 4 <= $2))
       ORDER BY state <> 'queued', stage, sha256(convert_to($1::text || '/' || device_id, 'UTF8')) LIMIT ${CHUNK}`,
      [rollout.id, now],
    )
    return rows.map((each) => each.device_id)
  }

  /** After the first refusal no further device is asked for. */
  private async assignAll(context: OfferContext, deviceIds: readonly string[]): Promise<readonly Attempt[]> {
    let isRefused = false
    const attempts = await mapBounded(deviceIds, AT_ONCE, async (deviceId): Promise<Attempt | null> => {
      if (isRefused) return null
      try {
        return { assigned: await this.assign(context, deviceId) }
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        isRefused = true
        return { refusal: error }
      }
    })
    return attempts.filter((attempt) => attempt !== null)
  }

  /** The signer's answer is judged like a device will (I-2). */
  private async assign({ rollout, trust, approvals }: OfferContext, deviceId: string): Promise<Assigned> {
    const manifestSha256 = new Uint8Array(rollout.manifest_sha256)
    const plan = new Uint8Array(rollout.plan)
    const assignment = await this.signers.assign(rollout.namespace, { deviceId, manifestSha256, plan, approvals })
    const checked = this.guard.checkAssignment(trust, assignment, deviceId, this.clock.nowSeconds())
    if (!equalBytes(checked.manifestSha256, manifestSha256) || checked.rolloutId !== rollout.id)
      throw new Refusal('PLAN_MISMATCH', { field: 'assignment' })
    if (checked.sequence !== rollout.sequence)
      throw new Refusal('ASSIGNMENT_SEQUENCE', { assigned: checked.sequence, manifest: rollout.sequence })
    return { deviceId, assignment, expires: checked.expires }
  }

  /** State, assignment and message are one write. A rollout that was paused or cancelled meanwhile offers nothing. */
  private async store({ rollout, release }: OfferContext, assigned: readonly Assigned[]): Promise<void> {
    if (assigned.length === 0) return
    await this.database.transaction(async (manager) => {
      const running = await manager.query<unknown[]>(
        `SELECT 1 FROM rollout WHERE id = $1 AND state = 'running' FOR SHARE`,
        [rollout.id],
      )
      if (running.length === 0) return
      const offered = new Set(await writeAssignments(manager, rollout.id, assigned, this.clock.nowSeconds()))
      const messages = assigned
        .filter((each) => offered.has(each.deviceId))
        .map((each) => ({
          topic: deviceTopic(rollout.namespace, each.deviceId, 'offer'),
          payload: encodeOfferMessage({
            assignment: each.assignment,
            manifestSha256: release.manifestSha256,
            imageSizeBytes: release.imageSizeBytes,
            jitterSeconds: rollout.jitter_seconds,
          }),
          expiresAt: each.expires,
        }))
      await this.outbox.enqueue(manager, messages)
    })
    this.outbox.wake()
  }

  private async standStill(rollout: RolloutRecord, refusal: Refusal): Promise<void> {
    const code = codeOf(refusal)
    const now = this.clock.nowSeconds()
    if (passing.has(code)) {
      // With N devices an hour a place is free again after 3600/N seconds on average.
      const seconds =
        code === 'PACE_EXCEEDED' ? Math.min(60, Math.max(1, Math.ceil(3_600 / rollout.devices_per_hour))) : 5
      await this.database.query('UPDATE rollout SET hold_until = $2, hold_code = $3 WHERE id = $1', [
        rollout.id,
        now + seconds,
        code,
      ])
      return
    }
    await this.database.transaction(async (manager) => {
      const row = await this.lifecycle.lock(manager, rollout.namespace, rollout.id)
      if (row.state === 'running') await this.lifecycle.pauseByEngine(manager, row, 'signer-refused', code)
    })
  }
}

const codeOf = (refusal: Refusal): string => (isSignerRefusal(refusal) ? refusal.detail.code : refusal.code)

const isSignerRefusal = (refusal: Refusal): refusal is Refusal<'SIGNER_REFUSED'> => refusal.code === 'SIGNER_REFUSED'

/** Compare and set: of two engines that ask for the same device one finds it queued. @returns those that changed. */
async function writeAssignments(
  manager: EntityManager,
  rolloutId: string,
  assigned: readonly Assigned[],
  now: number,
): Promise<string[]> {
  const ordered = assigned.toSorted((a, b) => (a.deviceId < b.deviceId ? -1 : 1))
  const [rows] = await manager.query<[{ device_id: string }[], number]>(
    `UPDATE deployment p SET state = CASE WHEN p.state = 'queued' THEN 'offered' ELSE p.state END,
       assignment = n.assignment, assignment_expires = n.expires, assigned_at = $5,
       alive_at = CASE WHEN p.state = 'queued' THEN $5 ELSE p.alive_at END,
       changed_at = CASE WHEN p.state = 'queued' THEN $5 ELSE p.changed_at END
     FROM unnest($2::text[], $3::bytea[], $4::bigint[]) AS n (device_id, assignment, expires)
     WHERE p.rollout_id = $1 AND p.device_id = n.device_id
       AND p.state IN ('queued', 'offered', 'downloading', 'downloaded', 'installing', 'rebooting')
       AND (p.state = 'queued' OR p.assignment_expires < n.expires AND p.assigned_at < $5)
     RETURNING p.device_id`,
    [
      rolloutId,
      ordered.map((each) => each.deviceId),
      ordered.map((each) => Buffer.from(each.assignment)),
      ordered.map((each) => each.expires),
      now,
    ],
  )
  return rows.map((row) => row.device_id)
}
