import type { EntityManager } from 'typeorm'
import { reachOf } from '../../domain/rollout/stage.js'
import type { RolloutRecord, StageRecord } from './rollout-record.js'

/**
 * Members of a rollout: enrolled devices of the release's class, of the list if there is one, that do not run the
 * release already. A device that was reached stays a member, whatever it runs by now.
 * Parameters: $1 rollout, $2 namespace, $3 class, $4 device ids or null, $5 manifest digest.
 */
const MEMBERS = `
  SELECT d.namespace, d.id FROM device d
  WHERE d.namespace = $2 AND d.class_id = $3 AND ($4::text[] IS NULL OR d.id = ANY ($4))
    AND (d.running_manifest_sha256 IS DISTINCT FROM $5
      OR EXISTS (SELECT 1 FROM deployment p WHERE p.rollout_id = $1::uuid AND p.device_id = d.id))`

/** Members not reached yet that are free, or held only by an older release that they have not begun. $6: the sequence. */
const FREE = `
  SELECT m.namespace, m.id FROM (${MEMBERS}) m
  WHERE NOT EXISTS (SELECT 1 FROM deployment p WHERE p.rollout_id = $1::uuid AND p.device_id = m.id)
    AND NOT EXISTS (SELECT 1 FROM deployment p JOIN rollout r ON r.id = p.rollout_id
      WHERE p.namespace = m.namespace AND p.device_id = m.id
        AND p.state IN ('queued', 'offered', 'downloading', 'downloaded', 'installing', 'installed', 'rebooting')
        AND (p.state NOT IN ('queued', 'offered') OR r.sequence >= $6))`

/** By the hash of rollout and device, as `placeOf` of the domain computes it. $7: how many. */
const CHOSEN = `${FREE} ORDER BY sha256(convert_to($1::uuid::text || '/' || m.id, 'UTF8')) LIMIT $7`

const keyOf = (rollout: RolloutRecord): unknown[] => [
  rollout.id,
  rollout.namespace,
  rollout.class_id,
  rollout.device_ids,
  rollout.manifest_sha256,
]

export async function countMembers(manager: EntityManager, rollout: RolloutRecord): Promise<number> {
  const [row] = await manager.query<{ members: number }[]>(
    `SELECT count(*) AS members FROM (${MEMBERS}) m`,
    keyOf(rollout),
  )
  return row?.members ?? 0
}

/**
 * Opens the stage and queues its devices, in the caller's transaction, which holds the rollout's row.
 * @returns how many it brought in; null when the stage is no longer waiting or one before it has not passed.
 */
export async function openStage(
  manager: EntityManager,
  rollout: RolloutRecord,
  stage: StageRecord,
  placed: number,
  now: number,
): Promise<number | null> {
  const opened = await manager.query<[unknown[], number]>(
    `UPDATE rollout_stage s SET state = 'open', opened_at = $3
     WHERE s.rollout_id = $1 AND s.index = $2 AND s.state = 'waiting' AND NOT EXISTS (
       SELECT 1 FROM rollout_stage o WHERE o.rollout_id = $1 AND (o.state = 'open' OR (o.index < $2 AND o.state <> 'passed')))`,
    [rollout.id, stage.index, now],
  )
  if (opened[1] !== 1) return null
  const wanted = reachOf(stage.reach, await countMembers(manager, rollout)) - placed
  return wanted > 0 ? queueDevices(manager, rollout, stage.index, wanted, now) : 0
}

/** Queues the next free members into a stage that is open. @returns how many there were. */
export async function queueDevices(
  manager: EntityManager,
  rollout: RolloutRecord,
  stage: number,
  wanted: number,
  now: number,
): Promise<number> {
  const parameters = [...keyOf(rollout), rollout.sequence, wanted]
  await manager.query(
    `UPDATE deployment p SET state = 'superseded', changed_at = $8
     FROM (${CHOSEN}) c WHERE p.namespace = c.namespace AND p.device_id = c.id AND p.state IN ('queued', 'offered')`,
    [...parameters, now],
  )
  const rows = await manager.query<unknown[]>(
    `INSERT INTO deployment (rollout_id, device_id, namespace, stage, state, alive_at, changed_at)
     SELECT $1::uuid, c.id, c.namespace, $8, 'queued', $9, $9 FROM (${CHOSEN}) c
     ON CONFLICT DO NOTHING RETURNING device_id`,
    [...parameters, stage, now],
  )
  return rows.length
}
