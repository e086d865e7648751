import { Controller, Get } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { FromCaller, type Caller } from '../access/caller.decorator.js'
import { readers, Roles } from '../access/roles.decorator.js'
import { ZodQuery } from '../http/zod-body.decorator.js'
import { pageQuery, type Page, type PageQuery } from '../request-fields.js'
import { ReSignService, type ReSignSummary } from './re-sign.service.js'

/** Re-signatures that wait for people: after a rotation the server opens them by itself. */
@ApiTags('releases')
@Controller('api/v1/:product/:environment/re-sign-requests')
export class ReSignListController {
  constructor(private readonly reSigns: ReSignService) {}

  @Get()
  @Roles(...readers, 'ci')
  list(@FromCaller() caller: Caller, @ZodQuery(pageQuery) page: PageQuery): Promise<Page<ReSignSummary>> {
    return this.reSigns.listOpen(caller.namespace, page)
  }
}
