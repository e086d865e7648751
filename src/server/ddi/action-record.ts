import type { EntityManager } from 'typeorm'
import { Refusal } from '../../domain/refusal.js'
import type { DdiTarget, DdiWork, DeploymentState } from './ddi-target.js'
import type { Outcome, ToldAction } from './feedback-rule.js'

/** One row of `ddi_action` with its deployment. */
export interface ActionRecord {
  readonly id: number
  readonly rolloutId: string
  readonly rolloutState: string
  readonly state: DeploymentState
  readonly manifestSha256: Uint8Array
  readonly assignmentExpires: number | null
  readonly consent: DdiWork['consent']
  readonly isCancelRejected: boolean
  readonly isFormer: boolean
  readonly toldUpdate: ToldAction['toldUpdate']
  /** The boot that the client named before it said "done". */
  readonly boot: string | null
  readonly entries: number
  readonly outcome: Outcome | null
}

/** Told of an attempt that was given up; another one follows, with an action of its own. */
export const IS_FORMER = `p.attempt > a.attempt`

/** A deployment that is over has no assignment; a client that would not stop finishes within the one it was shown. */
export const ASSIGNED_UNTIL = `CASE WHEN a.is_cancel_rejected THEN a.assigned_until ELSE p.assignment_expires END`

const COLUMNS = `a.id, a.rollout_id AS "rolloutId", r.state AS "rolloutState", p.state, r.manifest_sha256 AS "manifestSha256",
  ${ASSIGNED_UNTIL} AS "assignmentExpires", a.consent, a.is_cancel_rejected AS "isCancelRejected", ${IS_FORMER} AS "isFormer", a.told_update AS "toldUpdate",
  a.boot, a.entries, a.outcome`
const FROM = `ddi_action a JOIN deployment p ON p.rollout_id = a.rollout_id AND p.device_id = a.device_id JOIN rollout r ON r.id = a.rollout_id`

/** Also for one that is there, and not for this client to know of. */
export const unknownAction = ({ id }: { readonly id: number }): Refusal =>
  new Refusal('NOT_FOUND', { what: 'action', id: String(id) })

/** Ids are 32-bit numbers in an address; anything else is an action that does not exist. */
export function readActionId(text: string): number {
  const id = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0
  if (id === 0 || id > 2_147_483_647) throw new Refusal('NOT_FOUND', { what: 'action', id: text.slice(0, 16) })
  return id
}

/**
 * @param lock holds the action until the transaction ends.
 * @throws Refusal `NOT_FOUND`: also for the action of another client, which is not for this one to know of.
 */
export async function requireAction(
  manager: Pick<EntityManager, 'query'>,
  target: DdiTarget,
  id: number,
  lock: '' | 'FOR UPDATE OF a' = '',
): Promise<ActionRecord> {
  const [row] = await manager.query<ActionRecord[]>(
    `SELECT ${COLUMNS} FROM ${FROM} WHERE a.id = $1 AND a.namespace = $2 AND a.device_id = $3 ${lock}`,
    [id, target.namespace, target.deviceId],
  )
  if (row === undefined) throw unknownAction({ id })
  return row
}

/** An action that the client called done, whose release it has not been seen to run yet. */
export async function findInstalled(manager: EntityManager, target: DdiTarget): Promise<ActionRecord | null> {
  const [row] = await manager.query<ActionRecord[]>(
    `SELECT ${COLUMNS} FROM ${FROM} WHERE a.namespace = $1 AND a.device_id = $2 AND p.state = 'installed' ORDER BY a.id DESC LIMIT 1`,
    [target.namespace, target.deviceId],
  )
  return row ?? null
}
