import { Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { FromCaller, type Caller } from '../access/caller.decorator.js'
import { readers, Roles } from '../access/roles.decorator.js'
import { ZodBody, ZodQuery } from '../http/zod-body.decorator.js'
import { pageQuery, type Page, type PageQuery } from '../request-fields.js'
import { DeviceClasses } from '../rollout/device-classes.service.js'
import { Refusal } from '../../domain/refusal.js'
import { ActionViews, type ActionView } from './action-views.service.js'
import { deviceIdOf, makeDdiToken } from './ddi-secret.js'
import { GatewayTokens, type GatewayTokenView } from './gateway-tokens.service.js'
import { RefusalCounts, type RefusalCount } from '../refusals/refusal-counts.service.js'
import { TargetStore, type TargetView } from './target-store.service.js'

/** One that a fleet has already is taken over, so that its devices need no changed line. */
const token = z
  .string()
  .regex(/^[\x21-\x7e]{16,128}$/, 'not 16 to 128 printable characters')
  .optional()
const className = z.string().min(1).max(64)
const NewTarget = z.strictObject({
  controllerId: z
    .string()
    .min(1)
    .max(256)
    .refine((text) => !text.includes('\0'), 'a NUL character'),
  className,
  token,
})
type NewTarget = z.infer<typeof NewTarget>
const NewToken = z.strictObject({ token })
type NewToken = z.infer<typeof NewToken>
const NewGatewayToken = z
  .strictObject({
    label: z.string().min(1).max(64),
    className: className.optional(),
    /** Clients that nobody knows yet, which it may let in. */
    uses: z.number().int().min(0).max(10_000_000).default(0),
    expires: z.number().int().positive(),
    token,
  })
  .refine((body) => body.uses === 0 || body.className !== undefined, 'whom it lets in has a class')
type NewGatewayToken = z.infer<typeof NewGatewayToken>

const nameOf = (caller: Caller): string => caller.person ?? caller.label

/** Clients that speak DDI, as people see them: let in, given tokens, watched. */
@ApiTags('ddi')
@Controller('api/v1/:product/:environment/ddi')
@Roles('fleet-manager')
export class TargetsController {
  constructor(
    private readonly targets: TargetStore,
    private readonly gateways: GatewayTokens,
    private readonly actions: ActionViews,
    private readonly refusals: RefusalCounts,
    private readonly classes: DeviceClasses,
  ) {}

  /** The token is in this answer and nowhere else. */
  @Post('targets')
  async create(
    @FromCaller() caller: Caller,
    @ZodBody(NewTarget) body: NewTarget,
  ): Promise<{ deviceId: string; token: string }> {
    const { namespace } = caller
    const { controllerId } = body
    const classId = this.classes.requireId(namespace, body.className)
    const secret = body.token ?? makeDdiToken()
    const request = { namespace, controllerId, classId, token: secret, actor: nameOf(caller) }
    const deviceId = deviceIdOf(namespace, controllerId)
    if (!(await this.targets.enrol(request)))
      throw new Refusal('CONFLICT', { what: 'DDI client', why: await this.targets.whyTaken(namespace, deviceId) })
    return { deviceId, token: secret }
  }

  @Get('targets')
  @Roles(...readers)
  list(@FromCaller() caller: Caller, @ZodQuery(pageQuery) page: PageQuery): Promise<Page<TargetView>> {
    return this.targets.list(caller.namespace, page)
  }

  /** The token before is void at once. */
  @Post('targets/:id/token')
  async renew(
    @FromCaller() caller: Caller,
    @Param('id') id: string,
    @ZodBody(NewToken) body: NewToken,
  ): Promise<{ token: string }> {
    return { token: await this.targets.renewToken(caller.namespace, id, body.token ?? null, nameOf(caller)) }
  }

  @Post('targets/:id/config-data-request')
  @HttpCode(200)
  async askConfigData(@FromCaller() caller: Caller, @Param('id') id: string): Promise<{ asked: true }> {
    await this.targets.askConfigData(caller.namespace, id)
    return { asked: true }
  }

  @Get('targets/:id/actions')
  @Roles(...readers)
  history(
    @FromCaller() caller: Caller,
    @Param('id') id: string,
    @ZodQuery(pageQuery) page: PageQuery,
  ): Promise<Page<ActionView>> {
    return this.actions.list(caller.namespace, id, page)
  }

  @Post('gateway-tokens')
  @Roles('fleet-manager', 'security-officer')
  createGateway(
    @FromCaller() caller: Caller,
    @ZodBody(NewGatewayToken) body: NewGatewayToken,
  ): Promise<{ id: string; token: string }> {
    const { namespace } = caller
    const classId = body.className === undefined ? null : this.classes.requireId(namespace, body.className)
    const { label, uses, expires } = body
    const given = body.token ?? null
    return this.gateways.create({ namespace, label, uses, expires, classId, token: given, actor: nameOf(caller) })
  }

  @Get('gateway-tokens')
  @Roles('fleet-manager', 'security-officer')
  listGateways(@FromCaller() caller: Caller, @ZodQuery(pageQuery) page: PageQuery): Promise<Page<GatewayTokenView>> {
    return this.gateways.list(caller.namespace, page)
  }

  @Delete('gateway-tokens/:id')
  @Roles('fleet-manager', 'security-officer')
  @HttpCode(204)
  async revokeGateway(@FromCaller() caller: Caller, @Param('id') id: string): Promise<void> {
    await this.gateways.revoke(caller.namespace, id, nameOf(caller))
  }

  /** How often clients were told "no", by its code. */
  @Get('refusals')
  @Roles(...readers)
  async refused(@FromCaller() caller: Caller): Promise<{ items: readonly RefusalCount[] }> {
    return { items: await this.refusals.list(caller.namespace, 'ddi') }
  }
}
