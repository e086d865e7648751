import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import type { FastifyReply } from 'fastify'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import { FirmwareAnswer } from '../storage/firmware-answer.service.js'
import { ActionDesk } from './action-desk.service.js'
import { readHistory, type ActionHistory } from './action-history.js'
import { readActionId, requireAction, unknownAction, type ActionRecord } from './action-record.js'
import { ClientFacts } from './client-facts.service.js'
import { answer, render, sendRendered, type DdiCall } from './ddi-call.js'
import { isCancelling } from './ddi-target.js'
import { artifactAnswer, deploymentAnswer, updateOf, type DdiArtifact } from './deployment-answer.js'
import { AutoConfirm, ConfigData, Confirmation, Feedback, InstalledVersion } from './feedback.js'
import { KeptPolls } from './kept-polls.service.js'
import { OfferDesk, type Offer } from './offer-desk.service.js'
import { PollDesk } from './poll-desk.service.js'
import { pollAnswer } from './poll-answer.js'
import { pollAfterSeconds, pollBeforeWindow } from '../polling-time.js'
import { readBody } from './request-body.js'
import { TargetStore } from './target-store.service.js'
import { Tenants } from './tenants.service.js'

const MD5SUM = '.MD5SUM'

/** What clients call, one function a call of DDI v1. Whoever comes here is authenticated. */
@Injectable()
export class ClientCalls {
  constructor(
    private readonly database: DataSource,
    private readonly polls: PollDesk,
    private readonly kept: KeptPolls,
    private readonly actions: ActionDesk,
    private readonly offers: OfferDesk,
    private readonly facts: ClientFacts,
    private readonly targets: TargetStore,
    private readonly firmware: FirmwareAnswer,
    private readonly tenants: Tenants,
    private readonly clock: Clock,
  ) {}

  async poll(call: DdiCall): Promise<FastifyReply> {
    const { target } = call
    const { pollSeconds, jitterPercent } = this.tenants.settingsOf(target.namespace)
    const links = await this.polls.links(target)
    const base = pollAfterSeconds(target.deviceId, target.pollSeconds ?? pollSeconds, jitterPercent)
    const sleep = pollBeforeWindow(target.deviceId, base, await this.polls.opensAt(target), this.clock.nowSeconds())
    const rendered = render(call.request, pollAnswer(sleep, call.base, links))
    this.kept.keep(call, rendered)
    return sendRendered(call, rendered)
  }

  async deploymentBase(call: DdiCall): Promise<FastifyReply> {
    const action = await this.requireAction(call)
    if (await this.offers.awaitsConsent(call.target, action)) throw unknownAction(action)
    const offer = await this.offers.require(call.target, action)
    await this.actions.noteTold(call.target, action.id, updateOf(offer.terms))
    return this.describe(call, 'deployment', action, offer)
  }

  async confirmationAction(call: DdiCall): Promise<FastifyReply> {
    const action = await this.requireAction(call)
    if (!(await this.offers.awaitsConsent(call.target, action))) throw unknownAction(action)
    return this.describe(call, 'confirmation', action, await this.offers.require(call.target, action))
  }

  /** What ended well. */
  async installedBase(call: DdiCall): Promise<FastifyReply> {
    const action = await this.requireAction(call)
    return this.describe(call, 'deployment', action, await this.offers.requireInstalled(call.target, action))
  }

  async deploymentFeedback(call: DdiCall): Promise<FastifyReply> {
    const feedback = readBody(call.request, Feedback)
    const action = await this.requireAction(call)
    if (await this.offers.awaitsConsent(call.target, action)) throw unknownAction(action)
    const { mode } = await this.offers.termsOf(call.target, action)
    await this.actions.feedback(call.target, action.id, feedback, mode)
    return call.reply.send()
  }

  async cancelAction(call: DdiCall): Promise<FastifyReply> {
    const action = await this.requireAction(call)
    if (action.outcome !== null || !isCancelling(action)) throw unknownAction(action)
    const id = String(action.id)
    return answer(call, { id, cancelAction: { stopId: id } })
  }

  async cancelFeedback(call: DdiCall): Promise<FastifyReply> {
    const feedback = readBody(call.request, Feedback)
    await this.actions.cancelFeedback(call.target, idOf(call), feedback)
    return call.reply.send()
  }

  async configData(call: DdiCall): Promise<FastifyReply> {
    await this.facts.take(call.target, readBody(call.request, ConfigData))
    return call.reply.send()
  }

  async putInstalled(call: DdiCall): Promise<FastifyReply> {
    const isNews = await this.facts.takeInstalled(call.target, readBody(call.request, InstalledVersion))
    return call.reply.code(isNews ? 201 : 200).send()
  }

