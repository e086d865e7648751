import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { Refusal } from '../../domain/refusal.js'
import { reasonOf } from '../../domain/trust/report-reason.js'
import { ServerClock } from '../clock/server-clock.port.js'
import { DeploymentService } from '../rollout/deployment.service.js'
import type { LegacyRefusal } from '../rollout/legacy-admission.port.js'
import { addEntry, MAX_ENTRIES, type HistoryEntry } from './action-history.js'
import { requireAction, unknownAction, type ActionRecord } from './action-record.js'
import { isCancelling, type DdiTarget, type DdiWork, type Mode, type ReportedState } from './ddi-target.js'
import { meaningOf, type Outcome } from './feedback-rule.js'
import type { Confirmation, Feedback } from './feedback.js'
import { Tenants } from './tenants.service.js'

/** Actions: one deployment as a DDI client is told of it, and what it says back. Each step is one transaction that holds the action. */
@Injectable()
export class ActionDesk {
  constructor(
    private readonly database: DataSource,
    private readonly deployments: DeploymentService,
    private readonly tenants: Tenants,
    private readonly clock: ServerClock,
  ) {}

  /** The action for a deployment that the client has not been told of. Of two polls at once both get the same. */
  async open(target: DdiTarget, work: DdiWork): Promise<number> {
    const consent = target.isAutoConfirming ? 'given' : null
    const [made] = await this.database.query<{ id: number }[]>(
      `INSERT INTO ddi_action (namespace, device_id, rollout_id, attempt, consent, assigned_until, created_at)
       SELECT $1, $2, $3, attempt, $4, $5, $6 FROM deployment WHERE rollout_id = $3 AND device_id = $2
       ON CONFLICT (rollout_id, device_id) WHERE closed_at IS NULL DO NOTHING RETURNING id`,
      [target.namespace, target.deviceId, work.rolloutId, consent, work.assignmentExpires, this.clock.nowSeconds()],
    )
    if (made !== undefined) return made.id
    const [open] = await this.database.query<{ id: number }[]>(
      'SELECT id FROM ddi_action WHERE rollout_id = $1 AND device_id = $2 AND closed_at IS NULL',
      [work.rolloutId, target.deviceId],
    )
    // Closed between the two: the next poll finds what there is then.
    if (open === undefined) throw new Refusal('NOT_FOUND', { what: 'action', id: '' })
    return open.id
  }

  /** The client was shown what to do. Noted when it is news. */
  async noteTold(target: DdiTarget, id: number, update: NonNullable<ActionRecord['toldUpdate']>): Promise<void> {
    await this.within(target, id, async (manager, action) => {
      if (action.toldUpdate === update || action.outcome !== null) return
      await manager.query('UPDATE ddi_action SET told_update = $2 WHERE id = $1', [id, update])
      await this.add(manager, action, {
        status: 'RETRIEVED',
        isByClient: false,
        messages: [`Was told: update ${update}.`],
      })
    })
  }

  async noteDownload(target: DdiTarget, id: number, file: string): Promise<void> {
    await this.within(target, id, async (manager, action) => {
      if (action.outcome !== null || action.entries >= MAX_ENTRIES) return
      await this.add(manager, action, { status: 'DOWNLOAD', isByClient: false, messages: [`Downloads ${file}.`] })
      await this.apply(manager, target, action, 'downloading')
    })
  }

  /** @throws Refusal `NOT_FOUND`, `ACTION_OVER`, `RATE_EXCEEDED`. */
  async feedback(target: DdiTarget, id: number, feedback: Feedback, mode: Mode): Promise<void> {
    await this.within(target, id, async (manager, action) => {
      requireOpen(action)
      const meaning = meaningOf(feedback, { ...action, mode })
      const { code, details, result } = feedback.status
      const entry = {
        status: meaning.status,
        isByClient: true,
        messages: details ?? [],
        code: code ?? null,
        progress: result.progress ? ([result.progress.cnt ?? 0, result.progress.of ?? 0] as const) : null,
      }
      await this.add(manager, action, entry, meaning.outcome !== null)
      // Without news of its own it shows that the device lives. The end of an attempt that was given up is none of the next one.
      const isOld = action.isFormer && meaning.reported === 'failed'
      await this.apply(manager, target, action, isOld ? 'idle' : (meaning.reported ?? 'idle'))
      if (meaning.outcome !== null) await this.close(manager, target, action, meaning.outcome)
    })
  }

