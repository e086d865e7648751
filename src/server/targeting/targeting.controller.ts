import { Controller, Delete, Get, HttpCode, Param, Patch, Post, Put } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { Refusal } from '../../domain/refusal.js'
import { isDeviceId } from '../../domain/trust/assignment.js'
import { FromCaller, type Caller } from '../access/caller.decorator.js'
import { readers, Roles } from '../access/roles.decorator.js'
import { ZodBody, ZodQuery } from '../http/zod-body.decorator.js'
import { pageQuery, type Page, type PageQuery } from '../request-fields.js'
import { DeviceFactsService } from './device-facts.service.js'
import { GroupService, type GroupRow } from './group.service.js'

/** The database keeps no NUL and no half of a character. */
const text = (most: number) =>
  z
    .string()
    .max(most)
    .refine(
      (value) => !value.includes('\0') && !/\p{Surrogate}/u.test(value),
      'has a character that no device can have',
    )
const name = text(128).min(1)
const filter = z.string().min(1).max(65_536)
const FactChange = z.strictObject({
  attributes: z.record(name, text(128).nullable()).default({}),
  addTags: z.array(name).max(100).default([]),
  removeTags: z.array(name).max(100).default([]),
})
type FactChange = z.infer<typeof FactChange>
const ManyChange = FactChange.extend({ filter, after: z.string().max(128).default('') })
type ManyChange = z.infer<typeof ManyChange>
const CountQuery = z.object({ filter })
type CountQuery = z.infer<typeof CountQuery>
const NewGroup = z.strictObject({ filter: filter.nullable() })
type NewGroup = z.infer<typeof NewGroup>
const deviceIds = z.array(z.string().refine(isDeviceId, 'not a device id')).max(10_000).default([])
const MemberChange = z.strictObject({ add: deviceIds, remove: deviceIds })
type MemberChange = z.infer<typeof MemberChange>

export interface GroupView {
  readonly name: string
  readonly filter: string | null
  /** False while devices are still being looked at. */
  readonly isComplete: boolean
  readonly changedAt: number
  readonly changedBy: string
}

/** What people say about devices, and whom a filter finds. */
@ApiTags('devices')
@Controller('api/v1/:product/:environment')
@Roles('fleet-manager')
export class TargetingController {
  constructor(
    private readonly facts: DeviceFactsService,
    private readonly groups: GroupService,
  ) {}

  @Patch('devices/:id/facts')
  @HttpCode(204)
  change(@FromCaller() caller: Caller, @Param('id') id: string, @ZodBody(FactChange) body: FactChange): Promise<void> {
    return this.facts.changeOne(id, body, caller)
  }

  @Post('device-facts')
  @HttpCode(200)
  changeMany(
    @FromCaller() caller: Caller,
    @ZodBody(ManyChange) { filter: whom, after, ...change }: ManyChange,
  ): Promise<{ readonly devices: number; readonly next: string | null }> {
    return this.facts.changeMany(whom, change, after, caller)
  }

  @Get('device-count')
  @Roles(...readers)
  async count(
    @FromCaller() { namespace }: Caller,
    @ZodQuery(CountQuery) query: CountQuery,
  ): Promise<{ readonly devices: number }> {
    return { devices: await this.facts.count(namespace, query.filter) }
  }

  @Get('groups')
  @Roles(...readers)
  async list(@FromCaller() { namespace }: Caller, @ZodQuery(pageQuery) page: PageQuery): Promise<Page<GroupView>> {
    const { items, next } = await this.groups.list(namespace, page)
    return { items: items.map(viewOf), next }
  }

  @Get('groups/:name')
  @Roles(...readers)
  async show(@FromCaller() { namespace }: Caller, @Param('name') group: string): Promise<GroupView> {
    return viewOf(await this.groups.get(namespace, group))
  }

  @Put('groups/:name')
  async put(
    @FromCaller() caller: Caller,
    @Param('name') group: string,
    @ZodBody(NewGroup) body: NewGroup,
  ): Promise<GroupView> {
    if (!name.safeParse(group).success)
      throw new Refusal('REQUEST_INVALID', { field: 'name', why: '1 to 128 characters that the database keeps' })
    return viewOf(await this.groups.put(group, body.filter, caller))
  }

  @Delete('groups/:name')
  @HttpCode(204)
  remove(@FromCaller() caller: Caller, @Param('name') group: string): Promise<void> {
    return this.groups.remove(group, caller)
  }

  @Post('groups/:name/members')
  @HttpCode(200)
  async members(
    @FromCaller() caller: Caller,
    @Param('name') group: string,
    @ZodBody(MemberChange) body: MemberChange,
  ): Promise<{ readonly added: number }> {
    return { added: await this.groups.change(group, body.add, body.remove, caller) }
  }
}

const viewOf = (row: GroupRow): GroupView => ({
  name: row.name,
  filter: row.filter,
  isComplete: row.filled_to === null,
  changedAt: row.changed_at,
  changedBy: row.changed_by,
})
