import type { EntityManager } from 'typeorm'
import { ACTIVE, WITHOUT_ASSIGNMENT } from './deployment-sql.js'
import { givesWay } from './members.js'
import type { RolloutRecord } from './rollout-record.js'
import { SqlParameters } from '../sql-parameters.js'

/** One look-up a device, by its index, also while the table grows faster than the database has counted it. */
const isFree = (device: string): string => `(SELECT a.rollout_id FROM deployment a
  WHERE a.namespace = ${device}.namespace AND a.device_id = ${device}.device_id AND a.state IN (${ACTIVE}) LIMIT 1) IS NULL`

/**
 * Queues devices into a stage, those that are free by now: new ones, and ones that were superseded before. Who holds a device and
 * gives way is superseded first. In the caller's transaction, which holds the rollout's row.
 * @param ids in order, as everywhere: batches that share devices wait for each other instead of blocking each other.
 * @returns how many.
 */
export async function queueDevices(
  manager: EntityManager,
  rollout: RolloutRecord,
  stage: number,
  ids: readonly string[],
  now: number,
): Promise<number> {
  const parameters = new SqlParameters()
  const text = `UPDATE deployment p SET state = 'superseded', changed_at = ${parameters.add(now, 'bigint')}, ${WITHOUT_ASSIGNMENT}
    WHERE p.namespace = ${parameters.add(rollout.namespace, 'text')}
      AND p.device_id = ANY (${parameters.add(ids, 'text[]')}) AND ${givesWay(rollout, parameters)}`
  await manager.query(text, parameters.values)
  const [, again] = await manager.query<[unknown[], number]>(
    `UPDATE deployment p SET state = 'queued', due_at = NULL, alive_at = $3, changed_at = $3
     WHERE p.rollout_id = $1 AND p.device_id = ANY ($2) AND p.state = 'superseded' AND ${isFree('p')}`,
    [rollout.id, ids, now],
  )
  const added = await manager.query<unknown[]>(
    `INSERT INTO deployment (rollout_id, device_id, namespace, stage, state, place, alive_at, changed_at)
     SELECT $1::uuid, n.device_id, n.namespace, $4, 'queued', rollout_place($1::uuid, n.device_id), $5, $5
     FROM (SELECT $2::text AS namespace, unnest($3::text[]) AS device_id) n WHERE ${isFree('n')}
     ON CONFLICT DO NOTHING RETURNING 1`,
    [rollout.id, rollout.namespace, ids, stage, now],
  )
  return again + added.length
}
