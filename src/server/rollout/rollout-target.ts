import type { Filters } from '../targeting/filters.service.js'
import type { RolloutRecord } from './rollout-record.js'
import type { SqlParameters } from '../sql-parameters.js'

/**
 * Which devices a rollout is about, as a condition on `device d`: those of the release's class, of the list and the filter if
 * there are; a fallback goes after what its parent has reached: devices that run that release, or had begun with it.
 */
export function targetOf(rollout: RolloutRecord, filters: Filters, parameters: SqlParameters): string {
  const { namespace, class_id: classId, device_ids: deviceIds, filter, parent_id: parentId } = rollout
  const conditions = [
    `d.namespace = ${parameters.add(namespace, 'text')}`,
    'd.decommissioned_at IS NULL',
    `d.class_id = ${parameters.add(classId, 'bytea')}`,
  ]
  if (deviceIds !== null) conditions.push(`d.id = ANY (${parameters.add(deviceIds, 'text[]')})`)
  if (filter !== null) conditions.push(`(${filters.conditionOf(namespace, filter, parameters)})`)
  if (parentId !== null)
    conditions.push(`EXISTS (SELECT 1 FROM deployment q JOIN rollout t ON t.id = q.rollout_id
      WHERE q.rollout_id = ${parameters.add(parentId, 'uuid')} AND q.device_id = d.id
        AND (q.state = 'superseded' OR d.running_manifest_sha256 = t.manifest_sha256))`)
  return conditions.join(' AND ')
}
