import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { FromCaller, type Caller } from '../../access/caller.decorator.js'
import { readers, Roles } from '../../access/roles.decorator.js'
import { ZodBody, ZodQuery } from '../../http/zod-body.decorator.js'
import { pageQuery, type Page, type PageQuery } from '../../request-fields.js'
import { DecommissionService } from './decommission.service.js'
import { Duplicates, type DuplicateView } from './duplicates.service.js'
import { Registrations, type RegistrationResult } from './registrations.service.js'

const MOST_KEYS = 1_000
const attribute = z.string().min(1).max(128)
const NewRegistrations = z.strictObject({
  items: z
    .array(
      z.strictObject({
        key: z.string().max(256),
        className: z.string().min(1).max(64),
        attributes: z.record(attribute, z.string().max(128)).default({}),
      }),
    )
    .min(1)
    .max(MOST_KEYS),
})
type NewRegistrations = z.infer<typeof NewRegistrations>

const nameOf = (caller: Caller): string => caller.person ?? caller.label

/** Who may become a device, who is one no more, and who seems to be two. */
@ApiTags('devices')
@Controller('api/v1/:product/:environment')
export class RegistryController {
  constructor(
    private readonly registrations: Registrations,
    private readonly decommissions: DecommissionService,
    private readonly duplicates: Duplicates,
  ) {}

  /** Public keys that may enrol without a token; each is answered for itself. */
  @Post('device-registrations')
  @Roles('fleet-manager', 'security-officer')
  @HttpCode(200)
  async register(
    @FromCaller() caller: Caller,
    @ZodBody(NewRegistrations) body: NewRegistrations,
  ): Promise<{ items: readonly RegistrationResult[] }> {
    return { items: await this.registrations.add(caller.namespace, body.items, nameOf(caller)) }
  }

  /** For good. Repeat it when the broker could not be told. */
  @Post('devices/:id/decommission')
  @Roles('fleet-manager', 'security-officer')
  @HttpCode(200)
  async decommission(
    @FromCaller() caller: Caller,
    @Param('id') id: string,
  ): Promise<{ deviceId: string; state: string }> {
    await this.decommissions.decommission(caller.namespace, id, nameOf(caller))
    return { deviceId: id, state: 'decommissioned' }
  }

  @Get('device-duplicates')
  @Roles(...readers)
  list(@FromCaller() caller: Caller, @ZodQuery(pageQuery) page: PageQuery): Promise<Page<DuplicateView>> {
    return this.duplicates.list(caller.namespace, page)
  }
}
