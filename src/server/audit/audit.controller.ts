import { Controller, Get } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { FromCaller, type Caller } from '../access/caller.decorator.js'
import { Roles } from '../access/roles.decorator.js'
import { ZodQuery } from '../http/zod-body.decorator.js'
import { pageQuery, type PageQuery, type Page } from '../request-fields.js'
import { AuditService, type AuditEntryView } from './audit.service.js'

/** Who did what. Each entry names the hash of the one before, so an auditor recomputes the chain without trusting us. */
@ApiTags('audit')
@Controller('api/v1/:product/:environment/audit')
@Roles('auditor', 'security-officer')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  @Get()
  list(@FromCaller() caller: Caller, @ZodQuery(pageQuery) page: PageQuery): Promise<Page<AuditEntryView>> {
    return this.audit.list(caller.namespace, page)
  }
}
