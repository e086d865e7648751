import { Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { ZodBody, ZodQuery } from '../http/zod-body.decorator.js'
import { pageQuery, type PageQuery, type Page } from '../request-fields.js'
import { FromCaller, type Caller } from './caller.decorator.js'
import { apiRoles, Roles } from './roles.decorator.js'
import { TokenService, type TokenView } from './token.service.js'

const newToken = z.strictObject({
  label: z.string().min(1).max(64),
  roles: z.array(z.enum(apiRoles)).min(1).max(apiRoles.length),
  person: z.string().min(1).max(64).optional(),
  expires: z.number().int().positive(),
})
type NewToken = z.infer<typeof newToken>

/** Who may call this server for a namespace. A token's text is shown once, when it is made. */
@ApiTags('access')
@Controller('api/v1/:product/:environment/tokens')
@Roles('security-officer')
export class TokenController {
  constructor(private readonly tokens: TokenService) {}

  @Post()
  create(@FromCaller() caller: Caller, @ZodBody(newToken) body: NewToken): Promise<TokenView & { token: string }> {
    const { label, roles, person = null, expires } = body
    return this.tokens.create({ namespace: caller.namespace, label, roles, person, expires }, caller)
  }

  @Get()
  list(@FromCaller() caller: Caller, @ZodQuery(pageQuery) page: PageQuery): Promise<Page<TokenView>> {
    return this.tokens.list(caller.namespace, page)
  }

  @Delete(':id')
  @HttpCode(204)
  revoke(@FromCaller() caller: Caller, @Param('id') id: string): Promise<void> {
    return this.tokens.revoke(id, caller)
  }
}
