import { Injectable } from '@nestjs/common'
import { Clock } from '../../domain/clock.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { ActionDesk } from './action-desk.service.js'
import type { LegacyRefusal } from '../rollout/legacy-admission.port.js'
import { isCancelling, type DdiTarget, type DdiWork } from './ddi-target.js'
import { termsNumber } from './deployment-answer.js'
import { DeploymentTerms } from './deployment-terms.port.js'
import { LegacyGate } from './legacy-gate.service.js'
import type { PollLinks } from './poll-answer.js'

/** What a poll points a client to. Most find nothing new and come past here at once. */
@Injectable()
export class PollDesk {
  constructor(
    private readonly actions: ActionDesk,
    private readonly gate: LegacyGate,
    private readonly terms: DeploymentTerms,
    private readonly clock: Clock,
    private readonly log: DecisionLog,
  ) {}

  /**
   * `configData` is never named beside an action that the client was told of and has answered for: SWUpdate would send it again
   * and again, and install nothing.
   */
  async links(target: DdiTarget): Promise<PollLinks> {
    const work = target.work === null ? {} : await this.workLinks(target, target.work)
    return {
      ...work,
      ...(target.installedAction === null ? {} : { installedBase: `installedBase/${target.installedAction}` }),
      ...(target.isConfigAsked ? { configData: 'configData' } : {}),
    }
  }

  /** When a client with work may go on with it. */
  async opensAt({ work, namespace, deviceId }: DdiTarget): Promise<number | null> {
    if (work === null || !isWaiting(work)) return null
    return (await this.terms.find(namespace, work.rolloutId, deviceId)).opensAt
  }

  private async workLinks(target: DdiTarget, work: DdiWork): Promise<PollLinks> {
    if (work.action !== null && isCancelling(work)) return { cancelAction: `cancelAction/${work.action}` }
    if (!isHandedOut(work)) return {}
    const answer = await this.gate.judge(target, work)
    if ('code' in answer) return this.withheld(target, work, answer.code)
    const terms = await this.terms.find(target.namespace, work.rolloutId, target.deviceId)
    if (terms.isLapsed && isWaiting(work)) return this.lapse(target, work)
    const id = work.action ?? (await this.actions.open(target, work))
    const isConsented = work.action === null ? target.isAutoConfirming : work.consent === 'given'
    const path = `${id}?c=${termsNumber(terms)}`
    return terms.needsConsent && !isConsented
      ? { confirmationBase: `confirmationBase/${path}` }
      : { deploymentBase: `deploymentBase/${path}` }
  }

  /** Its hours will not come any more: a client that was told of it finds a cancelAction, one that was not hears of nothing. */
  private async lapse(target: DdiTarget, work: DdiWork): Promise<PollLinks> {
    this.log.info('ddi.window.lapsed', { device: target.deviceId, rollout: work.rolloutId })
    await this.actions.cancel(target, work)
    return work.action === null ? {} : { cancelAction: `cancelAction/${work.action}` }
  }

  /** What is refused for good ends the deployment; a client that was told of it finds a cancelAction at its next poll. */
  private async withheld(target: DdiTarget, work: DdiWork, code: LegacyRefusal | 'NOT_NOW'): Promise<PollLinks> {
    const { deviceId } = target
    if (code !== 'NOT_NOW') {
      this.log.info('ddi.offer.refused', { code, device: deviceId, rollout: work.rolloutId })
      await this.actions.refuse(target, work, code)
    } else if (work.isCancelRejected && work.action !== null && !isAssigned(work, this.clock.nowSeconds())) {
      await this.actions.abandon(target, work.action)
    }
    return {}
  }
}

/** Not installing yet: what is there can still be taken back. */
const isWaiting = ({ state, isCancelRejected }: DdiWork): boolean =>
  !isCancelRejected && (state === 'offered' || state === 'downloading' || state === 'downloaded')

const isAssigned = ({ assignmentExpires }: DdiWork, now: number): boolean =>
  assignmentExpires !== null && assignmentExpires > now

/** A paused rollout hands out nothing to a device that has not begun; one that would not be stopped is let finish. */
const isHandedOut = ({ rolloutState, state, isCancelRejected }: DdiWork): boolean =>
  isCancelRejected ||
  rolloutState === 'running' ||
  rolloutState === 'finished' ||
  (rolloutState === 'paused' && state !== 'offered')
