import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { toBase64Url, toHex } from '../../domain/bytes.js'
import { MAX_DOCUMENT_BYTES } from '../../domain/trust/labels.js'
import { FromCaller, type Caller } from '../access/caller.decorator.js'
import { readers, Roles } from '../access/roles.decorator.js'
import { ZodBody } from '../http/zod-body.decorator.js'
import { bytesField } from '../request-fields.js'
import type { SignerNo } from '../signer-no.js'
import type { ReSignState } from './re-sign-request.row.js'
import { ReSignService, type ReSign } from './re-sign.service.js'

const newApproval = z.strictObject({ approval: bytesField(MAX_DOCUMENT_BYTES) })

interface ReSignView {
  readonly id: string
  readonly requestId: string
  readonly releaseId: string
  readonly manifestSha256: string
  readonly state: ReSignState
  readonly approvals: readonly { person: string; role: string; keyId: string; time: number; approval: string }[]
  readonly envelope: string | null
  readonly lastRefusal: SignerNo | null
}

/** The signature of a newer key for a release that is signed already: its digest, image and sequence stay. */
@ApiTags('releases')
@Controller('api/v1/:product/:environment/releases/:id/re-sign')
export class ReSignController {
  constructor(private readonly reSigns: ReSignService) {}

  @Post()
  @Roles('engineer', 'ci', 'approver')
  @HttpCode(200)
  async open(@FromCaller() caller: Caller, @Param('id') id: string): Promise<ReSignView> {
    return viewOf(await this.reSigns.open(caller.namespace, id, caller))
  }

  @Get()
  @Roles(...readers, 'ci')
  async show(@FromCaller() caller: Caller, @Param('id') id: string): Promise<ReSignView> {
    return viewOf(await this.reSigns.show(caller.namespace, id))
  }

  @Post('approvals')
  @Roles('approver')
  @HttpCode(200)
  async approve(
    @FromCaller() caller: Caller,
    @Param('id') id: string,
    @ZodBody(newApproval) body: z.infer<typeof newApproval>,
  ): Promise<ReSignView> {
    return viewOf(await this.reSigns.approve(caller.namespace, id, body.approval))
  }
}

const viewOf = ({ row, release, approvals }: ReSign): ReSignView => ({
  id: row.id,
  requestId: row.id,
  releaseId: row.releaseId,
  manifestSha256: toHex(release.row.manifestSha256),
  state: row.state,
  approvals: approvals.map((each) => ({
    person: each.person,
    role: each.role,
    keyId: toHex(each.keyId),
    time: each.receivedAt,
    approval: toBase64Url(each.document),
  })),
  envelope: release.row.envelope === null ? null : toBase64Url(release.row.envelope),
  lastRefusal: row.lastRefusal,
})