  /** @throws Refusal `NOT_FOUND`, `ACTION_OVER`, `ACTION_NOT_CANCELLED`, `RATE_EXCEEDED`. */
  async cancelFeedback(target: DdiTarget, id: number, { status }: Feedback): Promise<void> {
    await this.within(target, id, async (manager, action) => {
      requireOpen(action)
      if (!isCancelling(action)) throw new Refusal('ACTION_NOT_CANCELLED', { action: id })
      const isOver = status.execution === 'closed'
      const word = isOver ? 'CANCELED' : status.execution === 'rejected' ? 'CANCEL_REJECTED' : 'CANCELING'
      const entry = {
        status: word,
        isByClient: true,
        messages: status.details ?? [],
        code: status.code ?? null,
      } as const
      await this.add(manager, action, entry, isOver)
      // The device goes on: it is shown the deployment again, and says itself how it ends.
      if (status.execution === 'rejected')
        await manager.query('UPDATE ddi_action SET is_cancel_rejected = true WHERE id = $1', [id])
      if (isOver)
        await this.close(manager, target, action, status.result.finished === 'failure' ? 'failed' : 'cancelled')
    })
  }

  /** @throws Refusal `NOT_FOUND` when it waits for no consent, `ACTION_OVER`. */
  async confirm(target: DdiTarget, id: number, { confirmation, code, details }: Confirmation): Promise<void> {
    await this.within(target, id, async (manager, action) => {
      requireOpen(action)
      if (action.consent === 'given' || isCancelling(action)) throw unknownAction(action)
      const isGiven = confirmation === 'confirmed'
      await manager.query('UPDATE ddi_action SET consent = $2 WHERE id = $1', [id, isGiven ? 'given' : 'denied'])
      const status = isGiven ? 'RUNNING' : 'WAIT_FOR_CONFIRMATION'
      await this.add(manager, action, { status, isByClient: true, messages: details ?? [], code: code ?? null })
      await this.apply(manager, target, action, 'idle')
    })
  }

  /** The server says no for good, in the client's place: the deployment is over before the client hears of it. */
  async refuse(target: DdiTarget, work: DdiWork, code: LegacyRefusal): Promise<void> {
    await this.database.transaction(async (manager) => {
      const word = { ...this.wordOf(target, work.rolloutId), state: 'refused', reason: reasonOf(code) } as const
      await this.deployments.applyReports(manager, [word])
    })
  }

  /** The deployment is taken back, though its rollout goes on. */
  async cancel(target: DdiTarget, work: DdiWork): Promise<void> {
    await this.database.transaction((manager) =>
      this.deployments.cancel(manager, target.namespace, target.deviceId, work.rolloutId),
    )
  }

  /** A client that would not be stopped and was not heard of again, with an assignment that nobody renews. */
  async abandon(target: DdiTarget, id: number): Promise<void> {
    await this.within(target, id, async (manager, action) => {
      if (action.outcome === null) await this.close(manager, target, action, 'abandoned')
    })
  }

  private within(
    target: DdiTarget,
    id: number,
    work: (manager: EntityManager, action: ActionRecord) => Promise<void>,
  ): Promise<void> {
    return this.database.transaction(async (manager) =>
      work(manager, await requireAction(manager, target, id, 'FOR UPDATE OF a')),
    )
  }

  private add(manager: EntityManager, action: ActionRecord, entry: HistoryEntry, isLast = false): Promise<void> {
    return addEntry(manager, action, entry, { atMs: this.clock.nowMs(), isLast })
  }

  private async apply(
    manager: EntityManager,
    target: DdiTarget,
    action: ActionRecord,
    state: ReportedState,
  ): Promise<void> {
    await this.deployments.applyReports(manager, [{ ...this.wordOf(target, action.rolloutId), state }])
  }

  /** It says nothing of what the device runs, and is about this very rollout, be it the fallback of another. */
  private wordOf({ namespace, deviceId }: DdiTarget, ownRolloutId: string) {
    return { namespace, deviceId, ownRolloutId }
  }

  private async close(
    manager: EntityManager,
    target: DdiTarget,
    action: ActionRecord,
    outcome: Outcome,
  ): Promise<void> {
    const { bootAttribute } = this.tenants.settingsOf(target.namespace)
    await manager.query(
      `UPDATE ddi_action a SET closed_at = $2, outcome = $3, boot = t.attributes ->> $4 FROM ddi_target t
       WHERE a.id = $1 AND t.namespace = a.namespace AND t.device_id = a.device_id`,
      [action.id, this.clock.nowSeconds(), outcome, bootAttribute],
    )
    if (outcome !== 'finished') return
    // After a success it is asked what it runs.
    await manager.query(
      'UPDATE ddi_target SET installed_action = $3, is_config_asked = true WHERE namespace = $1 AND device_id = $2',
      [target.namespace, target.deviceId, action.id],
    )
  }
}

function requireOpen(action: ActionRecord): void {
  if (action.outcome !== null) throw new Refusal('ACTION_OVER', { action: action.id })
}
