import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { deploymentStates } from '../../domain/rollout/deployment-state.js'
import { isDeviceId } from '../../domain/trust/assignment.js'
import { MAX_DOCUMENT_BYTES } from '../../domain/trust/labels.js'
import { FromCaller, type Caller } from '../access/caller.decorator.js'
import { readers, Roles } from '../access/roles.decorator.js'
import { ZodBody, ZodQuery } from '../http/zod-body.decorator.js'
import { bytesField, pageQuery, type PageQuery, requireUuid, type Page } from '../request-fields.js'
import { DeviceClasses } from './device-classes.service.js'
import { RolloutApprovals } from './rollout-approvals.service.js'
import { RolloutLifecycle } from './rollout-lifecycle.service.js'
import { RolloutPlanning } from './rollout-planning.service.js'
import { RolloutViews, type DeploymentView, type RolloutRow, type RolloutView } from './rollout-views.service.js'

const MAX_DEVICE_IDS = 10_000
const count = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER)
const percent = z.number().gt(0).max(100)
const time = z.number().int().positive()
const uuid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'not an id')

const NewRollout = z.strictObject({
  releaseId: uuid,
  fallbackReleaseId: uuid.optional(),
  stages: z.array(z.union([z.strictObject({ devices: count }), z.strictObject({ percent })])).min(1),
  gate: z.strictObject({ confirmedPercent: percent }),
  failureLimit: z
    .strictObject({ count: z.number().int().min(0).optional(), percent: z.number().min(0).max(100).optional() })
    .refine((limit) => limit.count !== undefined || limit.percent !== undefined, 'a count or a percent'),
  devicesPerHour: count,
  devicesTotal: count,
  notBefore: time.optional(),
  expires: time.optional(),
  filter: z
    .strictObject({
      className: z.string().min(1).max(64).optional(),
      deviceIds: z.array(z.string().refine(isDeviceId, 'not a device id')).min(1).max(MAX_DEVICE_IDS).optional(),
    })
    .optional(),
  silenceSeconds: z
    .number()
    .int()
    .min(10)
    .max(90 * 86_400)
    .optional(),
  jitterSeconds: z.number().int().min(0).max(86_400).optional(),
})
type NewRollout = z.infer<typeof NewRollout>

const NewApproval = z.strictObject({ approval: bytesField(MAX_DOCUMENT_BYTES) })
type NewApproval = z.infer<typeof NewApproval>

const DeploymentQuery = pageQuery.extend({ state: z.enum(deploymentStates).optional() })
type DeploymentQuery = z.infer<typeof DeploymentQuery>

const nameOf = (caller: Caller): string => caller.person ?? caller.label

/** Releases on their way to devices. */
@ApiTags('rollouts')
@Controller('api/v1/:product/:environment/rollouts')
@Roles('fleet-manager')
export class RolloutController {
  constructor(
    private readonly planning: RolloutPlanning,
    private readonly approvals: RolloutApprovals,
    private readonly lifecycle: RolloutLifecycle,
    private readonly views: RolloutViews,
    private readonly classes: DeviceClasses,
  ) {}

  @Post()
  async create(@FromCaller() caller: Caller, @ZodBody(NewRollout) body: NewRollout): Promise<RolloutView> {
    const { filter, ...rest } = body
    const { namespace } = caller
    const classId = filter?.className === undefined ? undefined : this.classes.requireId(namespace, filter.className)
    const request = { ...rest, namespace, actor: nameOf(caller), classId, deviceIds: filter?.deviceIds }
    return this.views.show(namespace, await this.planning.create(request))
  }

  @Get()
  @Roles(...readers)
  list(@FromCaller() caller: Caller, @ZodQuery(pageQuery) page: PageQuery): Promise<Page<RolloutRow>> {
    return this.views.list(caller.namespace, page)
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

  @Post(':id/start')
  @HttpCode(200)
  async start(@FromCaller() caller: Caller, @Param('id') id: string): Promise<RolloutView> {
    await this.approvals.requireMet(await this.views.requireRecord(caller.namespace, id))
    await this.lifecycle.start(caller.namespace, id, nameOf(caller))
    return this.views.show(caller.namespace, id)
  }

  @Post(':id/pause')
  @HttpCode(200)
  async pause(@FromCaller() caller: Caller, @Param('id') id: string): Promise<RolloutView> {
    await this.lifecycle.pause(caller.namespace, requireUuid('rollout', id), nameOf(caller))
    return this.views.show(caller.namespace, id)
  }

  @Post(':id/resume')
  @HttpCode(200)
  async resume(@FromCaller() caller: Caller, @Param('id') id: string): Promise<RolloutView> {
    await this.lifecycle.resume(caller.namespace, requireUuid('rollout', id), nameOf(caller))
    return this.views.show(caller.namespace, id)
  }

  @Post(':id/cancel')
  @HttpCode(200)
  async cancel(@FromCaller() caller: Caller, @Param('id') id: string): Promise<RolloutView> {
    await this.lifecycle.cancel(caller.namespace, requireUuid('rollout', id), nameOf(caller))
    return this.views.show(caller.namespace, id)
  }
}
