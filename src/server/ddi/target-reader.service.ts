import { Injectable } from '@nestjs/common'
import { DeviceFeed } from '../database/device-feed.service.js'
import { PreparedQueries } from '../database/prepared-queries.service.js'
import { compileOverrides } from '../poll-overrides.js'
import { Filters } from '../targeting/filters.service.js'
import { ASSIGNED_UNTIL, IS_FORMER } from './action-record.js'
import type { DdiTarget, DdiWork, DeploymentState } from './ddi-target.js'
import { Tenants } from './tenants.service.js'

/** What a client's secret is compared with; it never leaves this module. */
export interface TargetRecord {
  readonly target: DdiTarget
  readonly credentialSha256: Uint8Array
  /** The feed's before it was read. */
  readonly tick: number | null
}

interface Row {
  readonly at: number
  readonly id: string
  readonly class_id: Buffer
  readonly credential_sha256: Buffer
  readonly is_config_asked: boolean
  readonly installed_action: number | null
  readonly is_auto_confirming: boolean
  readonly poll_seconds: number | null
  readonly action: number | null
  readonly rollout_id: string | null
  readonly rollout_state: string
  readonly state: DeploymentState
  readonly manifest_sha256: Buffer
  readonly assignment_expires: number | null
  readonly consent: DdiWork['consent']
  readonly is_cancel_rejected: boolean
  readonly is_former: boolean
}
interface Waiting {
  readonly namespace: string
  readonly controllerId: string
  resolve(record: TargetRecord | null): void
  reject(error: unknown): void
}

const MAX_BATCH = 256
const MAX_QUERIES = 2

/** An open action comes before a deployment the client was not told of: it is about one thing at a time. */
const WORK = `
  (SELECT a.id AS action, a.rollout_id, r.state AS rollout_state, p.state, r.manifest_sha256, ${ASSIGNED_UNTIL} AS assignment_expires,
     a.consent, a.is_cancel_rejected, ${IS_FORMER} AS is_former
   FROM ddi_action a JOIN deployment p ON p.rollout_id = a.rollout_id AND p.device_id = a.device_id JOIN rollout r ON r.id = a.rollout_id
   WHERE a.namespace = d.namespace AND a.device_id = d.id AND a.closed_at IS NULL ORDER BY a.id LIMIT 1)
  UNION ALL
  (SELECT NULL, p.rollout_id, r.state, p.state, r.manifest_sha256, p.assignment_expires, NULL, false, false
   FROM deployment p JOIN rollout r ON r.id = p.rollout_id
   WHERE p.namespace = d.namespace AND p.device_id = d.id AND p.state = 'offered'
     AND NOT EXISTS (SELECT 1 FROM ddi_action a WHERE a.namespace = d.namespace AND a.device_id = d.id AND a.closed_at IS NULL))
  LIMIT 1`

/**
 * Reads clients by name. Polls that come while a query is under way share the next one: at rest each has its own at once, under
 * load hundreds cost little more than one. Nothing is kept, so nothing is out of date.
 */
@Injectable()
export class TargetReader {
  private readonly waiting: Waiting[] = []
  private running = 0
  private readonly overrides: { readonly sql: string; readonly parameters: readonly unknown[] }

  constructor(
    private readonly prepared: PreparedQueries,
    private readonly feed: DeviceFeed,
    tenants: Tenants,
    filters: Filters,
  ) {
    this.overrides = compileOverrides(tenants.all, filters, 2)
  }

  find(namespace: string, controllerId: string): Promise<TargetRecord | null> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ namespace, controllerId, resolve, reject })
      if (this.running < MAX_QUERIES) {
        this.running += 1
        // Whoever else came in this turn joins.
        setImmediate(() => void this.drain())
      }
    })
  }

  private async drain(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, MAX_BATCH)
      const { tick } = this.feed
      try {
        const rows = await this.read(batch)
        const found = new Map(rows.map((row) => [row.at, row]))
        for (const [index, each] of batch.entries()) {
          const row = found.get(index + 1)
          each.resolve(row === undefined ? null : recordOf(each, row, tick))
        }
      } catch (error) {
        for (const each of batch) each.reject(error)
      }
    }
    this.running -= 1
  }

  private read(batch: readonly Waiting[]): Promise<Row[]> {
    return this.prepared.query<Row>(
      'ddi targets',
      `SELECT n.at::int AS at, d.id, d.class_id, d.credential_sha256, t.is_config_asked, t.installed_action,
         t.auto_confirm_at_ms IS NOT NULL AS is_auto_confirming, ${this.overrides.sql} AS poll_seconds, o.*
       FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS n (namespace, controller_id, at)
         JOIN ddi_target t ON t.namespace = n.namespace AND t.controller_id = n.controller_id
         JOIN device d ON d.namespace = t.namespace AND d.id = t.device_id AND d.decommissioned_at IS NULL
         LEFT JOIN LATERAL (${WORK}) o ON true`,
      [batch.map((each) => each.namespace), batch.map((each) => each.controllerId), ...this.overrides.parameters],
    )
  }
}

function recordOf({ namespace, controllerId }: Waiting, row: Row, tick: number | null): TargetRecord {
  const target: DdiTarget = {
    namespace,
    controllerId,
    deviceId: row.id,
    classId: row.class_id,
    isConfigAsked: row.is_config_asked,
    installedAction: row.installed_action,
    isAutoConfirming: row.is_auto_confirming,
    pollSeconds: row.poll_seconds,
    work: row.rollout_id === null ? null : workOf(row, row.rollout_id),
  }
  return { target, credentialSha256: row.credential_sha256, tick }
}

const workOf = (row: Row, rolloutId: string): DdiWork => ({
  action: row.action,
  rolloutId,
  rolloutState: row.rollout_state,
  state: row.state,
  manifestSha256: new Uint8Array(row.manifest_sha256),
  assignmentExpires: row.assignment_expires,
  consent: row.consent,
  isCancelRejected: row.is_cancel_rejected,
  isFormer: row.is_former,
})
