import { randomUUID } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { equalBytes, sha256, toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import type { Gate } from '../../domain/rollout/gate.js'
import { calendarsOf, type RolloutRules } from '../../domain/rollout/rules.js'
import { requireStages, type StageReach } from '../../domain/rollout/stage.js'
import { Refusal } from '../../domain/refusal.js'
import { RELEASE_LIFE_SECONDS, requireRoleOutlives } from '../../domain/trust/falling-due.js'
import { encodeRolloutPlan } from '../../domain/trust/rollout-plan.js'
import { AuditService } from '../audit/audit.service.js'
import { TrustService } from '../keys/trust.service.js'
import { Filters } from '../targeting/filters.service.js'
import { ReleaseShelf, type ShelvedRelease } from './release-shelf.service.js'

const DAY_SECONDS = 86_400
const DEFAULT_SILENCE_SECONDS = DAY_SECONDS
/** Wake-ups are spread over a second for every thousand devices, at most over five minutes. */
const DEVICES_PER_JITTER_SECOND = 1_000
const MAX_JITTER_SECONDS = 300

export interface StageRequest {
  readonly reach: StageReach
  readonly gate: Gate
  readonly soakSeconds: number
  /** Takes only devices that fit. */
  readonly where?: string | undefined
}
export interface RolloutRequest {
  readonly namespace: string
  readonly actor: string
  readonly releaseId: string
  /** Not given: the one that was signed with the release. */
  readonly fallbackReleaseId?: string | null | undefined
  readonly stages: readonly StageRequest[]
  readonly rules: RolloutRules
  /** Of two rollouts that want one device the higher one has it. */
  readonly priority: number
  readonly failureLimit: { readonly count?: number | undefined; readonly percent?: number | undefined }
  readonly devicesPerHour: number
  readonly devicesTotal: number
  /** Seconds since the epoch; now, and 30 days from then, by default. */
  readonly notBefore?: number | undefined
  readonly expires?: number | undefined
  /** The release's class; checked when it is given, since a release fits no other. */
  readonly classId?: Uint8Array | undefined
  readonly deviceIds?: readonly string[] | undefined
  /** Only devices that fit; those that fit later join. */
  readonly where?: string | undefined
  /** A device that was offered something and says nothing about it for so long has timed out. */
  readonly silenceSeconds?: number | undefined
  readonly jitterSeconds?: number | undefined
}

/** Makes rollouts: a few rows, whatever the number of devices, and the plan that people sign. */
@Injectable()
export class RolloutPlanning {
  constructor(
    private readonly database: DataSource,
    private readonly releases: ReleaseShelf,
    private readonly trust: TrustService,
    private readonly filters: Filters,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** @returns the id. @throws Refusal `REQUEST_INVALID` naming the field, `NOT_FOUND`, `STATE` for a release not signed. */
  async create(request: RolloutRequest): Promise<string> {
    requireStages(request.stages.map((stage) => stage.reach))
    calendarsOf(request.rules.schedule)
    await this.requireFilters(request)
    const release = await this.releases.requireSigned(request.namespace, request.releaseId)
    if (request.classId !== undefined && !equalBytes(request.classId, release.classId))
      throw new Refusal('REQUEST_INVALID', { field: 'filter.className', why: 'the release is for another class' })
    const fallback = await this.findFallback(request, release)
    if (fallback === null && request.rules.onFailure === 'roll-back')
      throw new Refusal('REQUEST_INVALID', { field: 'onFailure', why: 'rolling back needs a fallback' })
    const now = this.clock.nowSeconds()
    const notBefore = request.notBefore ?? now
    const expires = request.expires ?? notBefore + RELEASE_LIFE_SECONDS
    if (expires <= now || expires <= notBefore)
      throw new Refusal('REQUEST_INVALID', { field: 'expires', why: 'not after now and notBefore' })
    requireRoleOutlives((await this.trust.snapshot(request.namespace)).state, expires, now)
    const id = randomUUID()
    const { namespace, devicesPerHour, devicesTotal } = request
    const manifests = [release, ...(fallback === null ? [] : [fallback])].map((each) => each.manifestSha256)
    const plan = encodeRolloutPlan({
      namespace,
      rolloutId: id,
      manifests,
      devicesPerHour,
      devicesTotal,
      notBefore,
      expires,
    })
    await this.database.transaction(async (manager) => {
      await insertRollout(manager, { id, request, release, fallback, plan, notBefore, expires, now })
      await insertStages(manager, id, request.stages)
      const detail = { rollout: id, release: release.id, planSha256: toHex(sha256(plan)) }
      await this.audit.record(manager, { namespace, actor: request.actor, event: 'rollout.created', detail })
    })
    return id
  }

  private async requireFilters({ namespace, where, stages }: RolloutRequest): Promise<void> {
    if (where !== undefined) await this.requireFilter(namespace, 'filter.where', where)
    for (const [index, stage] of stages.entries())
      if (stage.where !== undefined) await this.requireFilter(namespace, `stages.${index}.where`, stage.where)
  }

  private async requireFilter(namespace: string, field: string, text: string): Promise<void> {
    try {
      await this.filters.understand(namespace, text)
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'FILTER_INVALID') throw error
      throw new Refusal('FILTER_INVALID', { ...error.detail, field }, { cause: error })
    }
  }

  /**
   * Rolling back is rolling forward: a fallback is for the same class, with a higher sequence. Of a release that was approved
   * with one, both are signed before it goes anywhere.
   */
  private async findFallback(request: RolloutRequest, release: ShelvedRelease): Promise<ShelvedRelease | null> {
    const id = request.fallbackReleaseId === undefined ? release.fallbackId : request.fallbackReleaseId
    if (id === null) return null
    const fallback = await this.releases.requireSigned(request.namespace, id)
    if (!equalBytes(fallback.classId, release.classId) || fallback.sequence <= release.sequence)
      throw new Refusal('REQUEST_INVALID', {
        field: 'fallbackReleaseId',
        why: 'not of the same class with a higher sequence',
      })
    return fallback
  }
}

interface NewRollout {
  readonly id: string
  readonly request: RolloutRequest
  readonly release: ShelvedRelease
  readonly fallback: ShelvedRelease | null
  readonly plan: Uint8Array
  readonly notBefore: number
  readonly expires: number
  readonly now: number
}

async function insertRollout(manager: EntityManager, rollout: NewRollout): Promise<void> {
  const { request, release } = rollout
  const jitter = Math.min(MAX_JITTER_SECONDS, Math.floor(request.devicesTotal / DEVICES_PER_JITTER_SECOND))
  const columns: Readonly<Record<string, unknown>> = {
    id: rollout.id,
    namespace: request.namespace,
    release_id: release.id,
    fallback_release_id: rollout.fallback?.id ?? null,
    manifest_sha256: Buffer.from(release.manifestSha256),
    sequence: release.sequence,
    class_id: Buffer.from(release.classId),
    device_ids: request.deviceIds ?? null,
    filter: request.where ?? null,
    plan: Buffer.from(rollout.plan),
    plan_sha256: Buffer.from(sha256(rollout.plan)),
    not_before: rollout.notBefore,
    expires: rollout.expires,
    devices_per_hour: request.devicesPerHour,
    devices_total: request.devicesTotal,
    priority: request.priority,
    rules: JSON.stringify(request.rules),
    limit_count: request.failureLimit.count ?? null,
    limit_percent: request.failureLimit.percent ?? null,
    silence_seconds: request.silenceSeconds ?? DEFAULT_SILENCE_SECONDS,
    jitter_seconds: request.jitterSeconds ?? jitter,
    state: 'planned',
    created_at: rollout.now,
    created_by: request.actor,
  }
  const names = Object.keys(columns)
  await manager.query(
    `INSERT INTO rollout (${names.join(', ')}) VALUES (${names.map((_, index) => `$${index + 1}`).join(', ')})`,
    Object.values(columns),
  )
}

async function insertStages(manager: EntityManager, rolloutId: string, stages: readonly StageRequest[]): Promise<void> {
  await manager.query(
    `INSERT INTO rollout_stage (rollout_id, index, devices, percent, gate_percent, soak_seconds, filter, state)
     SELECT $1::uuid, (n.place - 1)::smallint, n.devices, n.percent, n.gate, n.soak, n.filter, 'waiting'
     FROM unnest($2::bigint[], $3::double precision[], $4::double precision[], $5::bigint[], $6::text[])
       WITH ORDINALITY AS n (devices, percent, gate, soak, filter, place)`,
    [
      rolloutId,
      stages.map(({ reach }) => ('devices' in reach ? reach.devices : null)),
      stages.map(({ reach }) => ('percent' in reach ? reach.percent : null)),
      stages.map(({ gate }) => gate.confirmedPercent),
      stages.map(({ soakSeconds }) => soakSeconds),
      stages.map(({ where }) => where ?? null),
    ],
  )
}
