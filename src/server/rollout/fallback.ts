import { randomUUID } from 'node:crypto'
import type { EntityManager } from 'typeorm'
import type { RolloutRecord } from './rollout-record.js'

const HIGHEST_PRIORITY = 100

/** What is stored of a rollout before it runs. */
interface Release {
  readonly manifest_sha256: Buffer
  readonly sequence: number
}

/**
 * Sends the fallback after a release: a rollout of its own, to the devices that run the release or had begun with it, under
 * the plan that people approved for both. Its one stage is everybody at once, as fast as plan, rates and windows let it;
 * failures stop it no more, since there is nothing to go back to.
 */
export async function startFallback(manager: EntityManager, parent: RolloutRecord, now: number): Promise<void> {
  const [release] = await manager.query<Release[]>('SELECT manifest_sha256, sequence FROM release WHERE id = $1', [
    parent.fallback_release_id,
  ])
  if (release === undefined) throw new Error('a fallback that is not there')
  const id = randomUUID()
  const rules = JSON.stringify({ ...parent.rules, mode: 'forced', onFailure: 'pause' })
  // A second call finds the first one's: a rollout has one fallback.
  const added = await manager.query<unknown[]>(
    `INSERT INTO rollout (id, namespace, release_id, parent_id, manifest_sha256, sequence, class_id, priority, rules, plan,
       plan_sha256, not_before, expires, devices_per_hour, devices_total, limit_percent, silence_seconds, jitter_seconds, state,
       created_at, created_by, started_at)
     SELECT $2, namespace, fallback_release_id, id, $3, $4, class_id, ${HIGHEST_PRIORITY}, $5, plan, plan_sha256, not_before,
       expires, devices_per_hour, devices_total, 100, silence_seconds, jitter_seconds, 'running', $6, created_by, $6
     FROM rollout WHERE id = $1 ON CONFLICT (parent_id) DO NOTHING RETURNING id`,
    [parent.id, id, release.manifest_sha256, release.sequence, rules, now],
  )
  if (added.length === 0) return
  await manager.query(
    `INSERT INTO rollout_stage (rollout_id, index, percent, gate_percent, state) VALUES ($1, 0, 100, 1, 'waiting')`,
    [id],
  )
}
