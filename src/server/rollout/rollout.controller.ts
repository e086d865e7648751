import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { deploymentStates } from '../../domain/rollout/deployment-state.js'
import type { CommandEvent } from '../../domain/rollout/rollout-state.js'
import { MAX_DOCUMENT_BYTES } from '../../domain/trust/labels.js'
import { FromCaller, type Caller } from '../access/caller.decorator.js'
import { readers, Roles } from '../access/roles.decorator.js'
import { ZodBody, ZodQuery } from '../http/zod-body.decorator.js'
import { bytesField, pageQuery, type PageQuery, requireUuid, type Page } from '../request-fields.js'
import { DeviceClasses } from './device-classes.service.js'
import { RolloutApprovals } from './rollout-approvals.service.js'
import { RolloutClearing, type ClearedRollout } from './rollout-clearing.service.js'
import { NewRollout, rulesOf } from './rollout-request.js'
import { RolloutPlanning } from './rollout-planning.service.js'
import { RolloutPlanViews, type RolloutPlanView } from './rollout-plan-views.service.js'
import { RolloutSteps } from './rollout-steps.service.js'
import { RolloutViews, type DeploymentView, type RolloutRow, type RolloutView } from './rollout-views.service.js'

const NewApproval = z.strictObject({ approval: bytesField(MAX_DOCUMENT_BYTES) })
type NewApproval = z.infer<typeof NewApproval>

const DeploymentQuery = pageQuery.extend({ state: z.enum(deploymentStates).optional() })
type DeploymentQuery = z.infer<typeof DeploymentQuery>

const MOST_DAYS = 36_500
const Clearing = z.strictObject({ endedDays: z.number().int().min(1).max(MOST_DAYS), isDryRun: z.boolean() })
type Clearing = z.infer<typeof Clearing>

const nameOf = (caller: Caller): string => caller.person ?? caller.label

/** Releases on their way to devices. */
@ApiTags('rollouts')
@Controller('api/v1/:product/:environment/rollouts')
@Roles('fleet-manager')
export class RolloutController {
  constructor(
    private readonly planning: RolloutPlanning,
    private readonly approvals: RolloutApprovals,
    private readonly steps: RolloutSteps,
    private readonly plans: RolloutPlanViews,
    private readonly views: RolloutViews,
    private readonly classes: DeviceClasses,
    private readonly clearing: RolloutClearing,
  ) {}

  @Post()
  async create(@FromCaller() caller: Caller, @ZodBody(NewRollout) body: NewRollout): Promise<RolloutView> {
    const { filter, stages, gate, soakSeconds, ...rest } = body
    const { namespace } = caller
    const classId = filter?.className === undefined ? undefined : this.classes.requireId(namespace, filter.className)
    const id = await this.planning.create({
      ...rest,
      namespace,
      actor: nameOf(caller),
      classId,
      deviceIds: filter?.deviceIds,
      where: filter?.where,
      rules: rulesOf(body),
      stages: stages.map((stage) => ({
        reach: 'devices' in stage ? { devices: stage.devices } : { percent: stage.percent },
        where: stage.where,
        gate: stage.gate ?? gate,
        soakSeconds: stage.soakSeconds ?? soakSeconds,
      })),
    })
    return this.views.show(namespace, id)
  }

  @Get()
  @Roles(...readers)
  list(@FromCaller() caller: Caller, @ZodQuery(pageQuery) page: PageQuery): Promise<Page<RolloutRow>> {
    return this.views.list(caller.namespace, page)
  }

  /**
   * Clears away what became of each device in rollouts that ended so long ago; a dry run only says of which. Not for those who ran them.
   * `isDone` false: ask again for what is left.
   */
  @Post('clear')
  @Roles('security-officer')
  @HttpCode(200)
  async clear(
    @FromCaller() caller: Caller,
    @ZodBody(Clearing) { endedDays, isDryRun }: Clearing,
  ): Promise<{ readonly isDryRun: boolean; readonly items: readonly ClearedRollout[]; readonly isDone: boolean }> {
    const { namespace } = caller
    if (isDryRun) return { isDryRun, items: await this.clearing.preview(namespace, endedDays), isDone: true }
    return { isDryRun, ...(await this.clearing.clear(namespace, endedDays, nameOf(caller))) }
  }

  @Get(':id')
  @Roles(...readers)
  show(@FromCaller() caller: Caller, @Param('id') id: string): Promise<RolloutView> {
    return this.views.show(caller.namespace, id)
  }

  @Get(':id/deployments')
  @Roles(...readers)
  deployments(
    @FromCaller() caller: Caller,
    @Param('id') id: string,
    @ZodQuery(DeploymentQuery) query: DeploymentQuery,
  ): Promise<Page<DeploymentView>> {
    return this.views.deployments(caller.namespace, id, query.state ?? null, query)
  }

  @Post(':id/approvals')
  @HttpCode(200)
  async approve(
    @FromCaller() { namespace }: Caller,
    @Param('id') id: string,
    @ZodBody(NewApproval) body: NewApproval,
  ): Promise<RolloutView> {
    await this.approvals.add(namespace, requireUuid('rollout', id), body.approval)
    return this.views.show(namespace, id)
  }

  @Get(':id/plan')
  @Roles(...readers)
  plan(@FromCaller() { namespace }: Caller, @Param('id') id: string): Promise<RolloutPlanView> {
    return this.plans.show(namespace, id)
  }

  @Post(':id/start')
  @HttpCode(200)
  async start(@FromCaller() caller: Caller, @Param('id') id: string): Promise<RolloutView> {
    const row = await this.views.requireRecord(caller.namespace, id)
    await this.approvals.requireMet(row)
    if (row.state === 'planned') await this.plans.requirePossible(row)
    return this.ask(caller, id, 'start')
  }

  @Post(':id/pause')
  @HttpCode(200)
  pause(@FromCaller() caller: Caller, @Param('id') id: string): Promise<RolloutView> {
    return this.ask(caller, id, 'pause')
  }

  @Post(':id/resume')
  @HttpCode(200)
  resume(@FromCaller() caller: Caller, @Param('id') id: string): Promise<RolloutView> {
    return this.ask(caller, id, 'resume')
  }

  @Post(':id/cancel')
  @HttpCode(200)
  cancel(@FromCaller() caller: Caller, @Param('id') id: string): Promise<RolloutView> {
    return this.ask(caller, id, 'cancel')
  }

  /** Rolls forward to the fallback that was approved with the release. */
  @Post(':id/roll-back')
  @HttpCode(200)
  rollBack(@FromCaller() caller: Caller, @Param('id') id: string): Promise<RolloutView> {
    return this.ask(caller, id, 'roll-back')
  }

  private async ask(caller: Caller, id: string, kind: CommandEvent['kind']): Promise<RolloutView> {
    await this.steps.take(caller.namespace, requireUuid('rollout', id), { kind }, nameOf(caller))
    return this.views.show(caller.namespace, id)
  }
}
