import { Controller, Get, Param, Post } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { FromCaller, type Caller } from '../access/caller.decorator.js'
import { readers, Roles } from '../access/roles.decorator.js'
import { ZodBody, ZodQuery } from '../http/zod-body.decorator.js'
import { pageQuery, type Page } from '../request-fields.js'
import { RefusalCounts, type RefusalCount } from '../refusals/refusal-counts.service.js'
import { DeviceClasses } from '../rollout/device-classes.service.js'
import { ClaimService, type NewClaim } from './claim.service.js'
import { DeviceViews, type DeviceStory, type DeviceView } from './device-views.service.js'

const ClaimBody = z.strictObject({
  className: z.string().min(1).max(64),
  uses: z.number().int().min(1).max(10_000_000),
  expires: z.number().int().positive(),
})
type ClaimBody = z.infer<typeof ClaimBody>

const DeviceQuery = pageQuery.extend({ filter: z.string().min(1).max(65_536).optional() })
type DeviceQuery = z.infer<typeof DeviceQuery>

interface RefusedReportsView {
  readonly items: readonly { readonly code: string; readonly reports: number; readonly lastAt: number }[]
}

/** Devices as people see them, and the tokens with which they enrol. */
@ApiTags('devices')
@Controller('api/v1/:product/:environment')
export class DeviceController {
  constructor(
    private readonly views: DeviceViews,
    private readonly claims: ClaimService,
    private readonly counts: RefusalCounts,
    private readonly classes: DeviceClasses,
  ) {}

  @Get('devices')
  @Roles(...readers)
  list(@FromCaller() caller: Caller, @ZodQuery(DeviceQuery) query: DeviceQuery): Promise<Page<DeviceView>> {
    return this.views.list(caller.namespace, query.filter ?? 'all', query)
  }

  @Get('devices/:id')
  @Roles(...readers)
  show(@FromCaller() caller: Caller, @Param('id') id: string): Promise<DeviceStory> {
    return this.views.story(caller.namespace, id)
  }

  /** Reports that were not believed, by the code of the refusal. */
  @Get('refused-reports')
  @Roles(...readers)
  async refusedReports(@FromCaller() caller: Caller): Promise<RefusedReportsView> {
    const counts = await this.counts.list(caller.namespace, 'report')
    return { items: counts.map(({ kind, count, lastAt }) => ({ code: kind, reports: count, lastAt })) }
  }

  /** How often devices of our own protocol were told "no", by its code. */
  @Get('device-refusals')
  @Roles(...readers)
  async refusals(@FromCaller() caller: Caller): Promise<{ items: readonly RefusalCount[] }> {
    return { items: await this.counts.list(caller.namespace, 'native') }
  }

  /** The token is in this answer and nowhere else. */
  @Post('claim-tokens')
  @Roles('fleet-manager', 'security-officer')
  createClaim(@FromCaller() caller: Caller, @ZodBody(ClaimBody) body: ClaimBody): Promise<NewClaim> {
    const { namespace } = caller
    const classId = this.classes.requireId(namespace, body.className)
    return this.claims.create({ ...body, namespace, classId, actor: caller.person ?? caller.label })
  }
}