  async confirmationBase(call: DdiCall): Promise<FastifyReply> {
    const { target, base } = call
    const held = await this.targets.autoConfirm(target)
    const { confirmationBase } = await this.polls.links(target)
    const link = (name: string): { href: string } => ({ href: `${base}/${name}` })
    const switchName = held === null ? 'activateAutoConfirm' : 'deactivateAutoConfirm'
    return answer(call, {
      autoConfirm:
        held === null
          ? { active: false }
          : {
              active: true,
              activatedAt: held.at,
              ...(held.initiator === null ? {} : { initiator: held.initiator }),
              ...(held.remark === null ? {} : { remark: held.remark }),
            },
      _links: {
        [switchName]: link(`confirmationBase/${switchName}`),
        ...(confirmationBase === undefined ? {} : { confirmationBase: link(confirmationBase) }),
      },
    })
  }

  async confirmationFeedback(call: DdiCall): Promise<FastifyReply> {
    const confirmation = readBody(call.request, Confirmation)
    const action = await this.requireAction(call)
    if (action.outcome === null && !(await this.offers.awaitsConsent(call.target, action))) throw unknownAction(action)
    await this.actions.confirm(call.target, action.id, confirmation)
    return call.reply.send()
  }

  async startAutoConfirm(call: DdiCall): Promise<FastifyReply> {
    await this.targets.startAutoConfirm(call.target, readBody(call.request, AutoConfirm))
    return call.reply.send()
  }

  async stopAutoConfirm(call: DdiCall): Promise<FastifyReply> {
    await this.targets.stopAutoConfirm(call.target)
    return call.reply.send()
  }

  /** A "software module" is an action: what one client was assigned. */
  async artifacts(call: DdiCall): Promise<FastifyReply> {
    const { action, offer } = await this.requireOffer(call)
    return answer(call, [artifactAnswer(artifactOf(call, action, offer))])
  }

  async artifact(call: DdiCall): Promise<FastifyReply> {
    const { action, offer } = await this.requireOffer(call)
    const { filename, md5, sha1 } = offer.artifact
    const file = call.params['file'] ?? ''
    const { reply, request } = call
    if (file === `${filename}${MD5SUM}`) return reply.type('text/plain').send(`${md5}  ${filename}`)
    if (file !== filename) throw new Refusal('NOT_FOUND', { what: 'artifact', id: file.slice(0, 64) })
    // The parts of a download that was cut are not worth an entry each.
    if (request.method === 'GET' && request.headers.range === undefined)
      await this.actions.noteDownload(call.target, action.id, filename)
    void reply.header('content-disposition', `attachment; filename="${filename}"`)
    await this.firmware.send(request, reply, offer.release.imageSha256, `"${sha1}"`)
    return reply
  }

  private async requireOffer(call: DdiCall): Promise<{ action: ActionRecord; offer: Offer }> {
    const action = await this.requireAction(call)
    if (action.outcome !== null || (await this.offers.awaitsConsent(call.target, action))) throw unknownAction(action)
    return { action, offer: await this.offers.require(call.target, action) }
  }

  private requireAction(call: DdiCall): Promise<ActionRecord> {
    return requireAction(this.database, call.target, idOf(call))
  }

  private async describe(
    call: DdiCall,
    member: 'deployment' | 'confirmation',
    action: ActionRecord,
    offer: Offer,
  ): Promise<FastifyReply> {
    const { terms, chunk } = offer
    const history = await this.history(call, action)
    return answer(call, deploymentAnswer(member, action.id, terms, chunk, artifactOf(call, action, offer), history))
  }

  /** `?actionHistory=n`: the newest n messages; -1 for all. */
  private async history({ request }: DdiCall, action: ActionRecord): Promise<ActionHistory | null> {
    const { actionHistory = '0' } = request.query as Readonly<Record<string, unknown>>
    if (typeof actionHistory !== 'string' || !/^(-1|\d{1,6})$/.test(actionHistory))
      throw new Refusal('REQUEST_INVALID', { field: 'actionHistory', why: 'not a number of messages' })
    return actionHistory === '0' ? null : readHistory(this.database, action.id, Number(actionHistory))
  }
}

const idOf = ({ params }: DdiCall): number => readActionId(params['action'] ?? '')

const artifactOf = ({ base, isHttps }: DdiCall, { id }: ActionRecord, { artifact }: Offer): DdiArtifact => ({
  ...artifact,
  href: `${base}/softwaremodules/${id}/artifacts/${encodeURIComponent(artifact.filename)}`,
  isHttps,
})
